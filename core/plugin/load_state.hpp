// What can become of one plugin file, in names and in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sporehost::plugin {

enum class LoadState {
  Loaded,
  AbiMinorOlder,     // loaded; built against an older minor of the SDK, so this host's newer services go unused
  DuplicateId,       // loaded, but everything it offers is taken from a plugin found earlier
  NotFound,          // no such file
  NotReadable,       // there, but no readable regular file
  NotElf,            // not a shared object at all: a text file, a script, an archive
  Truncated,         // an ELF file that ends before its own headers say
  WrongArchitecture, // for another instruction set, by its ELF header or by its descriptor
  LoadFailed,        // the dynamic linker refused; the reason carries its words
  NoEntry,           // does not export sporehost_plugin_entry
  EntryFailed,       // the entry returned NULL or threw
  WrongMagic,        // what the entry returned is no sporehost descriptor
  AbiMajor,          // built against another major version of the SDK
  BadDescriptor,     // the descriptor breaks a rule of docs/sdk.md
  Crashed,           // a signal ended the child process that looked at it
  Exited,            // it ended that process by itself
  TimedOut           // it did not come back in the time allowed
};

// For people and for JSON: "loaded", "wrong-architecture", ... [any]
[[nodiscard]] std::string_view name_of(LoadState state);

// Whether factories of a plugin in this state may be used. [any]
[[nodiscard]] bool is_usable(LoadState state);

// Why a plugin is refused. `rule` is the number nn of SDK-nn in docs/sdk.md, 0 where none is broken.
struct LoadFailure {
  LoadState state;
  std::string reason;
  int rule = 0;
};

// "backend", "virtio-device", "io-device", "memory-policy", or empty for a kind this host does not know. [any]
[[nodiscard]] std::string_view kind_name(uint32_t kind);

// "x86-64", "arm64", or empty. `arch` is a SPORE_ARCH_* value. [any]
[[nodiscard]] std::string_view arch_name(uint32_t arch);

} // namespace sporehost::plugin

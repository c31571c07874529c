// Reads a plugin's descriptor, trusting nothing in it, into plain values of the host.
#pragma once

#include "core/plugin/load_state.hpp"

#include <sporehost/abi.h>

#include <string>
#include <variant>
#include <vector>

namespace sporehost::plugin {

// One thing a plugin can make. The texts are copies; `make` is the plugin's own function.
struct Factory {
  uint32_t kind = 0;
  std::string id;
  std::string summary;
  std::string options_schema; // JSON Schema; parses as an object
  // Host services that its objects cannot do without.
  std::vector<std::string> uses;
  decltype(spore_factory::create) make = nullptr;
  std::string shadowed_by; // path of the plugin that this kind and id is taken from instead; empty: this one is used
};

struct Descriptor {
  std::string id;
  std::string version;
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;
  uint32_t arch = 0;
  std::vector<Factory> factories;
};

// The version that the reading host speaks; a parameter so that tests can be an older or a newer host.
struct HostAbi {
  uint16_t major = SPORE_ABI_MAJOR;
  uint16_t minor = SPORE_ABI_MINOR;
};

// Reads and checks what sporehost_plugin_entry returned: rules SDK-2 to SDK-6 of docs/sdk.md. [main]
// Accepts any minor. A factory of a kind that this host does not know is accepted in a plugin newer than the host,
// whose minor may have added it, and refused otherwise. The first rule broken is the one reported.
[[nodiscard]] std::variant<Descriptor, LoadFailure> read_descriptor(const spore_plugin* plugin, HostAbi host = {});

} // namespace sporehost::plugin

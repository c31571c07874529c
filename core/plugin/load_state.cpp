#include "core/plugin/load_state.hpp"

#include <sporehost/abi.h>

namespace sporehost::plugin {

std::string_view name_of(LoadState state) {
  switch (state) {
    case LoadState::Loaded:
      return "loaded";
    case LoadState::AbiMinorOlder:
      return "abi-minor-older";
    case LoadState::DuplicateId:
      return "duplicate-id";
    case LoadState::NotFound:
      return "not-found";
    case LoadState::NotReadable:
      return "not-readable";
    case LoadState::NotElf:
      return "not-elf";
    case LoadState::Truncated:
      return "truncated";
    case LoadState::WrongArchitecture:
      return "wrong-architecture";
    case LoadState::LoadFailed:
      return "load-failed";
    case LoadState::NoEntry:
      return "no-entry";
    case LoadState::EntryFailed:
      return "entry-failed";
    case LoadState::WrongMagic:
      return "wrong-magic";
    case LoadState::AbiMajor:
      return "abi-major";
    case LoadState::BadDescriptor:
      return "bad-descriptor";
    case LoadState::Crashed:
      return "crashed";
    case LoadState::Exited:
      return "exited";
    case LoadState::TimedOut:
      return "timed-out";
  }
  return "unknown";
}

bool is_usable(LoadState state) {
  return state == LoadState::Loaded || state == LoadState::AbiMinorOlder || state == LoadState::DuplicateId;
}

std::string_view kind_name(uint32_t kind) {
  switch (kind) {
    case SPORE_KIND_BACKEND:
      return "backend";
    case SPORE_KIND_VIRTIO_DEVICE:
      return "virtio-device";
    case SPORE_KIND_IO_DEVICE:
      return "io-device";
    case SPORE_KIND_MEMORY_POLICY:
      return "memory-policy";
    default:
      return {};
  }
}

std::string_view arch_name(uint32_t arch) {
  switch (arch) {
    case SPORE_ARCH_X86_64:
      return "x86-64";
    case SPORE_ARCH_AARCH64:
      return "arm64";
    default:
      return {};
  }
}

} // namespace sporehost::plugin

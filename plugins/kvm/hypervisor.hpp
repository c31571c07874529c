// KVM on this machine: its device, open and found sufficient, and what it offers guests. Whatever looks first makes it,
// the probe or the VM, and the other one uses the same: nothing is asked twice at a start.
#pragma once

#include <memory>
#include <string>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/device.hpp"

namespace kvm {

struct Hypervisor {
  Device device;
  std::shared_ptr<const arch::Offer> offer;

  // Opens the device node at `path`. [main] Errors: those of Device::open; SPORE_E_UNSUPPORTED, with their names, where
  // capabilities are missing that every VM needs.
  static spore::Result<Hypervisor> open(const std::string& path);
};

} // namespace kvm

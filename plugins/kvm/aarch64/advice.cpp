#include "plugins/kvm/arch.hpp"

namespace kvm::arch {

std::string_view advice_without_device() {
  return "; KVM on arm64 is part of the kernel and needs to be started at EL2: see `dmesg | grep kvm`, and in a "
         "virtual "
         "machine enable nested virtualization; in a container, pass the device in";
}

} // namespace kvm::arch

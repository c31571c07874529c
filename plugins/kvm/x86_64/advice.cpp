#include "plugins/kvm/arch.hpp"

namespace kvm::arch {

std::string_view advice_without_device() {
  return "; load the module (modprobe kvm_amd, or modprobe kvm_intel) and see that virtualization is enabled in the "
         "firmware; in a container, pass the device in";
}

} // namespace kvm::arch

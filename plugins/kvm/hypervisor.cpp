#include "plugins/kvm/hypervisor.hpp"

#include <linux/kvm.h>

namespace kvm {
namespace {

constexpr Capability kRequired[] = {
    {KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
    {KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS"},
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
    {KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"},
    {KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
};

std::string missing_capabilities(const Device& device) {
  std::string common = device.missing(kRequired);
  const std::string special = device.missing(arch::required_capabilities());
  if (!common.empty() && !special.empty()) common += ", ";
  return common + special;
}

} // namespace

spore::Result<Hypervisor> Hypervisor::open(const std::string& path) {
  SPORE_TRY(Device device, Device::open(path));
  if (const std::string missing = missing_capabilities(device); !missing.empty()) {
    return spore::fail(SPORE_E_UNSUPPORTED, path + " lacks " + missing + "; a newer Linux kernel is needed");
  }
  SPORE_TRY(auto offer, arch::ask_offer(device));
  return Hypervisor{std::move(device), std::move(offer)};
}

} // namespace kvm

// A backend that takes everything and runs nothing: for devices that are made for a trial, and for tests, which change
// what they look at.
#pragma once

#include <memory>
#include <sporehost/backend.hpp>
#include <string>
#include <utility>

#include "core/plugin/object.hpp"

namespace sporehost {

class IdleBackend : public spore::Backend {
 public:
  spore::Result<void> probe(bool /*measure*/, spore_probe& /*out*/) override { return {}; }
  spore::Result<void> open(const spore_vm_config& /*config*/, const spore_vm_callbacks& /*callbacks*/) override {
    return {};
  }
  spore::Result<void> map_memory(uint64_t /*gpa*/, void* /*host*/, uint64_t /*bytes*/, uint32_t /*flags*/) override {
    return {};
  }
  spore::Result<void> unmap_memory(uint64_t /*gpa*/, uint64_t /*bytes*/) override { return {}; }
  spore::Result<void> create_vcpu(uint32_t /*index*/) override { return {}; }
  void destroy_vcpu(uint32_t /*index*/) override {}
  spore::Result<void> run(uint32_t /*index*/, spore_exit& /*out*/) override {
    return spore::fail(SPORE_E_UNSUPPORTED, "this backend runs nothing");
  }
  void kick(uint32_t /*index*/) override {}
  spore_status set_irq_line(uint32_t /*gsi*/, bool /*high*/) override { return SPORE_OK; }
  spore_status pulse_irq(uint32_t /*gsi*/) override { return SPORE_OK; }
};

// A backend of this process as an object like a plugin's; `origin` names it in errors.
inline plugin::PluginObject to_object(std::unique_ptr<spore::Backend> backend, std::string origin) {
  return {nullptr, {&spore::Backend::Ops::table, backend.release()}, std::move(origin)};
}

} // namespace sporehost

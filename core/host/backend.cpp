#include "core/host/backend.hpp"

#include "core/base/foreign_text.hpp"

namespace sporehost {

using spore::Result;

void Backend::pulse_irq(uint32_t gsi) {
  spore_status status = SPORE_E_INTERNAL;
  call_plugin(object_.who(), "pulse_irq", [&] { status = ops()->pulse_irq(self(), gsi); });
  if (status == SPORE_OK) return;
  lost_interrupts_.fetch_add(1, std::memory_order_relaxed);
  lost_log_.write(SPORE_LOG_ERROR, [&] {
    return object_.origin() + ": interrupt " + std::to_string(gsi) + " is lost: pulse_irq returned " +
           std::to_string(status) + "; the guest may wait for it for ever";
  });
}

template <typename Call>
Result<void> Backend::call(const char* function, Call&& call) const {
  spore_error error{};
  spore_status status = SPORE_E_INTERNAL;
  if (!call_plugin(object_.who(), function, [&] { status = call(*object_.ops<spore_backend_ops>(), &error); }))
    return spore::fail(SPORE_E_INTERNAL, object_.origin() + ": " + function + " let an exception out (SDK-7)");
  if (auto result = outcome_of(function, status, error); !result) return result.error().in(object_.origin());
  return {};
}

Result<spore_probe> Backend::probe(bool measure) {
  spore_probe found{};
  found.size = sizeof found;
  SPORE_CHECK(call("probe", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.probe(self(), measure ? 1 : 0, &found, error);
  }));
  clean_field(found.summary);
  return found;
}

Result<void> Backend::open(const spore_vm_config& config, const spore_vm_callbacks& callbacks) {
  return call("open", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.open(self(), &config, &callbacks, error);
  });
}

Result<void> Backend::map_memory(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) {
  return call("map_memory", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.map_memory(self(), gpa, host, bytes, flags, error);
  });
}

Result<void> Backend::unmap_memory(uint64_t gpa, uint64_t bytes) {
  return call("unmap_memory", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.unmap_memory(self(), gpa, bytes, error);
  });
}

Result<void> Backend::create_vcpu(uint32_t index) {
  return call("create_vcpu",
              [&](const spore_backend_ops& ops, spore_error* error) { return ops.create_vcpu(self(), index, error); });
}

Result<spore_exit> Backend::run(uint32_t index) {
  spore_exit exit{};
  exit.size = sizeof exit;
  SPORE_CHECK(call(
      "run", [&](const spore_backend_ops& ops, spore_error* error) { return ops.run(self(), index, &exit, error); }));
  clean_field(exit.text);
  return exit;
}

Result<void> Backend::add_doorbell(const spore_doorbell& doorbell) {
  return call("add_doorbell", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.add_doorbell(self(), &doorbell, error);
  });
}

template <typename Table>
Result<const Table*> Backend::require(const char* name, const char* machine) const {
  const Table* table = nullptr;
  call_plugin(object_.who(), "query_interface",
              [&] { table = static_cast<const Table*>(ops()->query_interface(self(), name)); });
  if (table != nullptr) return table;
  return spore::fail(SPORE_E_UNSUPPORTED,
                     object_.origin() + " does not offer " + name + ", which an " + machine + " machine needs");
}

Result<void> Backend::set_gic(uint64_t dist_gpa, uint64_t redist_gpa) {
  SPORE_TRY(const auto* vm, require<spore_arm64_vm>(SPORE_ARM64_VM_1, "arm64"));
  return call("set_gic", [&](const spore_backend_ops&, spore_error* error) {
    return vm->set_gic(self(), dist_gpa, redist_gpa, error);
  });
}

Result<void> Backend::set_arm64_state(uint32_t index, const spore_arm64_state& state) {
  SPORE_TRY(const auto* arm64, require<spore_arm64_vcpu>(SPORE_ARM64_VCPU_1, "arm64"));
  return call("set_state", [&](const spore_backend_ops&, spore_error* error) {
    return arm64->set_state(self(), index, &state, error);
  });
}

Result<void> Backend::set_x86_state(uint32_t index, const spore_x86_state& state) {
  SPORE_TRY(const auto* x86, require<spore_x86_vcpu>(SPORE_X86_VCPU_1, "x86-64"));
  return call("set_state", [&](const spore_backend_ops&, spore_error* error) {
    return x86->set_state(self(), index, &state, error);
  });
}

Result<void> Backend::map_slot(uint64_t gpa, void* host, uint64_t bytes) {
  return map_memory(gpa, host, bytes, SPORE_MAP_READ | SPORE_MAP_WRITE | SPORE_MAP_EXECUTE);
}

Result<void> Backend::unmap_slot(uint64_t gpa, uint64_t bytes) {
  return unmap_memory(gpa, bytes);
}

} // namespace sporehost

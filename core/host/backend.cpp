#include "core/host/backend.hpp"

#include <bit>

#include "core/base/foreign_text.hpp"
#include "core/base/page.hpp"

namespace sporehost {

using spore::Result;

template <typename Call>
void Backend::drive(const char* function, uint32_t gsi, Call&& call) {
  spore_status status = SPORE_E_INTERNAL;
  call_plugin(object_.who(), function, [&] { status = call(*object_.ops<spore_backend_ops>()); });
  if (status == SPORE_OK) return;
  lost_interrupts_.fetch_add(1, std::memory_order_relaxed);
  lost_log_.write(SPORE_LOG_ERROR, [&] {
    return object_.origin() + ": interrupt " + std::to_string(gsi) + " is lost: " + function + " returned " +
           std::to_string(status) + "; the guest may wait for it for ever";
  });
}

void Backend::pulse_irq(uint32_t gsi) {
  drive("pulse_irq", gsi, [&](const spore_backend_ops& ops) { return ops.pulse_irq(self(), gsi); });
}

void Backend::set_irq_line(uint32_t gsi, bool high) {
  drive("set_irq_line", gsi, [&](const spore_backend_ops& ops) { return ops.set_irq_line(self(), gsi, high ? 1 : 0); });
}

template <typename Call>
Result<void> Backend::call(const char* function, Call&& call) const {
  return object_.ask(function, [&](spore_error* error) { return call(*object_.ops<spore_backend_ops>(), error); });
}

Result<Probe> Backend::probe(bool measure) {
  TextRoom<512> room;
  spore_probe raw{};
  raw.size = sizeof raw;
  raw.summary = room.text();
  SPORE_CHECK(call("probe", [&](const spore_backend_ops& ops, spore_error* error) {
    return ops.probe(self(), measure ? 1 : 0, &raw, error);
  }));
  if (raw.size != sizeof raw) return broken_fill("probe").in(object_.origin());
  capabilities_ = raw.capabilities;
  if (raw.page_bytes == 0) raw.page_bytes = host_page_bytes(); // it said nothing of it
  if (!std::has_single_bit(raw.page_bytes))
    return spore::fail(SPORE_E_INVALID, object_.origin() + ": its probe has page_bytes " +
                                            std::to_string(raw.page_bytes) + ", which is no power of two");
  return Probe{raw.usable != 0,       raw.fit_for_linux != 0, raw.vcpus_max,        raw.instructions_per_second,
               raw.capabilities,      raw.page_bytes,         raw.memory_slots_max, raw.guest_address_bits,
               room.read(raw.summary)};
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

Result<VcpuExit> Backend::run(uint32_t index) {
  TextRoom<256> room;
  spore_exit raw{};
  raw.size = sizeof raw;
  raw.text = room.text();
  SPORE_CHECK(call(
      "run", [&](const spore_backend_ops& ops, spore_error* error) { return ops.run(self(), index, &raw, error); }));
  if (raw.size != sizeof raw) return broken_fill("run").in(object_.origin());
  return VcpuExit{raw.reason, raw.address, room.read(raw.text)};
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
              [&] { table = static_cast<const Table*>(ops()->query_interface(self(), spore::to_abi(name))); });
  if (table != nullptr) {
    if (const std::string fault = plugin::check_interface(table); !fault.empty())
      return spore::fail(SPORE_E_INVALID,
                         object_.origin() + ": it offers a table of " + name + " " + fault + " (SDK-26)");
    return table;
  }
  return spore::fail(SPORE_E_UNSUPPORTED,
                     object_.origin() + " does not offer " + name + ", which an " + machine + " machine needs");
}

Result<spore_arm64_gic> Backend::describe_gic() {
  SPORE_TRY(const auto* vm, require<spore_arm64_vm>(SPORE_ARM64_VM_1, "arm64"));
  spore_arm64_gic gic{};
  gic.size = sizeof gic;
  SPORE_CHECK(call("describe_gic", [&](const spore_backend_ops&, spore_error* error) {
    return vm->describe_gic(self(), &gic, error);
  }));
  if (gic.size != sizeof gic || gic.reserved != 0 || gic.reserved2 != 0)
    return broken_fill("describe_gic").in(object_.origin());
  return gic;
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

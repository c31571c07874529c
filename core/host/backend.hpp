// The backend as the machine uses it: the plugin's table of functions with errors as values.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/result.hpp>

#include <atomic>
#include <string>

#include "core/base/source_log.hpp"
#include "core/board/board.hpp"
#include "core/memory/elastic_region.hpp"
#include "core/plugin/object.hpp"

namespace sporehost {

// What a probe found: spore_probe, with a text of its own.
struct Probe {
  bool usable = false;
  bool fit_for_linux = false;
  uint32_t vcpus_max = 0;
  uint64_t instructions_per_second = 0;
  uint64_t capabilities = 0;
  uint64_t page_bytes = 0;
  uint32_t memory_slots_max = 0;
  uint32_t guest_address_bits = 0;
  std::string summary;

  [[nodiscard]] bool can(uint64_t capability) const { return (capabilities & capability) != 0; } // SPORE_CAN_*
};

// Why a vCPU left `run`: spore_exit, likewise.
struct VcpuExit {
  uint32_t reason = SPORE_EXIT_FAULT;
  uint64_t address = 0;
  std::string text;
};

class Backend final : public SlotMapper, public VmSetup {
 public:
  // Takes the object over. [main]
  explicit Backend(plugin::PluginObject object) : object_(std::move(object)) {}

  // Each function is the one of the same name in backend.h, with the same thread tag; errors begin with the plugin's
  // path and id.
  spore::Result<Probe> probe(bool measure);
  // Whether its probe had this SPORE_CAN_*; one that was not probed is believed to have all. [any]
  [[nodiscard]] bool can(uint64_t capability) const { return (capabilities_ & capability) != 0; }
  spore::Result<void> open(const spore_vm_config& config, const spore_vm_callbacks& callbacks);
  spore::Result<void> map_memory(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags);
  spore::Result<void> unmap_memory(uint64_t gpa, uint64_t bytes);
  spore::Result<void> create_vcpu(uint32_t index);
  void destroy_vcpu(uint32_t index) { ops()->destroy_vcpu(self(), index); }
  spore::Result<VcpuExit> run(uint32_t index);
  void kick(uint32_t index) { ops()->kick(self(), index); }
  // A pulse that the backend does not make is counted and logged: a guest that waits for it waits for ever. [any]
  void pulse_irq(uint32_t gsi);
  void set_irq_line(uint32_t gsi, bool high); // [any] likewise
  [[nodiscard]] uint64_t lost_interrupts() const { return lost_interrupts_.load(std::memory_order_relaxed); }
  spore::Result<void> add_doorbell(const spore_doorbell& doorbell);
  void remove_doorbell(const spore_doorbell& doorbell) { (void)ops()->remove_doorbell(self(), &doorbell); }

  // VmSetup: by sporehost.x86-vcpu/1, sporehost.arm64-vm/1 and sporehost.arm64-vcpu/1.
  spore::Result<void> set_x86_state(uint32_t index, const spore_x86_state& state) override;
  spore::Result<spore_arm64_gic> describe_gic() override;
  spore::Result<void> set_gic(uint64_t dist_gpa, uint64_t redist_gpa) override;
  spore::Result<void> set_arm64_state(uint32_t index, const spore_arm64_state& state) override;

  // SlotMapper: elastic memory is mapped like any other.
  spore::Result<void> map_slot(uint64_t gpa, void* host, uint64_t bytes) override;
  spore::Result<void> unmap_slot(uint64_t gpa, uint64_t bytes) override;

 private:
  // An interface of the backend by name, for machines of the architecture `machine`.
  template <typename Table>
  [[nodiscard]] spore::Result<const Table*> require(const char* name, const char* machine) const;
  [[nodiscard]] NotedOps<spore_backend_ops> ops() const { return object_.ops<spore_backend_ops>(); }
  [[nodiscard]] void* self() const { return object_.self(); }
  // Calls a function of the table; its error, or an exception that came out of it, names the plugin.
  template <typename Call>
  spore::Result<void> call(const char* function, Call&& call) const;
  template <typename Call>
  void drive(const char* function, uint32_t gsi, Call&& call);

  plugin::PluginObject object_;
  uint64_t capabilities_ = UINT64_MAX;
  std::atomic<uint64_t> lost_interrupts_{0};
  SourceLog lost_log_{"backend"};
};

} // namespace sporehost

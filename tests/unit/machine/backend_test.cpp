#include "core/host/backend.hpp"

#include <gtest/gtest.h>

#include <sporehost/backend.hpp>

namespace sporehost {
namespace {

// A backend whose interrupt controller takes no pulse of odd lines.
class Deaf final : public spore::Backend {
 public:
  spore::Result<void> probe(bool, spore_probe&) override { return {}; }
  spore::Result<void> open(const spore_vm_config&, const spore_vm_callbacks&) override { return {}; }
  spore::Result<void> map_memory(uint64_t, void*, uint64_t, uint32_t) override { return {}; }
  spore::Result<void> unmap_memory(uint64_t, uint64_t) override { return {}; }
  spore::Result<void> create_vcpu(uint32_t) override { return {}; }
  void destroy_vcpu(uint32_t) override {}
  spore::Result<void> run(uint32_t, spore_exit&) override { return {}; }
  void kick(uint32_t) override {}
  spore_status set_irq_line(uint32_t, bool) override { return SPORE_OK; }
  spore_status pulse_irq(uint32_t gsi) override {
    return gsi % 2 != 0 ? static_cast<spore_status>(SPORE_E_IO) : static_cast<spore_status>(SPORE_OK);
  }
};

TEST(Backend, LostInterruptsAreCounted) {
  auto* deaf = std::make_unique<Deaf>().release(); // the wrapper destroys it
  Backend backend(
      plugin::PluginObject(nullptr, {&spore::Backend::Ops::table, static_cast<spore::Backend*>(deaf)}, "p"));
  backend.pulse_irq(4);
  EXPECT_EQ(backend.lost_interrupts(), 0u);
  for (int i = 0; i < 100; ++i) backend.pulse_irq(5);
  EXPECT_EQ(backend.lost_interrupts(), 100u);
}

} // namespace
} // namespace sporehost

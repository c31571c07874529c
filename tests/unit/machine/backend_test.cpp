#include "core/host/backend.hpp"

#include <gtest/gtest.h>

#include "core/host/idle_backend.hpp"

namespace sporehost {
namespace {

// A backend whose interrupt controller takes no pulse of odd lines.
class Deaf final : public IdleBackend {
 public:
  spore_status pulse_irq(uint32_t gsi) override {
    return gsi % 2 != 0 ? static_cast<spore_status>(SPORE_E_IO) : static_cast<spore_status>(SPORE_OK);
  }
};

TEST(Backend, LostInterruptsAreCounted) {
  Backend backend(to_object(std::make_unique<Deaf>(), "p"));
  backend.pulse_irq(4);
  EXPECT_EQ(backend.lost_interrupts(), 0u);
  for (int i = 0; i < 100; ++i) backend.pulse_irq(5);
  EXPECT_EQ(backend.lost_interrupts(), 100u);
}

} // namespace
} // namespace sporehost

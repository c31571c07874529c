// The service sporehost.interrupts/1 for tests: counts the edges on each of an I/O device's interrupts. [any]
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/fake_host.hpp>

namespace spore::testing {

class FakeInterrupts {
 public:
  explicit FakeInterrupts(FakeHost& host) : host_(host) { host_.provide(SPORE_INTERRUPTS_1, &table_); }
  FakeInterrupts(const FakeInterrupts&) = delete;
  FakeInterrupts& operator=(const FakeInterrupts&) = delete;

  [[nodiscard]] unsigned pulses(uint32_t index = 0) const { return pulses_.at(index).load(); }

 private:
  static void pulse_thunk(void* context, uint32_t index) {
    auto& self = *static_cast<FakeInterrupts*>(context);
    if (index >= SPORE_IO_IRQS_MAX) return self.host_.checks().broken("pulse: no such interrupt");
    ++self.pulses_[index];
  }

  FakeHost& host_;
  std::array<std::atomic<unsigned>, SPORE_IO_IRQS_MAX> pulses_{};

  const spore_interrupts table_{.size = sizeof(spore_interrupts), .context = this, .pulse = &pulse_thunk};
};

} // namespace spore::testing

// The service sporehost.interrupts/1 for tests: counts the edges on each of an I/O device's interrupts, and knows the
// level of each line. [any]
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/fake_host.hpp>

namespace spore::testing {

class FakeInterrupts {
 public:
  explicit FakeInterrupts(FakeHost& host) : host_(host), table_(make_table()) {
    host.provide(SPORE_INTERRUPTS_1, &table_);
  }
  FakeInterrupts(const FakeInterrupts&) = delete;
  FakeInterrupts& operator=(const FakeInterrupts&) = delete;

  [[nodiscard]] unsigned pulses(uint32_t index = 0) const { return lines_.at(index).pulses.load(); }
  [[nodiscard]] unsigned rises(uint32_t index = 0) const { return lines_.at(index).rises.load(); } // to high
  [[nodiscard]] bool level(uint32_t index = 0) const { return lines_.at(index).level.load(); }
  // Calls for an interrupt that the device has not described, or of the other trigger, or before it has described any:
  // nothing happens, as on the host.
  [[nodiscard]] unsigned wrong() const { return wrong_.load(); }

 private:
  struct Line {
    std::atomic<unsigned> pulses{0};
    std::atomic<unsigned> rises{0};
    std::atomic<bool> level{false};
  };

  Line* line(uint32_t index, uint32_t trigger) {
    const auto& triggers = host_.triggers();
    if (index < triggers.size() && index < lines_.size() && triggers[index] == trigger) return &lines_[index];
    return ++wrong_, nullptr;
  }

  spore_interrupts make_table() {
    spore_interrupts t{};
    t.size = sizeof t;
    t.context = this;
    t.pulse = [](void* context, uint32_t index) {
      if (Line* line = static_cast<FakeInterrupts*>(context)->line(index, SPORE_TRIGGER_EDGE)) ++line->pulses;
    };
    t.set_level = [](void* context, uint32_t index, uint32_t level) {
      if (Line* line = static_cast<FakeInterrupts*>(context)->line(index, SPORE_TRIGGER_LEVEL))
        line->rises += !line->level.exchange(level != 0) && level != 0 ? 1 : 0;
    };
    return t;
  }

  FakeHost& host_;
  std::array<Line, SPORE_IO_IRQS_MAX> lines_{};
  std::atomic<unsigned> wrong_{0};
  const spore_interrupts table_;
};

} // namespace spore::testing

// A vCPU's thread, the main thread and a device's thread at work on one device. Worth running under TSan.
#include "tests/support/echo_device.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace sporehost {
namespace {

using namespace virtio;
using testing::EchoMachine;

// Doorbells as eventfds are: a ring while one is pending is the same ring.
class Bell {
 public:
  void ring() {
    const std::lock_guard guard(mutex_);
    rung_ = true;
    condition_.notify_one();
  }
  // Sleeps until it rings; false when the machine stops. There is no time-out that would make up for a lost ring.
  bool wait(std::stop_token stop) {
    std::unique_lock guard(mutex_);
    condition_.wait(guard, stop, [&] { return rung_; });
    rung_ = false;
    return !stop.stop_requested();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool rung_ = false;
};

class VirtioThreads : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Split, VirtioThreads, ::testing::Values(false, true),
                         [](const auto& mode) { return mode.param ? "EventIndex" : "Flags"; });

// What a driver does in its interrupt handler: acknowledge, then drain with interrupts off, until nothing came in
// between switching them on and looking once more.
int handle_interrupt(EchoMachine& m, uint32_t queue) {
  int taken = 0;
  bool more = true;
  while (more) {
    m.queue(queue).want_interrupt(false);
    while (m.queue(queue).take_used()) ++taken;
    m.queue(queue).want_interrupt(true);
    more = m.queue(queue).take_used().has_value();
    taken += more ? 1 : 0;
  }
  return taken;
}

// The driver's thread fills both queues and then looks at nothing until it is interrupted; it rings only when it is
// asked to. So a lost doorbell or a lost interrupt is a stall. Queue 0 is served by the main thread, queue 1 is rung
// inline on the vCPU's thread and its chains are pushed by a device thread.
TEST_P(VirtioThreads, NoDoorbellAndNoInterruptIsLost) {
  constexpr int kRequests = 3000;
  EchoMachine m;
  ASSERT_TRUE(m.start(EchoMachine::kBasic | (GetParam() ? kFeatureEventIdx : 0)));

  Bell doorbell;
  std::jthread main_thread([&](std::stop_token stop) {
    while (doorbell.wait(stop)) m.transport().service_queue(0);
  });
  std::jthread device_thread([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      {
        const std::lock_guard lock(m.host());
        for (; !m.record.held.empty(); m.record.held.pop_front()) m.device().push(m.record.held.front(), 4);
        m.device().config_touched();
      }
      std::this_thread::yield();
    }
  });

  int sent[2] = {}, back[2] = {}, seen_pulses = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  while (back[0] + back[1] < 2 * kRequests) {
    for (uint32_t i = 0; i < 2; ++i) {
      for (; sent[i] < kRequests && m.queue(i).free_descriptors() >= 2; ++sent[i]) {
        m.queue(i).add({{0x8000, 4, false}, {0x9000 + 0x100 * i, 4, true}});
      }
      if (m.queue(i).should_kick()) i == 0 ? doorbell.ring() : m.driver().kick(i);
    }
    while (m.pulses == seen_pulses && back[0] + back[1] < sent[0] + sent[1]) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline)
          << "stalled with " << back[0] << " of " << sent[0] << " and " << back[1] << " of " << sent[1] << " back";
      std::this_thread::yield();
    }
    seen_pulses = m.pulses;
    m.driver().take_interrupts();
    for (uint32_t i = 0; i < 2; ++i) back[i] += handle_interrupt(m, i);
  }
  EXPECT_EQ(m.host().counters().chains, 2u * kRequests);
  EXPECT_EQ(m.host().counters().malformed, 0u);
  EXPECT_EQ(m.host().counters().violations, 0u);
}

TEST(VirtioThreadsReset, ResetsWhileOthersWork) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  std::jthread main_thread([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      m.transport().service_queue(0);
      m.transport().service_queue(1);
    }
  });
  std::jthread device_thread([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      const std::lock_guard lock(m.host());
      if (m.record.held.empty()) continue;
      m.device().push(m.record.held.front(), 4);
      m.record.held.pop_front();
    }
  });
  for (int round = 0; round < 200; ++round) {
    {
      // A driver takes its rings back when the reset has returned; nobody else touches them then.
      m.driver().reset();
      std::ranges::fill(m.memory.bytes().subspan(EchoMachine::kRings, 0x4000), uint8_t{0});
    }
    ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
    m.set_up_queues(EchoMachine::kBasic, 16);
    m.driver().driver_ok();
    for (uint32_t i = 0; i < 2; ++i) {
      m.queue(i).add({{0x8000, 4, false}, {0x9000 + 0x100 * i, 4, true}});
      m.driver().kick(i);
    }
  }
  EXPECT_EQ(m.host().counters().needs_reset, 0u);
  EXPECT_EQ(m.host().counters().malformed, 0u);
}

// A vCPU in its interrupt handler, while another thread is inside `notify` and has the device's lock.
TEST(VirtioInterrupts, AreReadAndAcknowledgedWhileTheDeviceIsBusy) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue().add({{EchoMachine::kBuffers, 4, false}, {EchoMachine::kBuffers + 8, 4, true}});
  m.driver().kick(0);
  std::promise<uint32_t> left;
  std::future<uint32_t> answer = left.get_future();
  std::unique_lock busy(m.host());
  std::thread vcpu([&] {
    EXPECT_EQ(m.driver().read(kMmioInterruptStatus), kInterruptUsed);
    m.driver().write(kMmioInterruptAck, kInterruptUsed);
    left.set_value(m.driver().read(kMmioInterruptStatus));
  });
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "it waits for the device";
  busy.unlock();
  vcpu.join();
  EXPECT_EQ(answer.get(), 0u);
}

} // namespace
} // namespace sporehost

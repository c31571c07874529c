// One device makes every call to its host, from every thread that may and from those that may not: to the fakes of the
// SDK and to the host itself. The two transcripts are the same, line by line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sporehost/virtio_device.hpp>

#include <thread>

#include "calls.hpp"
#include "sides.hpp"

namespace differential {
namespace {

class Probe final : public spore::VirtioDevice {
 public:
  Probe(const spore_host* host, Transcript& transcript) : host_(host), calls_(host, transcript) {
    calls_.create();
    calls_.any("create");
    calls_.device("create, which holds no lock");
  }
  ~Probe() override { calls_.any("destroy"); }

  void describe(spore_virtio_traits& out) override {
    static constexpr uint16_t kSizes[] = {64, 64};
    out.device_id = 4;
    out.queue_count = 2;
    out.queue_size_max = kSizes;
    out.config_bytes = 8;
  }
  void read_config(uint32_t, std::span<uint8_t>) override {}
  spore_status accept_features(const spore::Features&) override { return calls_.any("accept_features"), SPORE_OK; }
  spore::Result<void> activate(const spore_virtio_activation&) override {
    return calls_.any("activate"), spore::Result<void>{};
  }
  void notify(uint32_t) override {
    calls_.any("notify");
    calls_.device("notify");
  }
  void reset() override {
    calls_.any("reset");
    calls_.stale("reset");
  }

  // Of a thread of its own, with the device's lock or without.
  void from_a_thread(bool locked) {
    std::thread([&] {
      const std::string where = locked ? "a thread with the lock" : "a thread without the lock";
      const auto* lock = static_cast<const spore_device_lock*>(
          host_->query_interface(host_->context, spore::to_abi(SPORE_DEVICE_LOCK_1)));
      if (locked) lock->lock(lock->context);
      calls_.any(where);
      calls_.device(where);
      if (locked) lock->unlock(lock->context);
    }).join();
  }
  void from_a_timer() {
    host_->start_timer(
        host_->context, 0,
        [](void* self) {
          static_cast<Probe*>(self)->calls_.any("a timer");
          static_cast<Probe*>(self)->calls_.device("a timer");
        },
        this, nullptr);
  }

 private:
  const spore_host* host_;
  Calls calls_;
};

std::vector<std::string> transcript_of(Side& side) {
  Transcript transcript;
  auto probe = std::make_unique<Probe>(side.table(), transcript);
  Probe& object = *probe;
  side.adopt({&spore::VirtioDevice::Ops::table, static_cast<spore::VirtioDevice*>(probe.release())});
  side.start();
  const auto offer = [&side] {
    side.offer();
    side.offer();
  };
  offer();
  side.ring();
  offer();
  object.from_a_thread(true);
  offer();
  object.from_a_thread(false);
  offer();
  object.from_a_timer();
  side.turn();
  side.reset();
  side.start();
  side.ring();
  side.end();
  return transcript.lines();
}

// Line by line, so that a difference says which call it is.
void expect_same(const std::vector<std::string>& fake, const std::vector<std::string>& real, size_t at_least) {
  for (size_t i = 0; i < std::min(fake.size(), real.size()); ++i) EXPECT_EQ(fake[i], real[i]) << "line " << i;
  EXPECT_EQ(fake.size(), real.size());
  EXPECT_GE(real.size(), at_least) << "the probe has lost its tongue";
}

TEST(Differential, ADeviceIsAnsweredAlike) {
  FakeSide fake;
  RealSide real;
  expect_same(transcript_of(fake), transcript_of(real), 1500);
}

// Takes chains as long as there are any, of a driver that adds one for each; also in a timer.
class Greedy final : public spore::VirtioDevice {
 public:
  Greedy(Side& side, Transcript& transcript) : side_(side), transcript_(transcript), host_(side.table()) {
    virtio_ = static_cast<const spore_virtio*>(host_->query_interface(host_->context, spore::to_abi(SPORE_VIRTIO_1)));
  }
  void describe(spore_virtio_traits& out) override {
    static constexpr uint16_t kSizes[] = {64, 64};
    out.device_id = 4;
    out.queue_count = 2;
    out.queue_size_max = kSizes;
  }
  void read_config(uint32_t, std::span<uint8_t>) override {}
  void notify(uint32_t) override { serve("notify"); }
  void reset() override {}
  void from_a_timer() {
    host_->start_timer(
        host_->context, 0, [](void* self) { static_cast<Greedy*>(self)->serve("a timer"); }, this, nullptr);
  }

 private:
  void serve(const char* where) {
    uint64_t served = 0;
    spore_chain chain{};
    chain.size = sizeof chain;
    while (virtio_->pop(virtio_->context, 0, &chain) == SPORE_OK) {
      virtio_->push(virtio_->context, &chain, 0);
      side_.collect();
      if (++all_ < 300) side_.offer();
      ++served;
    }
    transcript_.add(where, "served", served);
  }

  Side& side_;
  Transcript& transcript_;
  const spore_host* host_;
  const spore_virtio* virtio_;
  uint64_t all_ = 0;
};

std::vector<std::string> served_by(Side& side) {
  Transcript transcript;
  auto greedy = std::make_unique<Greedy>(side, transcript);
  Greedy& object = *greedy;
  side.adopt({&spore::VirtioDevice::Ops::table, static_cast<spore::VirtioDevice*>(greedy.release())});
  side.start();
  side.offer();
  side.ring();
  object.from_a_timer();
  for (int turns = 0; turns < 8; ++turns) side.turn();
  side.end();
  return transcript.lines();
}

TEST(Differential, ADriverThatNeverStopsIsServedInTheSameTurns) {
  FakeSide fake;
  RealSide real;
  const auto by_fakes = served_by(fake);
  expect_same(by_fakes, served_by(real), 5);
  EXPECT_EQ(by_fakes.front(), "notify: served = 64");
}

// What an object gets that has no machine, or is of another kind.
std::vector<std::string> any_calls(const spore_host* host) {
  Transcript transcript;
  Calls(host, transcript).any("main");
  return transcript.lines();
}

TEST(Differential, BeforeTheMachineExists) {
  spore::testing::FakeHost fake;
  fake.object_comes(SPORE_KIND_BACKEND);
  fake.set_machine(false);
  sporehost::ObjectHost real("probe", "{}");
  expect_same(any_calls(fake.table()), any_calls(real.table()), 60);
}

TEST(Differential, APolicyIsAnsweredAlike) {
  spore::testing::FakeHost fake;
  fake.object_comes(SPORE_KIND_MEMORY_POLICY);
  fake.memory().add_region(0, kRam);
  const auto loop = std::move(sporehost::EventLoop::create()).value();
  sporehost::GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kRam).ok());
  const sporehost::MachineSide machine{loop.get(), &memory, [](uint32_t, uint32_t, const std::string&) {}};
  sporehost::ObjectHost real("probe", "{}");
  real.connect(machine);
  real.set_memory(machine.memory);
  expect_same(any_calls(fake.table()), any_calls(real.table()), 60);
  real.release();
}

} // namespace
} // namespace differential

// A driver that behaves as Linux's does, in sub-block mode: it reads the configuration when told to, plugs memory block
// by memory block in sub-blocks of 4 MiB, tries again at once after NACK, waits after BUSY and gives up after ERROR.
#include "fixture.hpp"

#include <functional>

namespace vmem {
namespace {

class LinuxDriver {
 public:
  explicit LinuxDriver(Machine& machine) : m_(machine) {}

  // Called before each request is sent: where the host's side changes its mind.
  std::function<void(unsigned request)> before_send;

  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] bool waits() const { return waits_; }
  [[nodiscard]] unsigned requests() const { return requests_; }
  [[nodiscard]] unsigned nacks() const { return nacks_; }

  void probe() {
    unplug_all_required_ = m_.get(PLUGGED_SIZE) > 0;
    plugged_.clear();
    m_.start();
    changed_ = true;
    run();
  }

  // What the workqueue does; an interrupt schedules it.
  void run() {
    waits_ = false;
    for (unsigned rounds = 0; !broken_ && rounds < 1000; ++rounds) {
      if (m_.virtio.config_interrupts() != seen_) changed_ = true;
      if (unplug_all_required_ && !unplug_everything()) return;
      if (changed_) refresh();
      const uint64_t plugged = plugged_.size() * kSubBlock;
      const Outcome outcome = requested_ > plugged ? plug(requested_ - plugged) : unplug(plugged - requested_);
      if (outcome == Outcome::done && m_.virtio.config_interrupts() == seen_) return;
      if (outcome == Outcome::wait) return;
    }
    if (!broken_) ADD_FAILURE() << "the driver would try for ever";
  }

 private:
  enum class Outcome { done, again, wait };
  static constexpr uint64_t kSubBlock = 4 * MiB;
  static constexpr uint16_t kBlocksInSub = kSubBlock / kBlock;

  void refresh() {
    changed_ = false;
    seen_ = m_.virtio.config_interrupts();
    EXPECT_EQ(m_.get(PLUGGED_SIZE), plugged_.size() * kSubBlock) << "Linux warns when this is not its own sum";
    requested_ = m_.get(REQUESTED_SIZE);
    usable_subs_ = m_.get(USABLE_SIZE) / kMemoryBlock * (kMemoryBlock / kSubBlock); // whole memory blocks alone
  }

  Outcome send(Type type, uint64_t sub) {
    if (before_send) before_send(requests_);
    ++requests_;
    // As in the driver: a change that came in meanwhile is looked at first.
    if (m_.virtio.config_interrupts() != seen_ && !ignore_change_) return changed_ = true, Outcome::again;
    switch (m_.send(type, m_.address(sub * kBlocksInSub), kBlocksInSub).type) {
      case ACK:
        return Outcome::done;
      case NACK:
        ++nacks_;
        EXPECT_EQ(type, PLUG);
        changed_ = true;
        return Outcome::again;
      case BUSY:
        waits_ = true;
        return Outcome::wait;
      default:
        broken_ = true;
        return Outcome::wait;
    }
  }

  bool unplug_everything() {
    const uint16_t answer = m_.unplug_all();
    if (answer == BUSY) return waits_ = true, false;
    if (answer != ACK) return broken_ = true, false;
    unplug_all_required_ = false;
    changed_ = true; // the usable region may have shrunk
    return true;
  }

  Outcome plug(uint64_t bytes) {
    for (uint64_t sub = 0; sub < usable_subs_ && bytes >= kSubBlock; ++sub) {
      if (plugged_.count(sub) != 0) continue;
      if (const Outcome outcome = send(PLUG, sub); outcome != Outcome::done) return outcome;
      plugged_.insert(sub);
      bytes -= kSubBlock;
    }
    return Outcome::done;
  }

  Outcome unplug(uint64_t bytes) {
    while (bytes >= kSubBlock && !plugged_.empty()) {
      const uint64_t sub = *plugged_.rbegin();
      if (const Outcome outcome = send(UNPLUG, sub); outcome != Outcome::done) return outcome;
      plugged_.erase(sub);
      bytes -= kSubBlock;
    }
    return Outcome::done;
  }

  Machine& m_;

 public:
  bool ignore_change_ = false; // sends although the configuration changed: the check and the change crossed

 private:
  std::set<uint64_t> plugged_; // sub-blocks
  uint64_t requested_ = 0;
  uint64_t usable_subs_ = 0;
  unsigned seen_ = 0; // configuration interrupts
  bool changed_ = false;
  bool unplug_all_required_ = false;
  bool broken_ = false;
  bool waits_ = false;
  unsigned requests_ = 0;
  unsigned nacks_ = 0;
};

MachineSetup full_size() {
  return {.shape = {.bytes = 15872 * MiB}, .start = false};
}

TEST(VmemLinux, GrowsToTheWholeRegionAndBack) {
  Machine m(full_size());
  LinuxDriver driver(m);
  driver.probe();
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  m.resize(15872 * MiB);
  driver.run();
  EXPECT_EQ(m.get(PLUGGED_SIZE), 15872 * MiB);
  EXPECT_EQ(driver.requests(), 3968u);
  EXPECT_EQ(m.elastic.mapped_slots(), 124u);
  m.resize(0);
  driver.run();
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
  EXPECT_FALSE(driver.broken());
}

TEST(VmemLinux, ReachesEverySizeDespiteItsMemoryBlocks) {
  Machine m(full_size());
  LinuxDriver driver(m);
  driver.probe();
  for (uint64_t size = 0; size <= 15872 * MiB; size += 1364 * MiB) {
    m.resize(size);
    driver.run();
    EXPECT_EQ(m.get(PLUGGED_SIZE), size);
  }
}

TEST(Vmem24, LinuxSurvivesATargetLoweredWhileItPlugs) {
  Machine m({.start = false});
  LinuxDriver driver(m);
  driver.probe();
  m.resize(GiB);
  driver.ignore_change_ = true; // the worst case: the request had been sent
  driver.before_send = [&](unsigned request) {
    if (request == 10) m.resize(20 * MiB);
    if (request == 14) m.resize(100 * MiB);
  };
  driver.run();
  EXPECT_FALSE(driver.broken());
  EXPECT_GE(driver.nacks(), 1u);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 100 * MiB);
}

TEST(Vmem26, LinuxComesBackWhenItIsWoken) {
  Machine m({.start = false});
  LinuxDriver driver(m);
  driver.probe();
  driver.before_send = [&](unsigned request) {
    if (request == 5) m.elastic.set_busy(true);
  };
  m.resize(GiB);
  driver.run();
  EXPECT_TRUE(driver.waits());
  EXPECT_EQ(m.get(PLUGGED_SIZE), 20 * MiB);
  const unsigned before = m.virtio.config_interrupts();
  m.elastic.set_busy(false);
  m.retry();
  ASSERT_EQ(m.virtio.config_interrupts(), before + 1);
  driver.run();
  EXPECT_EQ(m.get(PLUGGED_SIZE), GiB);
}

TEST(Vmem33, LinuxReloadsWithMemoryPlugged) {
  Machine m({.start = false});
  LinuxDriver first(m);
  first.probe();
  m.resize(512 * MiB);
  first.run();
  m.device().reset();
  LinuxDriver second(m);
  second.probe();
  EXPECT_FALSE(second.broken());
  EXPECT_EQ(m.get(PLUGGED_SIZE), 512 * MiB) << "unplugged, and plugged afresh";
}

TEST(Vmem33, LinuxWaitsWhereUnplugAllIsBusyAtFirst) {
  Machine m({.start = false});
  LinuxDriver first(m);
  first.probe();
  m.resize(512 * MiB);
  first.run();
  m.device().reset();
  m.elastic.set_busy(true);
  LinuxDriver second(m);
  second.probe();
  EXPECT_TRUE(second.waits());
  m.elastic.set_busy(false);
  m.retry();
  second.run();
  EXPECT_FALSE(second.broken());
  EXPECT_EQ(m.get(PLUGGED_SIZE), 512 * MiB);
}

} // namespace
} // namespace vmem

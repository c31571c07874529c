// Memory that comes and goes, driven by a hand-written virtio-mem driver (x86_64/memory_*.c). The guest prints a line
// for each thing that it looked at; each of these lines is an expectation here, and so is what the host says of the
// same run.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kRegionMib = 15872;
constexpr uint64_t kRegionBlocks = 7936;

class MemoryGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
  }

  static Outcome run_part(const std::string& part) {
    return run({.guest = "memory",
                .cmdline = "part=" + part,
                .memory = "{policy: {plugin: policy-elastic}}",
                .devices = "virtio-mem, virtio-rng, serial-16550"});
  }

  // Each line that begins with "ok" or "FAIL", and that there are as many as the part has checks: a guest that left
  // some out would not be noticed otherwise.
  static void expect_checks(const Outcome& outcome, size_t checks) {
    size_t good = 0;
    for (const std::string& line : outcome.lines()) {
      EXPECT_THAT(line, ::testing::Not(StartsWith("FAIL")));
      good += line.starts_with("ok ") ? 1 : 0;
    }
    EXPECT_EQ(good, checks) << outcome.console;
    EXPECT_THAT(outcome.lines(), Contains("done")) << outcome.console << outcome.log;
    EXPECT_EQ(outcome.status, 0) << outcome.log;
    ASSERT_TRUE(outcome.report.is_object()) << outcome.log;
    EXPECT_EQ(outcome.report.value("end", ""), "power-off");
    EXPECT_EQ(outcome.report.value("virtio_mem_mib", uint64_t{0}), kRegionMib);
    EXPECT_EQ(outcome.report.value("ram_mib", uint64_t{0}), 64U);
    EXPECT_EQ(outcome.counter("virtio-mem", "busy"), 0U);
    EXPECT_EQ(outcome.counter("virtio-mem", "virtio.needs-reset"), 0U);
    EXPECT_EQ(outcome.counter("virtio-mem", "virtio.malformed"), 0U);
  }
};

TEST_F(MemoryGuest, EveryRequestGetsItsAnswer) {
  const Outcome outcome = run_part("requests");
  expect_checks(outcome, 65);
  EXPECT_EQ(outcome.counter("virtio-mem", "nacks"), 3U);
  EXPECT_EQ(outcome.counter("virtio-mem", "errors"), 26U);
  EXPECT_THAT(outcome.log, HasSubstr("the address is not aligned to the block size"));
  EXPECT_EQ(outcome.report.value("plugged_mib", uint64_t{1}), 0U);
  // Of what the guest made the device complain of in its few seconds, the log has the first lines and the counter the
  // rest.
  EXPECT_GE(outcome.counter("virtio-mem", "log.left-out"), 15U);
  size_t complaints = 0;
  for (size_t at = 0; (at = outcome.log.find("virtio-mem: refused", at)) != std::string::npos; ++at) ++complaints;
  EXPECT_GT(complaints, 0U);
  EXPECT_LE(complaints, 5U * (1 + static_cast<size_t>(outcome.total_ms / 10'000)));
}

TEST_F(MemoryGuest, RequestsMayBeSplitShortAndPadded) {
  const Outcome outcome = run_part("layouts");
  expect_checks(outcome, 25);
  EXPECT_EQ(outcome.counter("virtio-mem", "malformed_requests"), 5U);
  EXPECT_EQ(outcome.counter("virtio-mem", "virtio.violations"), 2U) << "two registers of a queue that is ready";
}

TEST_F(MemoryGuest, PlugsAllBlocksOneByOne) {
  const Outcome outcome = run_part("whole");
  expect_checks(outcome, 24);
  EXPECT_EQ(outcome.counter("virtio-mem", "plug_requests"), 1 + kRegionBlocks + 2 + 3);
  EXPECT_EQ(outcome.counter("virtio-mem", "nacks"), 0U);
  ASSERT_TRUE(outcome.seen_ms.contains("plugging") && outcome.seen_ms.contains("plugged"));
  const double ms = outcome.seen_ms.at("plugged") - outcome.seen_ms.at("plugging");
  EXPECT_GT(ms, 0);
  std::printf("plugging %lu blocks took %.0f ms, %.0f us a request\n", kRegionBlocks, ms, ms * 1000 / kRegionBlocks);
}

TEST_F(MemoryGuest, UnpluggedContentIsGoneAndItsNeighboursStay) {
  const Outcome outcome = run_part("content");
  expect_checks(outcome, 22);
  EXPECT_EQ(outcome.counter("memory", "unplugged-accesses"), 0U);
}

TEST_F(MemoryGuest, Vmem35DevicesUsePluggedMemory) {
  const Outcome outcome = run_part("devices");
  expect_checks(outcome, 25);
  EXPECT_EQ(outcome.counter("virtio-rng", "bytes"), 5 * 256U);
  EXPECT_EQ(outcome.counter("virtio-rng", "virtio.malformed"), 2U) << "the buffers in unplugged memory";
  EXPECT_EQ(outcome.counter("virtio-rng", "virtio.needs-reset"), 1U) << "the rings in unplugged memory";
  EXPECT_THAT(outcome.log, HasSubstr("a buffer does not lie in guest memory"));
}

TEST_F(MemoryGuest, Vmem39AccessToUnpluggedMemoryIsSurvivedAndReported) {
  const Outcome outcome = run_part("unplugged");
  expect_checks(outcome, 15);
  EXPECT_EQ(outcome.counter("memory", "unplugged-accesses"), 10U);
  EXPECT_THAT(outcome.log, HasSubstr("the guest read 8 bytes of unplugged memory at GPA 0x100000000"));
  EXPECT_THAT(outcome.log, HasSubstr("the guest wrote 8 bytes of unplugged memory at GPA 0x100200000"));
}

// It keeps what it can reach, which is the bound that core/memory/elastic_region.hpp names: the rest of the one slot in
// which it has a block. The report says how much that is.
TEST_F(MemoryGuest, Vmem36AHostileGuestFindsNothingThatItLeftInUnpluggedMemory) {
  const Outcome outcome = run_part("hostile");
  expect_checks(outcome, 16);
  EXPECT_EQ(outcome.counter("memory", "unplugged-resident-kib"), 63 * 2048U);
  EXPECT_EQ(outcome.counter("memory", "failed-discards"), 0U);
}

// Slots of a page each: KVM's 32764 are soon used up. The guest is told to wait, the size that is requested comes down
// to what there is, so that no driver tries for ever, and the operator reads why.
TEST_F(MemoryGuest, OutOfSlotsIsAnErrorThatEndsInALowerRequest) {
  const Outcome outcome = run({.guest = "memory",
                               .cmdline = "part=slots",
                               .memory = "{policy: {plugin: policy-elastic, options: {region: 256MiB, block: 4096, "
                                         "slot: 4096}}}",
                               .devices = "virtio-mem, serial-16550"});
  for (const char* line :
       {"ok PLUG beyond the last slot", "ok VMEM-23 none of it is plugged", "ok plugged size", "lowered",
        "ok PLUG beyond what the host can", "ok UNPLUG makes room", "ok PLUG into it", "done"})
    EXPECT_THAT(outcome.lines(), Contains(line)) << outcome.console << outcome.log;
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_EQ(outcome.counter("memory", "refused-plugs"), 1U);
  EXPECT_THAT(outcome.log, HasSubstr("memory slots of KVM are in use"));
  EXPECT_THAT(outcome.log, HasSubstr("the requested size is lowered to what is plugged"));
}

// There is nothing to execute, so the machine cannot go on; the host says where and ends in order.
TEST_F(MemoryGuest, Vmem39CodeInUnpluggedMemoryEndsTheMachine) {
  const Outcome outcome = run_part("jump");
  EXPECT_THAT(outcome.lines(), Contains("jumping"));
  EXPECT_EQ(outcome.status, 122);
  EXPECT_EQ(outcome.report.value("end", ""), "fault");
  EXPECT_THAT(outcome.log, HasSubstr("cannot go on at 0x100000000"));
}

} // namespace
} // namespace machine_guests

// The maximum size, and a driver that means harm.
#include "fixture.hpp"

#include <thread>

namespace vmem {
namespace {

TEST(VmemLimits, All7936BlocksOneByOne) {
  Machine m({.shape = {.bytes = 15872 * MiB, .requested_bytes = 15872 * MiB}});
  EXPECT_EQ(m.get(USABLE_SIZE), 15872 * MiB);
  for (uint64_t block = 0; block < 7936; ++block) ASSERT_EQ(m.plug(block), ACK) << block;
  EXPECT_EQ(m.get(PLUGGED_SIZE), 15872 * MiB);
  EXPECT_EQ(m.plug(7936), ERROR) << "one more than there are";
  EXPECT_EQ(m.query(0, 7936).state, PLUGGED);
  EXPECT_EQ(m.query(0, 7937).type, ERROR);
  EXPECT_EQ(m.query(7935).state, PLUGGED);
  for (uint64_t block = 7936; block-- > 0;) ASSERT_EQ(m.unplug(block), ACK) << block;
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
}

TEST(VmemLimits, All7936BlocksAtOnce) {
  Machine m({.shape = {.bytes = 15872 * MiB, .requested_bytes = 15872 * MiB}});
  EXPECT_EQ(m.plug(0, 7936), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 15872 * MiB);
  EXPECT_EQ(m.unplug(0, 7936), ACK);
  EXPECT_EQ(m.plug(0, 7936), ACK);
  EXPECT_EQ(m.unplug_all(), ACK);
}

TEST(VmemLimits, ARegionOf128GiBTakesTheLargestRequest) {
  Machine m({.shape = {.bytes = 128 * GiB, .requested_bytes = 128 * GiB}});
  EXPECT_EQ(m.plug(0, 65535), ACK);
  EXPECT_EQ(m.plug(65535), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 128 * GiB);
}

TEST(VmemHostile, AFullQueueIsServedToItsEnd) {
  Machine m({.shape = {.requested_bytes = GiB}});
  for (uint64_t block = 0; block < 500; ++block) {
    m.virtio.offer(0, {encode_request(PLUG, m.address(block), 1)}, {10});
  }
  m.device().notify(0);
  for (int turn = 0; turn < 500 && m.virtio.available(0) != 0; ++turn) m.host.advance(1'000'000);
  EXPECT_EQ(m.virtio.completions(0).size(), 500u);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 500 * kBlock);
}

TEST(VmemHostile, OneCallDoesNotServeForEver) {
  Machine m({.shape = {.requested_bytes = GiB}});
  for (int i = 0; i < 10000; ++i) m.virtio.offer(0, {encode_request(STATE, m.address(0), 1)}, {10});
  m.device().notify(0);
  EXPECT_LT(m.virtio.completions(0).size(), 10000u) << "the rest waits for the event loop";
  m.device().reset();
  m.start();
  const size_t served = m.virtio.completions(0).size();
  m.host.advance(1'000'000'000);
  EXPECT_EQ(m.virtio.completions(0).size(), served) << "a reset ends it";
  EXPECT_EQ(m.plug(0), ACK);
}

// How often is the host's to limit (ObjectHost.AGuestCannotFloodTheLogThroughADevice).
TEST(VmemHostile, ABadRequestIsWorthAWord) {
  Machine m({.shape = {.requested_bytes = GiB}});
  ASSERT_EQ(m.send(PLUG, 1, 1).type, ERROR);
  EXPECT_GT(m.host.log().size(), 0u);
}

TEST(VmemHostile, EveryAnswerIsCounted) {
  if (third_party()) GTEST_SKIP() << "the counters' names are the project's own";
  Machine m;
  m.resize(4 * kBlock);
  m.plug(0, 2);
  m.plug(0, 2);
  m.plug(2, 9);
  m.elastic.set_busy(true);
  m.unplug(0);
  m.elastic.set_busy(false);
  m.query(0);
  m.unplug_all();
  m.send_raw({Bytes(3)}, {10});
  EXPECT_EQ(m.host.counter("plug_requests"), 3u);
  EXPECT_EQ(m.host.counter("unplug_requests"), 1u);
  EXPECT_EQ(m.host.counter("state_requests"), 1u);
  EXPECT_EQ(m.host.counter("unplug_all_requests"), 1u);
  EXPECT_EQ(m.host.counter("acks"), 3u);
  EXPECT_EQ(m.host.counter("nacks"), 1u);
  EXPECT_EQ(m.host.counter("busy"), 1u);
  EXPECT_EQ(m.host.counter("errors"), 2u);
  EXPECT_EQ(m.host.counter("malformed_requests"), 1u);
}

TEST(VmemThreads, AnOperatorResizesWhileTheDriverPlugs) {
  Machine m;
  std::thread operator_thread([&m] {
    for (uint64_t i = 0; i < 2000; ++i) {
      m.resize((i * 37 % 513) * kBlock);
      m.retry();
      const spore_resizable_state shown = m.state();
      EXPECT_GE(shown.usable_bytes, shown.requested_bytes);
    }
    m.resize(GiB);
  });
  std::map<uint16_t, int> answers;
  for (uint64_t i = 0; i < 4000; ++i) {
    const uint64_t block = i * 7 % 512;
    const std::scoped_lock guard(m.host.device_lock()); // the fake queue is as single as a real one
    ++answers[m.elastic.plugged(block) ? m.unplug(block) : m.plug(block)];
  }
  operator_thread.join();
  EXPECT_EQ(answers.count(BUSY), 0u);
  m.expect_consistent();
}

TEST(VmemSetup, AMachineWithoutElasticMemoryIsToldSo) {
  spore::testing::FakeHost host;
  spore::testing::FakeVirtio virtio(host);
  const spore_string id = plugin_under_test().descriptor().factories[0]->id;
  const auto made = plugin_under_test().virtio_device(spore::from_abi(id), host, virtio);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_NE(made.error().text.find("elastic"), std::string::npos) << made.error().text;
}

// No rule is dropped silently: each has a suite of its number, even if it only says which tier shows it.
TEST(VmemRules, EachOfTheFortyHasATest) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  std::set<std::string> suites;
  for (int i = 0; i < all.total_test_suite_count(); ++i) suites.insert(all.GetTestSuite(i)->name());
  for (int rule = 1; rule <= 40; ++rule) {
    const std::string suite = (rule < 10 ? "Vmem0" : "Vmem") + std::to_string(rule);
    EXPECT_EQ(suites.count(suite), 1u) << suite;
  }
}

} // namespace
} // namespace vmem

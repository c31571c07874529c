// virtio-console against the SDK's fake host, as a driver sees it.
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gtest/gtest.h>

namespace {

using namespace spore::testing;

constexpr uint64_t kMultiport = 1U << 1;
constexpr uint32_t kRx0 = 0, kTx0 = 1, kToDriver = 2, kFromDriver = 3, kRx1 = 4, kTx1 = 5;
constexpr const char* kAgent = "sporehost.agent";

enum : uint16_t { DeviceReady = 0, PortAdd = 1, PortReady = 3, ConsolePort = 4, PortOpen = 6, PortName = 7 };

Bytes control(uint32_t port, uint16_t event, uint16_t value) {
  return {static_cast<uint8_t>(port),       static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port >> 16),
          static_cast<uint8_t>(port >> 24), static_cast<uint8_t>(event),     static_cast<uint8_t>(event >> 8),
          static_cast<uint8_t>(value),      static_cast<uint8_t>(value >> 8)};
}

Bytes text(std::string_view s) {
  return {s.begin(), s.end()};
}

// What the device wrote into a buffer, and no more than that.
std::string written(const Completion& done) {
  return {done.data.begin(), done.data.begin() + done.written};
}

class Console : public ::testing::Test {
 protected:
  void make(const std::vector<std::string>& names = {"console", kAgent}) {
    streams_.emplace(host_, names);
    auto plugin = load_plugin(SPORE_PLUGIN_DIR "/virtio-console.so");
    ASSERT_TRUE(plugin.ok()) << plugin.error().text;
    plugin_.emplace(std::move(plugin).value());
    auto device = plugin_->virtio_device("virtio-console", host_, virtio_);
    ASSERT_TRUE(device.ok()) << device.error().text;
    device_.emplace(std::move(device).value());
  }
  void make_multiport() {
    make();
    ASSERT_TRUE(device_->start(kMultiport | VirtioHandle::kVersion1).ok());
  }
  void from_driver(uint32_t queue, const Bytes& bytes) {
    virtio_.offer(queue, {bytes}, {});
    device_->notify(queue);
  }
  void say(uint32_t port, uint16_t event, uint16_t value) { from_driver(kFromDriver, control(port, event, value)); }
  void offer_buffers(uint32_t queue, int count, size_t bytes) {
    for (int i = 0; i < count; ++i) virtio_.offer(queue, {}, {bytes});
    device_->notify(queue);
  }
  // All control messages that the driver has got so far.
  std::vector<Bytes> heard() {
    std::vector<Bytes> all;
    for (const Completion& done : virtio_.completions(kToDriver)) {
      if (done.written > 0) all.emplace_back(done.data.begin(), done.data.begin() + done.written);
    }
    return all;
  }
  FakeStreams& streams() { return *streams_; }

  FakeHost host_;
  FakeVirtio virtio_{host_};
  std::optional<FakeStreams> streams_;
  std::optional<LoadedPlugin> plugin_;
  std::optional<VirtioHandle> device_;
};

TEST_F(Console, DescribesItself) {
  make();
  const spore_virtio_traits& traits = device_->traits();
  EXPECT_EQ(traits.device_id, 3U);
  EXPECT_EQ(traits.features[0], uint64_t{1 << 1 | 1 << 2});
  EXPECT_EQ(traits.features[1], 0U);
  EXPECT_EQ(traits.queue_count, 6U);
  EXPECT_EQ(traits.config_bytes, 12U);
  EXPECT_EQ(device_->config<uint32_t>(4), 2U) << "max_nr_ports";
}

TEST_F(Console, HasOnePortWhereTheHostHasNoAgent) {
  make({"console"});
  EXPECT_EQ(device_->traits().queue_count, 4U);
  EXPECT_EQ(device_->config<uint32_t>(4), 1U);
}

TEST_F(Console, NeedsStreams) {
  auto plugin = load_plugin(SPORE_PLUGIN_DIR "/virtio-console.so");
  ASSERT_TRUE(plugin.ok());
  const auto object = plugin->make(SPORE_KIND_VIRTIO_DEVICE, "virtio-console", host_);
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(object.error().text, "this host does not offer sporehost.streams/1");
}

TEST_F(Console, WithoutMultiportOnlyTheTerminalWorks) {
  make();
  ASSERT_TRUE(device_->start(VirtioHandle::kVersion1).ok());
  EXPECT_TRUE(streams().guest_open("console"));
  EXPECT_FALSE(streams().guest_open(kAgent));
  from_driver(kTx0, text("hello"));
  EXPECT_EQ(streams().received("console"), "hello");
  streams().send("console", "ls\n");
  offer_buffers(kRx0, 1, 64);
  EXPECT_EQ(written(virtio_.completions(kRx0).at(0)), "ls\n");
  say(0, DeviceReady, 1);
  EXPECT_EQ(virtio_.available(kFromDriver), 1U) << "the queue does not exist for this driver";
}

// The conversation of Linux' driver (drivers/char/virtio_console.c).
TEST_F(Console, IntroducesItsPorts) {
  make_multiport();
  offer_buffers(kToDriver, 16, 64);
  say(0, DeviceReady, 1);
  EXPECT_EQ(heard(), (std::vector<Bytes>{control(0, PortAdd, 1), control(1, PortAdd, 1)}));
  say(0, PortReady, 1);
  say(1, PortReady, 1);
  Bytes name = control(1, PortName, 1);
  for (const char c : std::string(kAgent)) name.push_back(static_cast<uint8_t>(c));
  const auto messages = heard();
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[2], control(0, ConsolePort, 1));
  EXPECT_EQ(messages[3], control(0, PortOpen, 1));
  EXPECT_EQ(messages[4], name);
  EXPECT_EQ(messages[5], control(1, PortOpen, 1)) << "without it writes in the guest block";
}

TEST_F(Console, TellsTheHostWhenTheGuestOpensAPort) {
  make_multiport();
  EXPECT_FALSE(streams().guest_open("console"));
  say(0, PortOpen, 1);
  say(1, PortOpen, 1);
  EXPECT_TRUE(streams().guest_open("console"));
  EXPECT_TRUE(streams().guest_open(kAgent));
  say(1, PortOpen, 0);
  EXPECT_FALSE(streams().guest_open(kAgent));
}

TEST_F(Console, SendsNothingToAPortBeforeTheGuestOpensIt) {
  make_multiport();
  streams().send(kAgent, "frame");
  offer_buffers(kRx1, 2, 64);
  EXPECT_TRUE(virtio_.completions(kRx1).empty());
  say(1, PortOpen, 1);
  ASSERT_EQ(virtio_.completions(kRx1).size(), 1U);
  EXPECT_EQ(written(virtio_.completions(kRx1)[0]), "frame");
  EXPECT_EQ(virtio_.interrupts(kRx1), 1U);
}

TEST_F(Console, KeepsThePortsApart) {
  make_multiport();
  from_driver(kTx0, text("to a person"));
  from_driver(kTx1, text("to a program"));
  EXPECT_EQ(streams().received("console"), "to a person");
  EXPECT_EQ(streams().received(kAgent), "to a program");
}

TEST_F(Console, WaitsForASlowHostAndLosesNothing) {
  make_multiport();
  streams().set_room(kAgent, 4);
  from_driver(kTx1, text("0123456789"));
  from_driver(kTx1, text("abc"));
  EXPECT_EQ(streams().received(kAgent), "0123");
  EXPECT_TRUE(virtio_.completions(kTx1).empty()) << "the chain stays with the device";
  streams().set_room(kAgent, 3);
  EXPECT_EQ(streams().received(kAgent), "0123456");
  streams().set_room(kAgent, 100);
  EXPECT_EQ(streams().received(kAgent), "0123456789abc");
  EXPECT_EQ(virtio_.completions(kTx1).size(), 2U);
}

TEST_F(Console, ASlowHostOnOnePortDoesNotHoldUpTheOther) {
  make_multiport();
  streams().set_room("console", 0);
  from_driver(kTx0, text("stuck"));
  from_driver(kTx1, text("flows"));
  EXPECT_EQ(streams().received(kAgent), "flows");
}

TEST_F(Console, WaitsForASlowGuestAndLosesNothing) {
  make_multiport();
  say(1, PortOpen, 1);
  const std::string sent(10000, 'd');
  streams().send(kAgent, sent);
  EXPECT_GE(streams().unsent(kAgent), sent.size() - 4096) << "no more than a block is taken ahead";
  std::string got;
  for (int i = 0; i < 40; ++i) offer_buffers(kRx1, 1, 300);
  for (const Completion& done : virtio_.completions(kRx1)) got += written(done);
  EXPECT_EQ(got, sent);
}

TEST_F(Console, ALongChainIsGivenOverAsFarAsTheStreamHasRoom) {
  make_multiport();
  const Bytes large(1000 * 1000, 'x');
  streams().set_room("console", 300 * 1000);
  from_driver(kTx0, large);
  EXPECT_EQ(streams().received("console").size(), 300U * 1000);
  EXPECT_TRUE(virtio_.completions(kTx0).empty());
  streams().set_room("console", 700 * 1000);
  EXPECT_EQ(streams().received("console").size(), large.size());
  EXPECT_EQ(virtio_.completions(kTx0).size(), 1U);
}

TEST_F(Console, EmptyChainsAreHarmless) {
  make_multiport();
  say(0, PortOpen, 1);
  from_driver(kTx0, {});
  EXPECT_EQ(virtio_.completions(kTx0).size(), 1U);
  streams().send("console", "x");
  virtio_.offer(kRx0, {text("not writable")}, {});
  virtio_.offer(kRx0, {}, {8});
  device_->notify(kRx0);
  ASSERT_EQ(virtio_.completions(kRx0).size(), 2U);
  EXPECT_EQ(virtio_.completions(kRx0)[0].written, 0U);
  EXPECT_EQ(written(virtio_.completions(kRx0)[1]), "x");
}

TEST_F(Console, MemoryThatWentAwayCostsTheBufferNotTheBytes) {
  make_multiport();
  say(1, PortOpen, 1);
  streams().send(kAgent, "precious");
  virtio_.fail_writes(1);
  offer_buffers(kRx1, 2, 64);
  ASSERT_EQ(virtio_.completions(kRx1).size(), 2U);
  EXPECT_EQ(virtio_.completions(kRx1)[0].written, 0U);
  EXPECT_EQ(written(virtio_.completions(kRx1)[1]), "precious");
  virtio_.fail_reads(1);
  from_driver(kTx1, text("gone"));
  from_driver(kTx1, text("there"));
  EXPECT_EQ(streams().received(kAgent), "there");
  EXPECT_EQ(virtio_.held(), 0U);
}

// The lines are the host's to limit (ObjectHost.AGuestCannotFloodTheLogThroughADevice); none goes uncounted.
TEST_F(Console, ADriverThatKeepsSayingThatItFailedIsCounted) {
  make_multiport();
  for (int i = 0; i < 1000; ++i) virtio_.offer(kFromDriver, {control(static_cast<uint32_t>(i % 2), PortReady, 0)}, {});
  device_->notify(kFromDriver);
  for (int turn = 0; turn < 1000 && host_.counter("control-failed") < 1000; ++turn) host_.advance(1);
  EXPECT_EQ(host_.counter("control-failed"), 1000U);
}

TEST_F(Console, WhatAReaderLeftIsNotForTheNext) {
  make_multiport();
  say(1, PortOpen, 1);
  streams().send(kAgent, "for the first"); // it has no buffer to put it into
  say(1, PortOpen, 0);
  say(1, PortOpen, 1);
  streams().send(kAgent, "for the second");
  offer_buffers(kRx1, 1, 64);
  ASSERT_EQ(virtio_.completions(kRx1).size(), 1U);
  EXPECT_EQ(written(virtio_.completions(kRx1)[0]), "for the second");
}

TEST_F(Console, MalformedControlMessagesAreCountedAndGivenBack) {
  make_multiport();
  from_driver(kFromDriver, {});
  from_driver(kFromDriver, {1, 2, 3});
  say(2, PortOpen, 1);
  say(0xffffffff, PortReady, 1);
  say(0, 77, 1);
  say(0, PortAdd, 1); // the device's own word, not the driver's
  EXPECT_EQ(virtio_.completions(kFromDriver).size(), 6U);
  EXPECT_EQ(host_.counter("control-malformed"), 6U);
  offer_buffers(kToDriver, 4, 64);
  EXPECT_TRUE(heard().empty());
}

TEST_F(Console, ALongControlChainIsReadForItsMessageOnly) {
  make_multiport();
  Bytes message = control(1, PortOpen, 1);
  message.resize(100000, 0xee);
  from_driver(kFromDriver, message);
  EXPECT_TRUE(streams().guest_open(kAgent));
}

TEST_F(Console, ADriverThatNeverListensFillsNoMemory) {
  make_multiport();
  for (int i = 0; i < 1000; ++i) say(1, PortReady, 1);
  EXPECT_EQ(host_.counter("control-dropped"), 2000U - 64);
  offer_buffers(kToDriver, 100, 64);
  EXPECT_EQ(heard().size(), 64U);
}

TEST_F(Console, AControlBufferThatIsTooSmallIsGivenBackUnused) {
  make_multiport();
  say(0, DeviceReady, 1);
  offer_buffers(kToDriver, 1, 7);
  offer_buffers(kToDriver, 1, 8);
  ASSERT_EQ(virtio_.completions(kToDriver).size(), 2U);
  EXPECT_EQ(virtio_.completions(kToDriver)[0].written, 0U);
  EXPECT_EQ(heard(), (std::vector<Bytes>{control(0, PortAdd, 1)}));
}

TEST_F(Console, ResetForgetsTheDriver) {
  make_multiport();
  say(0, DeviceReady, 1);
  say(1, PortOpen, 1);
  streams().set_room(kAgent, 1);
  from_driver(kTx1, text("stale"));
  streams().send(kAgent, "stale too");
  device_->reset();
  EXPECT_FALSE(streams().guest_open(kAgent));
  EXPECT_EQ(host_.timers(), 0U);
  streams().set_room(kAgent, 100);
  EXPECT_EQ(streams().received(kAgent), "s");
  ASSERT_TRUE(device_->start(kMultiport).ok());
  offer_buffers(kToDriver, 4, 64);
  EXPECT_TRUE(heard().empty()) << "messages for the driver before";
  from_driver(kTx1, text("fresh"));
  EXPECT_EQ(streams().received(kAgent), "sfresh");
}

TEST_F(Console, EmergencyWriteNeedsNoDriver) {
  make();
  device_->write_config(8, {'!', 0, 0, 0});
  device_->write_config(8, {'?'});
  device_->write_config(9, {'x'});
  device_->write_config(0, {1, 2, 3, 4});
  EXPECT_EQ(streams().received("console"), "!?");
}

} // namespace

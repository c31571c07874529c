#include "core/session/stream_hub.hpp"

#include <gtest/gtest.h>

#include <sporehost/plugin.hpp>
#include <string>

namespace sporehost {
namespace {

// A device as the hub sees one: opens a stream and writes down what it is told.
struct Device {
  explicit Device(StreamHub& hub) : client(hub.client(lock)) {}
  spore_status open(std::string_view name) {
    static const spore_stream_events events = [] {
      spore_stream_events told{};
      told.size = sizeof told;
      told.readable = [](void* self, uint32_t) { ++static_cast<Device*>(self)->readable; };
      told.writable = [](void* self, uint32_t) { ++static_cast<Device*>(self)->writable; };
      return told;
    }();
    const spore_status status =
        client->table()->open(client->table()->context, spore::to_abi(name), &events, this, &stream);
    if (status == SPORE_OK) guest_open(true);
    return status;
  }
  void guest_open(bool open) { client->table()->guest_open(client->table()->context, stream, open ? 1 : 0); }
  size_t give(std::string_view text) {
    return client->table()->give(client->table()->context, stream, text.data(), text.size());
  }
  std::string take(size_t most) {
    std::string text(most, '\0');
    text.resize(client->table()->take(client->table()->context, stream, text.data(), most));
    return text;
  }
  PlainDeviceLock lock;
  std::unique_ptr<StreamHub::Client> client;
  uint32_t stream = 0;
  int readable = 0;
  int writable = 0;
};

std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class StreamHubTest : public ::testing::Test {
 protected:
  void settle() {
    loop_->post([this] { loop_->post([this] { loop_->stop(); }); });
    loop_->run();
  }
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
  StreamHub hub_{*loop_};
};

TEST_F(StreamHubTest, BytesReachTheConsumerOnTheMainThread) {
  Device device(hub_);
  ASSERT_EQ(device.open("sporehost.agent"), SPORE_OK);
  std::string seen;
  hub_.set_consumer(StreamId::agent, [&](std::span<const uint8_t> b) {
    seen.append(b.begin(), b.end());
    return b.size();
  });
  EXPECT_EQ(device.give("hel"), 3u);
  EXPECT_EQ(device.give("lo"), 2u);
  EXPECT_EQ(seen, "");
  settle();
  EXPECT_EQ(seen, "hello");
}

TEST_F(StreamHubTest, ASlowConsumerStopsTheGuestAndResumes) {
  Device device(hub_);
  ASSERT_EQ(device.open("sporehost.agent"), SPORE_OK);
  bool willing = false;
  hub_.set_consumer(StreamId::agent, [&](std::span<const uint8_t> b) { return willing ? b.size() : 0; });
  const std::string much(300 * 1024, 'x');
  EXPECT_EQ(device.give(much), 256u * 1024);
  settle();
  EXPECT_EQ(device.writable, 0);
  EXPECT_EQ(device.give("more"), 0u);
  willing = true;
  hub_.resume(StreamId::agent);
  EXPECT_EQ(device.writable, 1);
  EXPECT_EQ(device.give("more"), 4u);
}

TEST_F(StreamHubTest, TheHostsBytesWaitUntilTheyAreTaken) {
  Device device(hub_);
  ASSERT_EQ(device.open("console"), SPORE_OK);
  EXPECT_EQ(hub_.send(StreamId::console, bytes("typed")), 5u);
  EXPECT_EQ(device.readable, 1);
  EXPECT_EQ(device.take(3), "typ");
  EXPECT_EQ(device.take(9), "ed");
  EXPECT_EQ(device.take(9), "");
}

TEST_F(StreamHubTest, NothingIsOfferedToAGuestThatHasNotOpenedAndWhatAReaderLeftIsNotForTheNext) {
  Device device(hub_);
  ASSERT_EQ(device.open("console"), SPORE_OK);
  device.guest_open(false);
  settle();
  EXPECT_EQ(hub_.send(StreamId::console, bytes("early")), 5u);
  EXPECT_EQ(device.readable, 0);
  EXPECT_EQ(device.take(9), "") << "not even if it asks";
  device.guest_open(true);
  settle();
  EXPECT_EQ(device.readable, 1) << "it has waited for that";
  EXPECT_EQ(device.take(2), "ea");
  device.guest_open(false);
  EXPECT_EQ(hub_.send(StreamId::console, bytes("late")), 4u);
  device.guest_open(true);
  settle();
  EXPECT_EQ(device.take(9), "late");
}

TEST_F(StreamHubTest, AFrameIsQueuedWholeOrNotAtAll) {
  Device device(hub_);
  ASSERT_EQ(device.open("sporehost.agent"), SPORE_OK);
  const std::string frame(60'000, 'f');
  size_t frames = 0;
  while (hub_.send_whole(StreamId::agent, bytes(frame))) ++frames;
  EXPECT_EQ(frames, (1u << 20) / frame.size());
  std::string taken;
  for (std::string some; !(some = device.take(50'000)).empty();) taken += some;
  EXPECT_EQ(taken.size(), frames * frame.size());
  EXPECT_TRUE(hub_.send_whole(StreamId::agent, bytes(frame)));
}

TEST_F(StreamHubTest, WhoSendsIsToldWhenThereIsRoomAgain) {
  Device device(hub_);
  ASSERT_EQ(device.open("console"), SPORE_OK);
  int room = 0;
  hub_.on_room(StreamId::console, [&] { ++room; });
  const std::string much((1 << 20) + 7, 'x');
  EXPECT_EQ(hub_.send(StreamId::console, bytes(much)), much.size() - 7);
  settle();
  EXPECT_EQ(room, 0);
  (void)device.take(1000);
  settle();
  EXPECT_EQ(room, 0) << "not for every byte";
  (void)device.take(much.size());
  settle();
  EXPECT_EQ(room, 1);
  (void)hub_.send(StreamId::console, bytes("x"));
  (void)device.take(1);
  settle();
  EXPECT_EQ(room, 1) << "nobody waited";
}

TEST_F(StreamHubTest, TwoMayWriteToTheConsoleOneReadsIt) {
  Device first(hub_);
  Device second(hub_);
  ASSERT_EQ(first.open("console"), SPORE_OK);
  ASSERT_EQ(second.open("console"), SPORE_OK);
  (void)hub_.send(StreamId::console, bytes("x"));
  EXPECT_EQ(second.take(1), "");
  EXPECT_EQ(first.take(1), "x");
  EXPECT_EQ(second.give("y"), 1u);
}

TEST_F(StreamHubTest, TheChannelHasOneHolderAndUnknownStreamsAreRefused) {
  Device first(hub_);
  Device second(hub_);
  ASSERT_EQ(first.open("sporehost.agent"), SPORE_OK);
  EXPECT_EQ(second.open("sporehost.agent"), SPORE_E_EXISTS);
  EXPECT_EQ(second.open("nothing"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(second.open("consoles"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(second.open(std::string_view("console").substr(0, 4)), SPORE_E_NOT_FOUND) << "a name has a length";
  EXPECT_EQ(second.open(""), SPORE_E_NOT_FOUND);
}

TEST_F(StreamHubTest, ADeviceThatIsGoneIsNotCalled) {
  auto device = std::make_unique<Device>(hub_);
  ASSERT_EQ(device->open("console"), SPORE_OK);
  device.reset();
  EXPECT_EQ(hub_.send(StreamId::console, bytes("x")), 1u);
}

} // namespace
} // namespace sporehost

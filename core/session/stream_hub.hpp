// The named byte streams between devices and the host (`sporehost.streams/1`).
//
//   device --give--> [inbound queue] --main thread--> consumer      (console ring and sink; the guest channel)
//   device <--take-- [outbound queue] <--main thread-- send()
//
// Both queues are bounded. What the host sends waits until the guest has opened its side; what a reader has left when
// it closes is dropped, so that the next one begins with what was sent after that. The hub never calls a device while
// it holds its own lock, and a device never reaches a consumer directly: what it gives is consumed on the main thread a
// moment later. So there is no order of locks to get wrong.
#pragma once

#include <sporehost/host.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/device_lock.hpp"
#include "core/session/byte_queue.hpp"
#include "core/system/event_loop.hpp"

namespace sporehost {

enum class StreamId : uint32_t { console = 0, agent = 1 };

class StreamHub {
 public:
  // Takes a prefix of the bytes and returns how many; fewer than all means "not now", until `resume`. [main]
  using Consumer = std::function<size_t(std::span<const uint8_t>)>;

  explicit StreamHub(EventLoop& loop) : loop_(loop) {}

  void set_consumer(StreamId stream, Consumer consumer);
  void resume(StreamId stream); // [main] the consumer can take more

  // Queues bytes for the guest. [main] Returns how many were accepted; after fewer than all, `room` is called when more
  // are accepted again.
  size_t send(StreamId stream, std::span<const uint8_t> bytes);
  // Queues all of the bytes, or none: false when there is no room for them. [main]
  [[nodiscard]] bool send_whole(StreamId stream, std::span<const uint8_t> bytes);
  // Called on the main thread. [main]
  void on_room(StreamId stream, std::function<void()> room);

  // The services for one device, whose lock is `lock`. Keep it as long as the device. [main]
  class Client;
  std::unique_ptr<Client> client(DeviceLock& lock);

 private:
  friend class Client;
  static constexpr size_t kInboundLimit = 256 * 1024;
  static constexpr size_t kOutboundLimit = 1024 * 1024;
  static constexpr size_t kOutboundRoom = kOutboundLimit / 2; // when it holds no more than this it accepts again

  // One device's hold on one stream.
  struct Holder {
    DeviceLock* lock = nullptr;
    const spore_stream_events* events = nullptr;
    void* argument = nullptr;
    StreamId stream = StreamId::console;
    bool reads = false; // gets what the host sends; the first that opened the stream
    bool waits = false; // `give` accepted fewer than offered: tell it when there is room
    bool gone = false;
    bool guest_open = false;
  };
  struct Stream {
    ByteQueue inbound{kInboundLimit};
    ByteQueue outbound{kOutboundLimit};
    Consumer consumer;
    bool consuming = false; // a call to `consume` is on its way
    std::function<void()> room;
    bool wants_room = false; // `send` accepted fewer than all
  };

  spore_status open(DeviceLock& lock, std::string_view name, const spore_stream_events* events, void* argument,
                    uint32_t* handle);
  size_t give(uint32_t handle, std::span<const uint8_t> bytes);
  size_t take(uint32_t handle, std::span<uint8_t> bytes);
  void guest_open(uint32_t handle, bool open);
  void consume(StreamId stream);
  void tell_room(Stream& stream, StreamId id); // with the lock held
  void tell_readable(StreamId stream);
  void tell_writable(StreamId stream);
  Stream& stream(StreamId id) { return streams_[static_cast<size_t>(id)]; }

  EventLoop& loop_;
  std::mutex mutex_;
  std::array<Stream, 2> streams_;
  std::vector<Holder> holders_; // never shrinks: a handle is an index
};

class StreamHub::Client {
 public:
  Client(StreamHub& hub, DeviceLock& lock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  [[nodiscard]] const spore_streams* table() const { return &table_; }

 private:
  StreamHub& hub_;
  DeviceLock& lock_;
  spore_streams table_;
};

} // namespace sporehost

// One port: a pair of queues on the guest's side, a stream on the host's, and what is under way between them.
//
// Both sides may be slow. Towards the host a chain that the stream does not take whole stays the device's, with an
// offset, until the stream is writable. Towards the guest at most one block is taken from the stream and kept until
// there is a buffer. So neither end ever makes the device hold more than a block and a chain.
#pragma once

#include <sporehost/virtio_device.hpp>

#include <vector>

namespace console {

// [device] throughout, but for the constructor. No errors: chains whose memory fails are given back empty.
class Port {
 public:
  // `stream` is none where the host has no such stream: then what the guest sends is dropped.
  Port(spore::Virtio virtio, const spore_streams* streams, std::optional<uint32_t> stream, uint32_t rx, uint32_t tx)
      : virtio_(virtio), streams_(streams), stream_(stream), rx_(rx), tx_(tx) {}

  [[nodiscard]] bool connected() const { return stream_.has_value(); }
  [[nodiscard]] bool owns(uint32_t stream) const { return stream_ == stream; }
  [[nodiscard]] uint32_t rx() const { return rx_; }
  [[nodiscard]] uint32_t tx() const { return tx_; }

  // The guest's end was opened or closed; the stream is told of changes.
  void set_guest_open(bool open);

  // Moves what can be moved from the guest to the stream. Ends: the stream has an end of its room, and the host bounds
  // how many chains there are.
  void send();
  // Likewise from the stream to the guest, while the guest's end is open.
  void deliver();

  // Gives one byte to the stream at once, or loses it (emergency write).
  void put(uint8_t byte);

  // Device reset: chains are void, what was under way is dropped, the guest's end is closed.
  void reset();

 private:
  static constexpr size_t kBlock = 4096;

  enum class Moved { Some, All, Refused };
  Moved send_block();
  [[nodiscard]] bool fetch();

  spore::Virtio virtio_;
  const spore_streams* streams_;
  std::optional<uint32_t> stream_;
  uint32_t rx_;
  uint32_t tx_;
  bool guest_open_ = false;
  std::optional<spore_chain> outgoing_;
  uint64_t outgoing_offset_ = 0;
  std::vector<uint8_t> incoming_;
  size_t incoming_offset_ = 0;
};

} // namespace console

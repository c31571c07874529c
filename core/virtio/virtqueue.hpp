// A split virtqueue, the device's side (VIRTIO 1.2 section 2.7).
//
// The rings lie in guest memory and are the driver's to fill, rightly or not. Two kinds of damage are told apart:
//   - a bad *chain* is the driver's mistake with one request. It is dropped, and given back with length 0 so that the
//     driver does not wait for it; the queue goes on.
//   - a bad *ring* (an index that jumps further than the ring is long, ring memory that went away) leaves nothing to go
//     on with: the queue is broken until it is reset, and the device shows DEVICE_NEEDS_RESET.
//
// No locking of its own: everything is [device].
#pragma once

#include "core/memory/memory_access.hpp"
#include "core/virtio/descriptor_chain.hpp"

#include <sporehost/device.h>
#include <sporehost/result.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sporehost {

// What a driver writes into the queue registers. Addresses are GPAs.
struct QueueSetup {
  uint32_t size = 0;        // entries; a power of two
  uint64_t descriptors = 0; // 16 bytes an entry, aligned to 16
  uint64_t available = 0;   // driver area, aligned to 2
  uint64_t used = 0;        // device area, aligned to 4
};

class Virtqueue {
 public:
  enum class Pop {
    kChain,   // one chain taken
    kDropped, // one entry was malformed and is dealt with; `fault` says why; go on
    kEmpty,   // nothing there; the driver will ring when there is
    kBroken,  // see `broken`
  };

  // `memory` must outlive the queue. size_max: a power of two, at most 32768.
  Virtqueue(MemoryAccess& memory, uint16_t index, uint16_t size_max);

  [[nodiscard]] uint16_t size_max() const { return size_max_; }
  [[nodiscard]] bool ready() const { return ready_; }
  // Why the ring cannot be used any more; nullptr while it can.
  [[nodiscard]] const char* broken() const { return broken_; }
  // Why the last entry was dropped.
  [[nodiscard]] const char* fault() const { return fault_; }

  // Makes the queue live with the features that were negotiated. SPORE_E_INVALID: size or alignment; SPORE_E_RANGE: a
  // ring does not lie in guest memory. The queue stays as it was then.
  [[nodiscard]] spore::Result<void> start(const QueueSetup& setup, uint64_t features);
  // Back to nothing; every chain in flight is void.
  void stop();

  // Takes the next entry. `serial` must be new, not 0, and identifies the chain until `push` or `stop`.
  [[nodiscard]] Pop pop(uint64_t serial, spore_chain& out);
  // Whether the driver has made more available than was popped. Says no for a broken queue.
  [[nodiscard]] bool has_work() const;

  // SPORE_E_STATE: the chain is not the device's. SPORE_E_RANGE: see ChainBuffers.
  [[nodiscard]] spore_status read(const spore_chain& chain, uint64_t offset, std::span<uint8_t> to) const;
  [[nodiscard]] spore_status write(const spore_chain& chain, uint64_t offset, std::span<const uint8_t> from) const;
  // Gives the chain back; `written` is cut to the writable part. False: the chain is not the device's, nothing
  // happened.
  bool push(const spore_chain& chain, uint32_t written);

  // Whether the driver wants an interrupt for what was given back since the last call (section 2.7.7).
  [[nodiscard]] bool take_interrupt();

 private:
  struct InFlight {
    uint64_t serial = 0; // 0: free
    ChainBuffers buffers;
  };

  [[nodiscard]] bool refresh();
  [[nodiscard]] bool listen();
  [[nodiscard]] bool quieten();
  [[nodiscard]] Pop drop(const char* fault) {
    fault_ = fault;
    return Pop::kDropped;
  }
  bool fail(const char* why);
  void give_back(uint16_t head, uint32_t written);
  [[nodiscard]] const InFlight* owned(const spore_chain& chain) const;

  MemoryAccess& memory_;
  const uint16_t index_;
  const uint16_t size_max_;
  QueueSetup setup_;
  bool ready_ = false;
  bool indirect_ = false;
  bool event_idx_ = false;
  const char* broken_ = nullptr;
  const char* fault_ = nullptr;

  uint16_t seen_available_ = 0;     // the driver's index as last read and checked
  uint16_t next_available_ = 0;     // the entry to pop next
  uint16_t used_ = 0;               // our index
  uint16_t signalled_ = 0;          // our index when the driver's wish was last looked at
  bool listening_ = true;           // the driver would ring for the next entry
  std::vector<InFlight> in_flight_; // by head
  size_t segments_held_ = 0;
};

} // namespace sporehost

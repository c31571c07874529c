#include "port.hpp"

namespace console {

void Port::set_guest_open(bool open) {
  if (guest_open_ == open) return;
  guest_open_ = open;
  if (!open) { // what its reader has left is not for the next one
    incoming_.clear();
    incoming_offset_ = 0;
  }
  if (stream_) streams_->guest_open(streams_->context, *stream_, open ? 1 : 0);
}

void Port::send() {
  while (outgoing_ || (outgoing_ = virtio_.pop(tx_))) {
    const Moved moved = send_block();
    if (moved == Moved::Refused) return; // `writable` goes on
    if (moved == Moved::Some) continue;
    outgoing_offset_ = 0;
    virtio_.push(*std::exchange(outgoing_, std::nullopt), 0);
  }
}

// Moves one block of the outgoing chain.
Port::Moved Port::send_block() {
  if (!stream_) return Moved::All;
  const uint64_t left = outgoing_->readable_bytes - outgoing_offset_;
  if (left == 0) return Moved::All;
  std::array<uint8_t, kBlock> block;
  const auto bytes = static_cast<size_t>(std::min<uint64_t>(left, block.size()));
  if (virtio_.read(*outgoing_, outgoing_offset_, block.data(), bytes) != SPORE_OK) return Moved::All;
  const uint64_t accepted = std::min<uint64_t>(streams_->give(streams_->context, *stream_, block.data(), bytes), bytes);
  outgoing_offset_ += accepted;
  if (accepted < bytes) return Moved::Refused;
  return accepted == left ? Moved::All : Moved::Some;
}

void Port::deliver() {
  while (guest_open_ && fetch()) {
    const auto chain = virtio_.pop(rx_);
    if (!chain) return; // the driver rings when it adds one
    const size_t left = incoming_.size() - incoming_offset_;
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(left, chain->writable_bytes));
    const bool written = virtio_.write(*chain, 0, incoming_.data() + incoming_offset_, bytes) == SPORE_OK;
    virtio_.push(*chain, written ? static_cast<uint32_t>(bytes) : 0);
    if (written) incoming_offset_ += bytes; // else that buffer's memory is gone; the bytes go into the next
  }
}

// Makes sure that there are bytes for the guest; false when the stream has none.
bool Port::fetch() {
  if (incoming_offset_ < incoming_.size()) return true;
  if (!stream_) return false;
  incoming_.resize(kBlock);
  incoming_offset_ = 0;
  incoming_.resize(std::min<uint64_t>(streams_->take(streams_->context, *stream_, incoming_.data(), kBlock), kBlock));
  return !incoming_.empty();
}

void Port::put(uint8_t byte) {
  if (stream_) (void)streams_->give(streams_->context, *stream_, &byte, 1);
}

void Port::reset() {
  outgoing_.reset();
  outgoing_offset_ = 0;
  set_guest_open(false);
}

} // namespace console

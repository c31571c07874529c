#include "uart.hpp"

namespace pl011 {
namespace {

// Registers, DDI 0183 table 3-1.
enum Register : uint64_t {
  kDr = 0x00,
  kRsr = 0x04,
  kFr = 0x18,
  kIlpr = 0x20,
  kIbrd = 0x24,
  kFbrd = 0x28,
  kLcr = 0x2c,
  kCr = 0x30,
  kIfls = 0x34,
  kImsc = 0x38,
  kRis = 0x3c,
  kMis = 0x40,
  kIcr = 0x44,
  kDmacr = 0x48,
  kIds = 0xfe0
};

// Peripheral and PrimeCell identification, one byte a word: revision r1p3, whose FIFOs have 16 bytes.
constexpr uint8_t kIdentification[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

constexpr uint32_t kDrOverrun = 1u << 11;
constexpr uint32_t kFrCts = 1u << 0, kFrDsr = 1u << 1, kFrDcd = 1u << 2;
constexpr uint32_t kFrReceiveEmpty = 1u << 4, kFrReceiveFull = 1u << 6, kFrTransmitEmpty = 1u << 7;
constexpr uint32_t kLcrFifos = 1u << 4;
constexpr uint32_t kCrEnable = 1u << 0, kCrLoopback = 1u << 7, kCrTransmit = 1u << 8, kCrReceive = 1u << 9;
// Interrupts.
constexpr uint32_t kReceive = 1u << 4, kTransmit = 1u << 5, kTimeout = 1u << 6, kOverrun = 1u << 10;
constexpr uint32_t kAllInterrupts = 0x7ff;

} // namespace

uint32_t Uart::read(uint64_t offset) {
  uint32_t value = 0;
  switch (offset) {
    case kDr:
      value = read_data();
      break;
    case kRsr:
      value = overrun_ ? 8 : 0;
      break;
    case kFr:
      value = flags();
      break;
    case kIlpr:
      value = ilpr_;
      break;
    case kIbrd:
      value = ibrd_;
      break;
    case kFbrd:
      value = fbrd_;
      break;
    case kLcr:
      value = lcr_;
      break;
    case kCr:
      value = cr_;
      break;
    case kIfls:
      value = ifls_;
      break;
    case kImsc:
      value = imsc_;
      break;
    case kRis:
      value = ris_;
      break;
    case kMis:
      value = ris_ & imsc_;
      break;
    case kDmacr:
      value = dmacr_;
      break;
    default:
      if (offset >= kIds && offset < kWindow) value = kIdentification[(offset - kIds) / 4];
      break;
  }
  return value;
}

std::optional<uint8_t> Uart::write(uint64_t offset, uint32_t value) {
  std::optional<uint8_t> sent;
  switch (offset) {
    case kDr:
      sent = write_data(value);
      break;
    case kRsr:
      overrun_ = false; // any value clears the errors
      break;
    case kIlpr:
      ilpr_ = value & 0xff;
      break;
    case kIbrd:
      ibrd_ = value & 0xffff;
      break;
    case kFbrd:
      fbrd_ = value & 0x3f;
      break;
    case kLcr:
      if (((value ^ lcr_) & kLcrFifos) != 0) count_ = 0; // switching the FIFOs empties them
      lcr_ = value & 0xff;
      break;
    case kCr:
      cr_ = value & 0xff87;
      break;
    case kIfls:
      ifls_ = value & 0x3f;
      break;
    case kImsc:
      imsc_ = value & kAllInterrupts;
      break;
    case kIcr:
      ris_ &= ~value;
      break;
    case kDmacr:
      dmacr_ = value & 7;
      break;
    default:
      break; // read-only or nothing
  }
  return sent;
}

size_t Uart::room() const {
  const bool on = (cr_ & (kCrEnable | kCrReceive)) == (kCrEnable | kCrReceive);
  return on && !loopback() ? capacity() - count_ : 0;
}

void Uart::receive(uint8_t byte) {
  push(byte);
}

bool Uart::interrupt() const {
  return (ris_ & imsc_) != 0;
}

bool Uart::loopback() const {
  return (cr_ & kCrLoopback) != 0;
}

size_t Uart::capacity() const {
  return (lcr_ & kLcrFifos) != 0 ? fifo_.size() : 1;
}

// UARTIFLS, receive: 1/8, 1/4, 1/2, 3/4, 7/8 full.
size_t Uart::trigger() const {
  constexpr size_t kLevels[] = {2, 4, 8, 12, 14, 14, 14, 14};
  return (lcr_ & kLcrFifos) != 0 ? kLevels[ifls_ >> 3 & 7] : 1;
}

// The other end is always there and ready.
uint32_t Uart::flags() const {
  uint32_t value = kFrTransmitEmpty | kFrCts | kFrDsr | kFrDcd;
  if (count_ == 0) value |= kFrReceiveEmpty;
  if (count_ == capacity()) value |= kFrReceiveFull;
  return value;
}

uint32_t Uart::read_data() {
  if (count_ == 0) return 0;
  uint32_t value = fifo_[first_];
  if (overrun_) value |= kDrOverrun;
  first_ = (first_ + 1) % fifo_.size();
  --count_;
  if (count_ < trigger()) ris_ &= ~kReceive;
  if (count_ == 0) ris_ &= ~kTimeout;
  return value;
}

// The transmit interrupt says that the FIFO fell below its trigger level, which it does at once.
std::optional<uint8_t> Uart::write_data(uint32_t value) {
  const auto byte = static_cast<uint8_t>(value);
  ris_ |= kTransmit;
  if ((cr_ & kCrEnable) == 0 || (cr_ & kCrTransmit) == 0) {
    // Early consoles write without enabling; firmware is taken to have done so.
    return loopback() ? std::nullopt : std::optional<uint8_t>(byte);
  }
  if (!loopback()) return byte;
  push(byte);
  return std::nullopt;
}

void Uart::push(uint8_t byte) {
  if (count_ == capacity()) {
    overrun_ = true; // the new byte is lost
    ris_ |= kOverrun;
    return;
  }
  fifo_[(first_ + count_) % fifo_.size()] = byte;
  ++count_;
  update_receive();
}

// Fewer bytes than the trigger level are announced as a timeout, at once: nobody waits for slow senders here.
void Uart::update_receive() {
  ris_ |= count_ >= trigger() ? kReceive : kTimeout;
}

} // namespace pl011

#include "uart.hpp"

namespace serial {
namespace {

// IER: what may interrupt.
constexpr uint8_t kIerReceived = 0x01;
constexpr uint8_t kIerTransmitterEmpty = 0x02;
constexpr uint8_t kIerLineStatus = 0x04;
constexpr uint8_t kIerModemStatus = 0x08;
constexpr uint8_t kIerMask = 0x0f; // the rest reads as 0, by which drivers tell a 16550A from its successors

// IIR: what interrupts, most urgent first (data sheet, table V).
constexpr uint8_t kIirLineStatus = 0x06;
constexpr uint8_t kIirReceived = 0x04;
constexpr uint8_t kIirTimeout = 0x0c;
constexpr uint8_t kIirTransmitterEmpty = 0x02;
constexpr uint8_t kIirModemStatus = 0x00;
constexpr uint8_t kIirNone = 0x01;
constexpr uint8_t kIirFifos = 0xc0;

constexpr uint8_t kLsrReady = 0x01;
constexpr uint8_t kLsrOverrun = 0x02;
constexpr uint8_t kLsrEmpty = 0x60; // THRE and TEMT

constexpr uint8_t kMcrMask = 0x1f;
constexpr uint8_t kMcrOut2 = 0x08;

constexpr uint8_t kMsrCts = 0x10, kMsrDsr = 0x20, kMsrRi = 0x40, kMsrDcd = 0x80;

} // namespace

uint8_t Uart::read(uint64_t offset) {
  uint8_t value = 0xff;
  switch (offset) {
    case RBR_THR_DLL:
      value = divisor_latch() ? dll_ : read_rbr();
      break;
    case IER_DLM:
      value = divisor_latch() ? dlm_ : ier_;
      break;
    case IIR_FCR:
      value = read_iir();
      break;
    case LCR:
      value = lcr_;
      break;
    case MCR:
      value = mcr_;
      break;
    case LSR:
      value = read_lsr();
      break;
    case MSR:
      value = read_msr();
      break;
    case SCR:
      value = scr_;
      break;
    default:
      break;
  }
  return value;
}

std::optional<uint8_t> Uart::write(uint64_t offset, uint8_t value) {
  std::optional<uint8_t> sent;
  switch (offset) {
    case RBR_THR_DLL:
      if (divisor_latch()) {
        dll_ = value;
      } else {
        sent = write_thr(value);
      }
      break;
    case IER_DLM:
      divisor_latch() ? void(dlm_ = value) : write_ier(value);
      break;
    case IIR_FCR:
      write_fcr(value);
      break;
    case LCR:
      lcr_ = value;
      break;
    case MCR:
      write_mcr(value);
      break;
    case SCR:
      scr_ = value;
      break;
    default:
      break; // LSR and MSR are read-only
  }
  return sent;
}

size_t Uart::room() const {
  return loopback() ? 0 : capacity() - count_;
}

void Uart::receive(uint8_t byte) {
  push(byte);
}

bool Uart::interrupt() const {
  return cause() != kIirNone && (mcr_ & kMcrOut2) != 0 && !loopback();
}

uint8_t Uart::cause() const {
  if ((ier_ & kIerLineStatus) != 0 && overrun_) return kIirLineStatus;
  // Fewer bytes than the trigger level are announced as a character timeout, at once: nobody waits for slow senders
  // here.
  if ((ier_ & kIerReceived) != 0 && count_ > 0) return !fifo_on_ || count_ >= trigger_ ? kIirReceived : kIirTimeout;
  if ((ier_ & kIerTransmitterEmpty) != 0 && thre_pending_) return kIirTransmitterEmpty;
  if ((ier_ & kIerModemStatus) != 0 && msr_delta_ != 0) return kIirModemStatus;
  return kIirNone;
}

// The other end is always there and ready; in loopback the modem outputs come back as inputs.
uint8_t Uart::modem_lines() const {
  if (!loopback()) return kMsrCts | kMsrDsr | kMsrDcd;
  uint8_t lines = 0;
  if ((mcr_ & 0x01) != 0) lines |= kMsrDsr; // DTR
  if ((mcr_ & 0x02) != 0) lines |= kMsrCts; // RTS
  if ((mcr_ & 0x04) != 0) lines |= kMsrRi;  // OUT1
  if ((mcr_ & 0x08) != 0) lines |= kMsrDcd; // OUT2
  return lines;
}

uint8_t Uart::read_rbr() {
  if (count_ == 0) return 0;
  const uint8_t byte = fifo_[first_];
  first_ = (first_ + 1) % fifo_.size();
  --count_;
  return byte;
}

// Reading IIR acknowledges the transmitter's interrupt, and only where that is the one it shows.
uint8_t Uart::read_iir() {
  const uint8_t now = cause();
  if (now == kIirTransmitterEmpty) thre_pending_ = false;
  return static_cast<uint8_t>(now | (fifo_on_ ? kIirFifos : 0));
}

uint8_t Uart::read_lsr() {
  const auto value = static_cast<uint8_t>(kLsrEmpty | (count_ > 0 ? kLsrReady : 0) | (overrun_ ? kLsrOverrun : 0));
  overrun_ = false;
  return value;
}

uint8_t Uart::read_msr() {
  const auto value = static_cast<uint8_t>(modem_lines() | msr_delta_);
  msr_delta_ = 0;
  return value;
}

std::optional<uint8_t> Uart::write_thr(uint8_t value) {
  thre_pending_ = true; // it emptied, and is empty again
  if (!loopback()) return value;
  push(value);
  return std::nullopt;
}

// Switching the transmitter's interrupt on with an empty transmitter raises it at once; drivers test for that.
void Uart::write_ier(uint8_t value) {
  if ((value & ~ier_ & kIerTransmitterEmpty) != 0) thre_pending_ = true;
  ier_ = value & kIerMask;
}

void Uart::write_fcr(uint8_t value) {
  constexpr size_t kTriggers[] = {1, 4, 8, 14};
  const bool on = (value & 0x01) != 0;
  if (on != fifo_on_ || (on && (value & 0x02) != 0)) {
    count_ = 0;
    overrun_ = false;
  }
  fifo_on_ = on;
  if (on) trigger_ = kTriggers[value >> 6];
}

void Uart::write_mcr(uint8_t value) {
  const uint8_t before = modem_lines();
  mcr_ = value & kMcrMask;
  const uint8_t now = modem_lines();
  const uint8_t changed = before ^ now;
  msr_delta_ |= static_cast<uint8_t>((changed & (kMsrCts | kMsrDsr | kMsrDcd)) >> 4);
  if ((before & ~now & kMsrRi) != 0) msr_delta_ |= kMsrRi >> 4; // the ring indicator counts when it ends
}

void Uart::push(uint8_t byte) {
  if (count_ == capacity()) {
    overrun_ = true; // a FIFO loses the new byte, the single register its old one
    if (!fifo_on_) fifo_[first_] = byte;
    return;
  }
  fifo_[(first_ + count_) % fifo_.size()] = byte;
  ++count_;
}

} // namespace serial

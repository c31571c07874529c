// The registers of a 16550A UART (National Semiconductor PC16550D data sheet), without anything around them.
//
// The transmitter is infinitely fast: what is written to THR is sent in the same access, so THR is always empty and a
// guest never waits. The receiver holds 16 bytes, or 1 with the FIFOs off.
//
// INTR is a level, gated by OUT2, as on a PC; in loopback OUT2 is inactive and INTR low. A PC's interrupt controller
// looks at its edges alone: a cause that joins while INTR is high makes none, so that a driver must read IIR until it
// says that nothing is pending.
//
// [device] throughout; no errors: every access does something defined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace serial {

inline constexpr uint64_t kRegisters = 8;

class Uart {
 public:
  // Reads the register at `offset` (0..7) with its side effects.
  uint8_t read(uint64_t offset);
  // Writes it. Gives the byte that leaves on the line, if one does.
  std::optional<uint8_t> write(uint64_t offset, uint8_t value);

  // How many bytes from the line the receiver has room for; 0 in loopback, where the line is cut.
  [[nodiscard]] size_t room() const;
  // A byte from the line. Only with room() > 0.
  void receive(uint8_t byte);

  // Whether INTR is high.
  [[nodiscard]] bool interrupt() const;

 private:
  enum Register : uint8_t { RBR_THR_DLL = 0, IER_DLM = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

  [[nodiscard]] bool divisor_latch() const { return (lcr_ & 0x80) != 0; }
  [[nodiscard]] bool loopback() const { return (mcr_ & 0x10) != 0; }
  [[nodiscard]] size_t capacity() const { return fifo_on_ ? fifo_.size() : 1; }
  [[nodiscard]] uint8_t cause() const;
  [[nodiscard]] uint8_t modem_lines() const;

  uint8_t read_rbr();
  uint8_t read_iir();
  uint8_t read_lsr();
  uint8_t read_msr();
  std::optional<uint8_t> write_thr(uint8_t value);
  void write_ier(uint8_t value);
  void write_fcr(uint8_t value);
  void write_mcr(uint8_t value);
  void push(uint8_t byte);

  std::array<uint8_t, 16> fifo_{};
  size_t first_ = 0;
  size_t count_ = 0;
  size_t trigger_ = 1;
  bool fifo_on_ = false;
  uint8_t ier_ = 0;
  uint8_t lcr_ = 0;
  uint8_t mcr_ = 0;
  uint8_t scr_ = 0;
  uint8_t dll_ = 12; // 9600 baud; kept for the guest to read, and without effect
  uint8_t dlm_ = 0;
  uint8_t msr_delta_ = 0;
  bool overrun_ = false;
  bool thre_pending_ = false;
};

} // namespace serial

// The registers of a PL011 UART (Arm PrimeCell UART technical reference manual, DDI 0183), without anything around
// them.
//
// The transmitter is infinitely fast: what is written to UARTDR is sent in the same access, so the FIFO is always empty
// and a guest never waits. The receiver holds 16 bytes, or 1 with the FIFOs off.
//
// UARTINTR is a level: high while an interrupt is pending that is not masked.
//
// [device] throughout; no errors: every access does something defined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace pl011 {

inline constexpr uint64_t kWindow = 4096;

class Uart {
 public:
  // Reads the 32-bit register at `offset`, a multiple of 4 below kWindow, with its side effects.
  uint32_t read(uint64_t offset);
  // Writes it. Gives the byte that leaves on the line, if one does.
  std::optional<uint8_t> write(uint64_t offset, uint32_t value);

  // How many bytes from the line the receiver has room for; 0 while it is off or in loopback, where the line is cut.
  [[nodiscard]] size_t room() const;
  // A byte from the line. Only with room() > 0.
  void receive(uint8_t byte);

  // Whether UARTINTR is high.
  [[nodiscard]] bool interrupt() const;

 private:
  [[nodiscard]] bool loopback() const;
  [[nodiscard]] size_t capacity() const;
  [[nodiscard]] size_t trigger() const;
  [[nodiscard]] uint32_t flags() const;
  uint32_t read_data();
  std::optional<uint8_t> write_data(uint32_t value);
  void push(uint8_t byte);
  void update_receive();

  std::array<uint8_t, 16> fifo_{};
  size_t first_ = 0;
  size_t count_ = 0;
  uint32_t ilpr_ = 0;
  uint32_t ibrd_ = 0;
  uint32_t fbrd_ = 0;
  uint32_t lcr_ = 0;
  uint32_t cr_ = 0x300; // transmitter and receiver on
  uint32_t ifls_ = 0x12;
  uint32_t imsc_ = 0;
  uint32_t ris_ = 0;
  uint32_t dmacr_ = 0;
  bool overrun_ = false;
};

} // namespace pl011

// Dispatch of MMIO and port-I/O accesses to the devices that claim the addresses.
//
// One `Bus` is one address space. Windows are inserted on the main thread while the machine is put together; `seal`
// ends that, and from then on the table never changes, so vCPU threads look windows up without a lock. There is no
// last-hit cache: a machine has a few dozen windows, a binary search over them touches two or three cache lines that
// all vCPUs share unmodified, and a shared cache entry would be written by each of them.
//
// What nobody claims behaves as on a PC: reads give all-ones, writes are dropped. So does an access that reaches beyond
// its window's end, even where another window begins there: no device sees half of an access.
#pragma once

#include "core/base/rate_limited_log.hpp"

#include <sporehost/result.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace sporehost {

// The registers behind one window. Called on any vCPU's thread, concurrently: locking is the handler's. [any]
class BusHandler {
 public:
  virtual ~BusHandler() = default;
  // `offset` is from the window's start; [offset, offset + data.size()) lies within the window. Little-endian data.
  virtual void read(uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void write(uint64_t offset, std::span<const uint8_t> data) = 0;
};

enum class BusSpace { kMmio, kPort };

// One range of addresses, GPAs or port numbers, both ends included so that a window may end where the space does.
struct BusWindow {
  uint64_t first = 0;
  uint64_t last = 0;
  std::string name; // for messages
  BusHandler* handler = nullptr;
};

struct UnclaimedAccess {
  BusSpace space;
  bool is_write;
  uint64_t address;
  size_t bytes;
};

class Bus {
 public:
  // Sees every unclaimed access, on the vCPU's thread, and returns whether it knows what it was; those are not
  // logged as unclaimed. It cannot change the outcome. [any]
  using UnclaimedHook = std::function<bool(const UnclaimedAccess&)>;

  explicit Bus(BusSpace space, LogSink log = {});
  // Lines about unclaimed accesses that were left out: the guest made too many. [any]
  [[nodiscard]] uint64_t log_left_out() const { return log_.left_out(); }
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Claims [base, base + bytes). [main] The handler stays the caller's and must outlive the bus's last access.
  // SPORE_E_INVALID: empty, or beyond the end of the space. SPORE_E_EXISTS: overlaps a window; the text names both.
  // SPORE_E_STATE: the bus is sealed.
  [[nodiscard]] spore::Result<void> insert(uint64_t base, uint64_t bytes, std::string name, BusHandler& handler);
  // [main], before `seal`.
  void on_unclaimed(UnclaimedHook hook);
  // Ends the building; call it before the first vCPU thread starts. [main]
  void seal() { sealed_ = true; }

  // Serves one access. [any] after `seal`, [main] before it.
  void read(uint64_t address, std::span<uint8_t> data);
  void write(uint64_t address, std::span<const uint8_t> data);

 private:
  [[nodiscard]] const BusWindow* find(uint64_t address, size_t bytes) const;
  void unclaimed(const UnclaimedAccess& access);

  const BusSpace space_;
  std::vector<BusWindow> windows_; // sorted by `first`, disjoint
  bool sealed_ = false;
  UnclaimedHook hook_;
  RateLimitedLog log_;
};

} // namespace sporehost

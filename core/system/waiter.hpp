// Waits for descriptors. What is watched may be changed by any thread while another one waits; it takes effect at once.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace sporehost {

class Waiter {
 public:
  struct Ready {
    int fd;
    uint32_t events; // SPORE_FD_*
  };

  Waiter() = default;
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Watches `fd` (not owned), level-triggered, once; a hang-up is always told. [any] SPORE_E_INVALID: no descriptor;
  // SPORE_E_UNSUPPORTED: one that cannot be waited for, a regular file.
  virtual spore::Result<void> add(int fd, uint32_t events) = 0;
  // Changes what it is watched for. [any]
  virtual spore::Result<void> modify(int fd, uint32_t events) = 0;
  // [any] One that was closed is no longer watched by itself.
  virtual void remove(int fd) = 0;

  // Fills `ready` with at least one, unless `timeout_ms` (-1: never) passes, a signal or a change comes, or the system
  // fails. How many; -1: errno. By one thread at a time.
  virtual int wait(std::span<Ready> ready, int timeout_ms) = 0;
};

// nullptr: the system gives no descriptors, and errno says why. [any]
[[nodiscard]] std::unique_ptr<Waiter> make_waiter();

namespace portable {
[[nodiscard]] std::unique_ptr<Waiter> make_waiter(); // poll(2)
} // namespace portable

// The error of `add` and `modify` for the errno of the moment.
[[nodiscard]] spore::Error cannot_watch(int fd);

} // namespace sporehost

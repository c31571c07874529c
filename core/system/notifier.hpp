// Wakes whoever waits for a descriptor: a doorbell, or "look again". Many calls before anybody looks are one.
#pragma once

#include <optional>
#include <utility>

#include "core/base/unique_fd.hpp"

namespace sporehost {

class Notifier {
 public:
  // `write` is empty where one descriptor has both ends. Neither blocks.
  explicit Notifier(UniqueFd read, UniqueFd write = UniqueFd()) : read_(std::move(read)), write_(std::move(write)) {}

  // Readable from a call of `notify` until the next `clear`.
  [[nodiscard]] int fd() const { return read_.get(); }
  // Whoever writes eight bytes here, a 1 as uint64_t, notifies too; this is what a doorbell gives a backend.
  [[nodiscard]] int write_fd() const { return write_ ? write_.get() : read_.get(); }

  void notify() const; // [any], from signal handlers too
  void clear() const;  // [any]

 private:
  UniqueFd read_, write_;
};

// Nothing: the system gives no descriptors, and errno says why. [any]
[[nodiscard]] std::optional<Notifier> make_notifier();

namespace portable {
[[nodiscard]] std::optional<Notifier> make_notifier(); // a pipe
} // namespace portable

} // namespace sporehost

// What a person sees while a kernel is fetched, or memory comes: steps as lines, and one line that counts bytes, on a
// terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/system/non_blocking_writer.hpp"

namespace sporehost {

// Called on the thread that resolves. [main]
class Progress {
 public:
  virtual ~Progress() = default;
  // Something begins or is worth knowing: "downloading https://...", "waiting for another resolver".
  virtual void step(std::string_view text) = 0;
  // The same, of something that takes minutes or fetches much, and tells no bytes().
  virtual void long_step(std::string_view text) { step(text); }
  // `total` is 0 where it is not known.
  virtual void bytes(uint64_t done, uint64_t total) = 0;
};

// Says nothing.
class NoProgress final : public Progress {
 public:
  void step(std::string_view) override {}
  void bytes(uint64_t, uint64_t) override {}
};

// Writes to a descriptor (2, say) that it does not own. A pipe or file gets no progress, so that logs stay clean, but
// one line where the work is long or the transfer large: whoever waits for minutes, or pays for the bytes, hears of it.
class TerminalProgress final : public Progress {
 public:
  // `subject` begins each line.
  explicit TerminalProgress(int fd, std::string subject = "kernel");
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;
  void step(std::string_view text) override;
  void long_step(std::string_view text) override;
  void bytes(uint64_t done, uint64_t total) override;

 private:
  void clear_line();
  void put(const std::string& text);

  void announce(std::string_view more);

  NonBlockingWriter writer_;
  const std::string subject_;
  std::string step_; // the latest
  bool announced_ = false;
  const bool terminal_;
  bool line_shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

} // namespace sporehost

// Where a run's output goes: the workload's two streams and the guest's console. Made once a run; the machines that a
// restart makes, one after the other, write into the same.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/unique_fd.hpp"
#include "core/session/output_sink.hpp"
#include "core/system/log_output.hpp"

namespace sporehost {

struct ConsoleTarget {
  enum class Kind { automatic, none, standard_output, standard_error, file } kind = Kind::automatic;
  std::string path; // of a file
  // "auto", "none", "stdout", "stderr" or a path.
  static ConsoleTarget parse(const std::string& text);
  // What `automatic` means: without our agent the console is all there is to see.
  [[nodiscard]] ConsoleTarget resolved(bool own_initrd) const;
};

// How long the end of a run waits for readers.
struct FlushLimit {
  std::chrono::milliseconds standstill{5000}; // while none of them takes anything
  std::optional<uint64_t> deadline_ns = {};   // monotonic; whatever they take
  int wake_fd = -1;                           // ends the wait when it is readable: a signal has come
};

class Outputs {
 public:
  // [main] Errors: the console's file cannot be opened. `automatic` is no console.
  static spore::Result<std::unique_ptr<Outputs>> create(const ConsoleTarget& console);
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  [[nodiscard]] OutputSink& standard_output() { return *stdout_; }
  [[nodiscard]] OutputSink& standard_error() { return *stderr_; }
  [[nodiscard]] OutputSink* console() { return console_.get(); } // nullptr: it is not shown
  // Whether the console is a conversation: on standard output, with standard input as its other half.
  [[nodiscard]] bool reads_input() const { return reads_input_; }

  // For the life of one machine. [main]
  void attach(EventLoop& loop);
  void detach();
  // Where one start of the guest ends and the next begins, in a console that is a file. [main]
  void mark_restart(unsigned restarts);

  // Writes what is left, within the limit; what is then left is lost. False: `wake_fd` ended it. [main], when the loop
  // does not run
  bool flush(const FlushLimit& limit);
  [[nodiscard]] std::vector<Loss> losses() const;

 private:
  Outputs() = default;
  void watch_log(EventLoop& loop, int fd);
  std::shared_ptr<OutputSink> sink(const std::string& name, int fd);

  UniqueFd file_;
  std::vector<std::shared_ptr<OutputSink>> sinks_; // each once
  std::shared_ptr<OutputSink> stdout_;
  std::shared_ptr<OutputSink> stderr_;
  std::shared_ptr<OutputSink> console_;
  bool reads_input_ = false;
  std::shared_ptr<LogOutput> log_; // whose lines the loop writes too, where nobody takes them at once
};

} // namespace sporehost

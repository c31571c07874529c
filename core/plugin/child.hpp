// A child of this program that touches plugins in its stead, so that one which crashes, hangs or ends the process takes
// nothing with it but that child.
//
// The child is this very program with other arguments: it is started anew (posix_spawn), since a forked copy of a
// process with threads can do next to nothing. It is the leader of a process group of its own, which is killed as a
// whole when the child is done or its time is up. It answers with JSON objects, one a line, on a descriptor of its own;
// what a plugin prints goes into pipes that are read, cut and shown as what it is. Nothing of the answer is trusted.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/system/process.hpp"

namespace sporehost::plugin {

// The descriptor that a child answers on.
inline constexpr int kAnswerFd = 3;

// The environment's variable that tells the child the number of its parent's process.
inline constexpr const char* kParentVariable = "SPOREHOST_CHILD_OF";

struct ChildCall {
  std::filesystem::path program = program_to_start_again();
  std::vector<std::string> arguments;
  std::string input;                 // its standard input
  std::chrono::milliseconds limit{}; // how long it may take for each line of its answer, and to its end
};

struct ChildEnd {
  enum class How { exited, signalled, timed_out, too_much, not_started };
  How how = How::not_started;
  int code = 0;                      // exit status, signal, or errno of not_started
  std::vector<nlohmann::json> lines; // what it answered: objects
  std::string out, err;              // the first of what was printed, as it came
  bool left_processes = false;       // somebody still held its pipes when it was gone; killed
  bool doubled = false;              // a forked copy of it went on with its work

  [[nodiscard]] bool clean() const { return how == How::exited && code == 0; }

  // "ended the process with signal 11 (SIGSEGV) in sporehost_plugin_entry": reads on after the name of what it is
  // about. `where` follows the verb; `limit` is that of the call. Only where !clean() or an answer is missing.
  [[nodiscard]] std::string text(std::string_view where, std::chrono::milliseconds limit) const;
};

// Runs the child to its end. [main]
[[nodiscard]] ChildEnd run_child(const ChildCall& call);

// What was printed, as one line of at most `most` bytes. [any]
[[nodiscard]] std::string printed_line(const std::string& text, size_t most);

// How long a plugin may take for one step: SPOREHOST_PLUGIN_TIMEOUT, a duration such as 20s and at most a
// day, else 5 s. A value that is neither is told on standard error, once. [main]
[[nodiscard]] std::chrono::milliseconds step_limit();

// The child's side. [main]
class Answer {
 public:
  // Gets the process ready: it ends with its parent and leaves no core file.
  Answer();

  // Says what comes next, so that the parent knows it should that be the last word. `where` as in ChildEnd::text;
  // `whose` is what the message begins with, empty where the parent knows.
  void step(std::string_view where, std::string_view whose = {}) const;

  // One object of the answer.
  void send(nlohmann::json object) const;

  // What the process has done so far that a plugin must not do in its own name: threads started.
  [[nodiscard]] bool has_new_threads() const;

  // Ends the process at once, without anybody's destructors.
  [[noreturn]] void end() const;

 private:
  int pid_;
  size_t threads_;
};

} // namespace sporehost::plugin

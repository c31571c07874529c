// Support of the guest tests: records what a guest says, and pumps a GuestChannel over a stream socket.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/base/unique_fd.hpp"
#include "core/session/guest_channel.hpp"

namespace sporehost::test {

struct Recorder : GuestObserver {
  std::vector<std::string> events; // in order; output is noted once for each change of stream
  std::optional<guest::Hello> hello;
  std::optional<guest::Exit> exit;
  std::optional<guest::PowerOff> bye;
  std::vector<guest::Memory> memory;
  std::vector<std::string> logs;
  std::uint32_t pid = 0;
  bool ready = false;
  std::string out;
  std::string err;
  std::string error;
  std::function<void()> hello_hook;

  void on_hello(const guest::Hello& value) override {
    events.push_back("hello");
    hello = value;
    if (hello_hook) hello_hook();
  }
  void on_started(std::uint32_t value) override {
    events.push_back("started");
    pid = value;
  }
  void on_ready() override {
    events.push_back("ready");
    ready = true;
  }
  void on_output(OutputStream stream, guest::Bytes bytes) override {
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    (stream == OutputStream::kStdout ? out : err) += text;
    const char* name = stream == OutputStream::kStdout ? "stdout" : "stderr";
    if (events.empty() || events.back() != name) events.push_back(name);
  }
  void on_exit(const guest::Exit& value) override {
    events.push_back("exit");
    exit = value;
  }
  void on_memory(const guest::Memory& value) override {
    events.push_back("memory");
    memory.push_back(value);
  }
  void on_log(guest::LogLevel, std::string_view text) override { logs.emplace_back(text); }
  void on_bye(guest::PowerOff how) override {
    events.push_back("bye");
    bye = how;
  }
  void on_protocol_error(std::string_view reason) override { error = reason; }
};

// A channel at one end of a non-blocking stream socket.
class Conversation {
 public:
  explicit Conversation(UniqueFd socket)
      : socket_(std::move(socket)), channel_(recorder_, [this](guest::Bytes bytes) { return send(bytes); }) {}

  Recorder& seen() { return recorder_; }
  GuestChannel& channel() { return channel_; }
  int fd() const { return socket_.get(); }
  bool closed() const { return closed_; }

  // Reads until `done()`, the other side's end, a protocol error or the time limit; true if done().
  bool until(const std::function<bool()>& done, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (closed_ || left.count() <= 0 || !recorder_.error.empty()) return false;
      pollfd entry{socket_.get(), POLLIN, 0};
      if (poll(&entry, 1, static_cast<int>(left.count())) > 0) read_once();
    }
    return true;
  }

 private:
  void read_once() {
    std::byte bytes[8192];
    const ssize_t count = read(socket_.get(), bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) closed_ = true;
    if (count > 0) channel_.on_bytes({bytes, static_cast<std::size_t>(count)});
  }

  bool send(guest::Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write(socket_.get(), bytes.data(), bytes.size());
      if (count > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        continue;
      }
      if (errno != EAGAIN) return false;
      pollfd entry{socket_.get(), POLLOUT, 0};
      poll(&entry, 1, 1000);
    }
    return true;
  }

  UniqueFd socket_;
  Recorder recorder_;
  GuestChannel channel_;
  bool closed_ = false;
};

inline guest::Run command(std::vector<std::string> argv) {
  guest::Run run;
  run.argv = std::move(argv);
  return run;
}

} // namespace sporehost::test

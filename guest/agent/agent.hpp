// The agent's conversation with the host: one thread, one epoll loop, no polling while idle.
//
// The same class runs as PID 1 on a virtio-console port and in tests on a socket pair.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/unique_fd.hpp"
#include "guest/agent/outbox.hpp"
#include "guest/protocol/messages.hpp"

namespace sporehost::agent {

struct AgentConfig {
  int port = -1;           // non-blocking, read and write; borrowed
  int uevents = -1;        // from open_uevents(), or -1; borrowed
  bool is_init = false;    // PID 1: every process of the guest is ours to kill, and signals ask for power-off
  bool end_of_port = true; // read() giving 0 ends the conversation. A virtio-console port gives 0 whenever the host's
                           // side is not open, which is no end.
  std::uint32_t modules_loaded = 0;
};

class Agent {
 public:
  explicit Agent(const AgentConfig& config) : config_(config) {}

  // Queues HELLO and writes as much of it as the port takes.
  void hello();

  // To the host's log; dropped while the port is congested.
  void log(guest::LogLevel level, std::string_view text);

  // Talks until the host asks for power-off, or a signal does, or the port ends. Returns how to end the guest. BYE is
  // not sent yet: see say_bye().
  guest::PowerOff serve();

  // Ends the workload, or, for PID 1, every process. BYE then follows sync(), and waits a short time for the port.
  void kill_processes();
  void say_bye(guest::PowerOff how);

  // Why serve() came back without a request of the host, or empty.
  [[nodiscard]] std::string_view trouble() const { return trouble_; }

 private:
  using Milliseconds = std::int64_t; // CLOCK_MONOTONIC

  struct Stream {
    guest::FrameType type;
    UniqueFd pipe;
    bool watched = false;
    bool readable = false;
    std::optional<std::size_t> until_exit; // bytes still to be sent before EXIT
  };

  bool set_up();
  void queue(const guest::Encoded& frame);
  void watch(int fd, std::uint32_t events);

  void read_port();
  bool handle(const guest::Frame& frame);
  void run(guest::Bytes payload);
  void stop(guest::Bytes payload);
  void power_off(guest::Bytes payload);

  void pump();
  bool pump_stream(Stream& stream);
  void close_stream(Stream& stream);
  void watch_stream(Stream& stream, bool wanted);

  void handle_signals();
  void reap();
  void workload_ended(int status);
  void finish_exit();

  void memory_changed();
  void check_memory();
  void send_memory();

  void become_ready();
  [[nodiscard]] bool awaits_ready() const { return workload_started_ && !ready_sent_; }
  [[nodiscard]] int wait_time() const;
  void run_timers();
  void dispatch(std::uint64_t tag, std::uint32_t events);
  void end(guest::PowerOff how, std::string_view trouble);

  AgentConfig config_;
  guest::FrameParser parser_;
  Outbox outbox_;
  UniqueFd epoll_;
  UniqueFd signals_;
  Stream out_{guest::FrameType::kStdout, {}, false, false, {}};
  Stream err_{guest::FrameType::kStderr, {}, false, false, {}};

  pid_t workload_ = -1; // -1 when it is not running
  pid_t group_ = -1;    // its process group, also after its end
  bool run_seen_ = false;
  bool workload_started_ = false;
  bool ready_sent_ = false;
  bool stopping_ = false;
  std::optional<guest::Exit> exit_; // waits until the workload's output is sent

  std::uint64_t reported_total_kib_ = 0;
  bool memory_wanted_ = false; // a report is due; reports merge while the port is congested
  std::optional<Milliseconds> memory_check_at_;
  std::optional<Milliseconds> kill_at_;
  std::optional<Milliseconds> ready_by_;

  std::optional<guest::PowerOff> ended_;
  std::string_view trouble_;
};

} // namespace sporehost::agent

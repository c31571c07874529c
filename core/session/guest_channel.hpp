// The host's side of the guest channel: a state machine between a virtio-console port and the machine.
//
// Bytes that the guest wrote go in through on_bytes(); what they mean comes out through a GuestObserver; commands leave
// as bytes through the Send callback. The channel owns no thread, descriptor or timer and holds at most one unfinished
// frame.
//
// Order of events in a good run: hello, [memory, log]*, started, ready, output*, exit, bye. ready comes exactly once
// and always before exit; where the workload could not start, exit comes without started and ready.
//
// The guest is hostile input. Whatever breaks the protocol closes the channel with a reason, calls on_protocol_error()
// once, and nothing after it is looked at. Frames of unknown type are skipped and counted. LOG and MEMORY are limited
// as ChannelLimits says; what is over is counted and dropped, except that the newest MEMORY of a burst is delivered
// with the next bytes that arrive. Text for people is made printable before an observer sees it; the workload's output
// is passed on as it is.
//
// Threads: [device]: one thread at a time, and no observer calls on_bytes() or destroys the channel. Observers may call
// the commands.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sporehost/result.hpp>

#include "core/base/rate_limit.hpp"
#include "guest/protocol/messages.hpp"

namespace sporehost {

enum class OutputStream : std::uint8_t { kStdout, kStderr };

// What the guest says. Every function does nothing by default. References are valid until the function returns.
class GuestObserver {
 public:
  virtual ~GuestObserver() = default;

  virtual void on_hello(const guest::Hello& /*hello*/) {}         // PID 1 has answered
  virtual void on_started(std::uint32_t /*pid*/) {}               // the workload runs
  virtual void on_ready() {}                                      // PID 1 is idle for the first time after that
  virtual void on_output(OutputStream, guest::Bytes /*bytes*/) {} // never empty
  virtual void on_exit(const guest::Exit& /*exit*/) {}            // the workload has ended, or could not start
  virtual void on_memory(const guest::Memory& /*memory*/) {}      // MemTotal changed, or an answer to query_memory()
  virtual void on_log(guest::LogLevel, std::string_view /*text*/) {}
  virtual void on_bye(guest::PowerOff /*how*/) {}                // synced; the machine may be ended now
  virtual void on_protocol_error(std::string_view /*reason*/) {} // the channel is closed from now on
};

struct ChannelLimits {
  std::uint32_t memory_per_second = 500;
  std::uint32_t logs_in_ten_seconds = 20; // a start with many modules that are not there has as many to say
};

struct ChannelCounters {
  std::uint64_t frames = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t unknown_frames = 0; // skipped: a newer agent's
  std::uint64_t dropped_logs = 0;
  std::uint64_t dropped_memory = 0;
  std::uint64_t late_bytes = 0;       // after BYE or after an error
  std::uint64_t refused_commands = 0; // of the host: the guest did not read
};

// Whether the agent can be given this workload. SPORE_E_INVALID for no program, a NUL byte, a variable without '=', or
// more than fits into one frame (64 KiB in all). [any]
[[nodiscard]] spore::Result<void> check_run(const guest::Run& run);

class GuestChannel {
 public:
  // Queues one whole frame for the guest, or nothing of it: false when there is no room.
  using Send = std::function<bool(guest::Bytes)>;
  // Time since any fixed point; only differences are used.
  using Clock = std::function<std::chrono::nanoseconds()>;

  enum class State : std::uint8_t {
    kWaiting,  // no HELLO yet
    kAnswered, // PID 1 has answered; run() is possible
    kStarting, // RUN is sent
    kRunning,  // STARTED was seen
    kEnded,    // EXIT was seen
    kClosed,   // BYE was seen
    kFailed,   // the guest broke the protocol; see failure()
  };

  // `observer` outlives the channel. Commands fail with SPORE_E_BUSY when `send` has no room: the guest reads nothing.
  GuestChannel(GuestObserver& observer, Send send, ChannelLimits limits = {}, Clock clock = {});

  // Bytes that the guest wrote, in any pieces.
  void on_bytes(guest::Bytes bytes);

  // Starts the workload; once, after HELLO. SPORE_E_STATE at another time, else as check_run(). `protocol` of the
  // request is set here.
  spore::Result<void> run(guest::Run request);
  // SIGTERM to the workload's process group, SIGKILL after `grace`. SPORE_E_STATE unless a workload was asked for.
  spore::Result<void> stop(std::chrono::milliseconds grace);
  // Kills what runs, syncs, says BYE and ends the guest. SPORE_E_STATE before HELLO or when closed.
  spore::Result<void> power_off(guest::PowerOff how = guest::PowerOff::kAuto);
  // The guest answers with MEMORY. SPORE_E_STATE before HELLO or when closed.
  spore::Result<void> query_memory();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const ChannelCounters& counters() const { return counters_; }
  // The version both sides know; 0 before HELLO.
  [[nodiscard]] std::uint16_t protocol() const { return protocol_; }

 private:
  bool handle(const guest::Frame& frame);
  void handle_hello(guest::Bytes payload);
  void handle_started(guest::Bytes payload);
  void handle_ready();
  void handle_output(OutputStream stream, guest::Bytes payload);
  void handle_exit(guest::Bytes payload);
  void handle_memory(guest::Bytes payload);
  void handle_log(guest::Bytes payload);
  void handle_bye(guest::Bytes payload);
  void handle_unknown(const guest::Frame& frame);
  void deliver_held_memory();
  void fail(std::string reason);
  spore::Result<void> send(guest::Bytes frame, std::string_view command);
  [[nodiscard]] bool open() const { return state_ != State::kClosed && state_ != State::kFailed; }
  spore::Result<void> need_conversation(std::string_view command) const;

  GuestObserver& observer_;
  Send send_;
  Clock clock_;
  guest::FrameParser parser_;
  State state_ = State::kWaiting;
  bool ready_ = false;
  std::uint16_t protocol_ = 0;
  std::string failure_;
  ChannelCounters counters_;
  RateLimit log_limit_;
  RateLimit memory_limit_;
  std::optional<guest::Memory> held_memory_;
};

[[nodiscard]] std::string_view to_string(GuestChannel::State state);

} // namespace sporehost

#include "core/session/guest_channel.hpp"

#include <algorithm>
#include <utility>

#include "core/base/text.hpp"

namespace sporehost {
namespace {

using guest::Bytes;
using guest::FrameType;

std::chrono::nanoseconds steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::string number_text(std::uint64_t value) {
  return std::to_string(value);
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

} // namespace

std::string_view to_string(GuestChannel::State state) {
  switch (state) {
    case GuestChannel::State::kWaiting:
      return "waiting for PID 1";
    case GuestChannel::State::kAnswered:
      return "answered";
    case GuestChannel::State::kStarting:
      return "starting";
    case GuestChannel::State::kRunning:
      return "running";
    case GuestChannel::State::kEnded:
      return "ended";
    case GuestChannel::State::kClosed:
      return "closed";
    case GuestChannel::State::kFailed:
      return "failed";
  }
  return "unknown";
}

GuestChannel::GuestChannel(GuestObserver& observer, Send send, ChannelLimits limits, Clock clock)
    : observer_(observer),
      send_(std::move(send)),
      clock_(clock ? std::move(clock) : Clock{steady_now}),
      log_limit_(limits.logs_in_ten_seconds, std::chrono::seconds(10)),
      memory_limit_(limits.memory_per_second, std::chrono::seconds(1)) {}

void GuestChannel::on_bytes(Bytes bytes) {
  if (!open()) {
    counters_.late_bytes += bytes.size();
    return;
  }
  deliver_held_memory();
  const guest::StreamError error = parser_.feed(bytes, [this](const guest::Frame& frame) { return handle(frame); });
  if (error != guest::StreamError::kNone && open()) fail(guest::describe(error));
}

bool GuestChannel::handle(const guest::Frame& frame) {
  ++counters_.frames;
  const FrameType type = frame.type();
  if (state_ == State::kWaiting && type != FrameType::kHello) {
    fail("the first frame has type " + number_text(frame.header.type) + ", not HELLO");
    return false;
  }
  switch (type) {
    case FrameType::kHello:
      handle_hello(frame.payload);
      break;
    case FrameType::kStarted:
      handle_started(frame.payload);
      break;
    case FrameType::kReady:
      handle_ready();
      break;
    case FrameType::kStdout:
      handle_output(OutputStream::kStdout, frame.payload);
      break;
    case FrameType::kStderr:
      handle_output(OutputStream::kStderr, frame.payload);
      break;
    case FrameType::kExit:
      handle_exit(frame.payload);
      break;
    case FrameType::kMemory:
      handle_memory(frame.payload);
      break;
    case FrameType::kLog:
      handle_log(frame.payload);
      break;
    case FrameType::kBye:
      handle_bye(frame.payload);
      break;
    case FrameType::kRun:
    case FrameType::kStop:
    case FrameType::kPowerOff:
    case FrameType::kQueryMemory:
      fail("the guest sent a command of the host (type " + number_text(frame.header.type) + ")");
      break;
    default:
      handle_unknown(frame);
  }
  return open();
}

void GuestChannel::handle_hello(Bytes payload) {
  if (state_ != State::kWaiting) return fail("a second HELLO: PID 1 of the guest was restarted or is not ours");
  auto hello = guest::decode<guest::Hello>(payload);
  if (!hello) return fail("malformed HELLO");
  const std::uint32_t page = hello->page_size;
  if (page < 4096 || page > 65536 || (page & (page - 1)) != 0) {
    return fail("HELLO names a page size of " + number_text(page) + " bytes");
  }
  const std::uint16_t common = std::min(hello->protocol_max, guest::kProtocolMax);
  if (hello->protocol_min > hello->protocol_max || common < std::max(hello->protocol_min, guest::kProtocolMin)) {
    return fail("the guest's agent speaks protocol " + number_text(hello->protocol_min) + " to " +
                number_text(hello->protocol_max) + ", this host " + number_text(guest::kProtocolMin) + " to " +
                number_text(guest::kProtocolMax) + "; rebuild the initrd with this version's agent");
  }
  protocol_ = common;
  state_ = State::kAnswered;
  hello->agent_version = printable(hello->agent_version);
  hello->kernel_release = printable(hello->kernel_release);
  observer_.on_hello(*hello);
}

void GuestChannel::handle_started(Bytes payload) {
  if (state_ != State::kStarting) return fail("STARTED while " + std::string(to_string(state_)));
  const auto started = guest::decode<guest::Started>(payload);
  if (!started) return fail("malformed STARTED");
  state_ = State::kRunning;
  observer_.on_started(started->pid);
}

void GuestChannel::handle_ready() {
  if (state_ != State::kRunning) return fail("READY while " + std::string(to_string(state_)));
  if (ready_) return fail("a second READY");
  ready_ = true;
  observer_.on_ready();
}

void GuestChannel::handle_output(OutputStream stream, Bytes payload) {
  if (state_ != State::kRunning && state_ != State::kEnded) {
    return fail("output of a workload while " + std::string(to_string(state_)));
  }
  counters_.output_bytes += payload.size();
  if (!payload.empty()) observer_.on_output(stream, payload);
}

void GuestChannel::handle_exit(Bytes payload) {
  auto exit = guest::decode<guest::Exit>(payload);
  if (!exit) return fail("malformed EXIT");
  const bool never_started = exit->kind == guest::ExitKind::kCouldNotStart;
  if (state_ != (never_started ? State::kStarting : State::kRunning)) {
    return fail("EXIT while " + std::string(to_string(state_)));
  }
  if (!never_started && !ready_) return fail("EXIT before READY");
  const std::int32_t least = exit->kind == guest::ExitKind::kSignalled ? 1 : 0;
  if (exit->code < least || exit->code > (never_started ? 4095 : 255)) {
    return fail("EXIT with the impossible code " + std::to_string(exit->code));
  }
  state_ = State::kEnded;
  exit->message = printable(exit->message);
  observer_.on_exit(*exit);
}

void GuestChannel::handle_memory(Bytes payload) {
  const auto memory = guest::decode<guest::Memory>(payload);
  if (!memory) return fail("malformed MEMORY");
  if (memory_limit_.admit(clock_())) {
    held_memory_.reset();
    observer_.on_memory(*memory);
    return;
  }
  if (held_memory_) ++counters_.dropped_memory;
  held_memory_ = *memory;
}

void GuestChannel::deliver_held_memory() {
  if (!held_memory_ || !memory_limit_.admit(clock_())) return;
  const guest::Memory memory = *std::exchange(held_memory_, std::nullopt);
  observer_.on_memory(memory);
}

void GuestChannel::handle_log(Bytes payload) {
  const auto log = guest::decode<guest::Log>(payload);
  if (!log) return fail("malformed LOG");
  const auto left_out = log_limit_.admit(clock_());
  counters_.dropped_logs = log_limit_.refused();
  if (!left_out) return;
  const std::string note = *left_out == 0 ? "" : " (" + number_text(*left_out) + " lines were left out before)";
  observer_.on_log(log->level, printable(log->text) + note);
}

void GuestChannel::handle_bye(Bytes payload) {
  const auto bye = guest::decode<guest::Bye>(payload);
  if (!bye) return fail("malformed BYE");
  state_ = State::kClosed;
  observer_.on_bye(bye->how);
}

void GuestChannel::handle_unknown(const guest::Frame& frame) {
  if (frame.critical()) {
    return fail("the agent insists on a frame of type " + number_text(frame.header.type) +
                " that this host does not know; use a newer sporehost or an older initrd");
  }
  ++counters_.unknown_frames;
}

void GuestChannel::fail(std::string reason) {
  state_ = State::kFailed;
  failure_ = "guest channel: " + std::move(reason);
  observer_.on_protocol_error(failure_);
}

spore::Result<void> GuestChannel::need_conversation(std::string_view command) const {
  if (state_ == State::kFailed) return spore::fail(SPORE_E_STATE, std::string(command) + ": closed: " + failure_);
  if (state_ == State::kWaiting || state_ == State::kClosed) {
    return spore::fail(SPORE_E_STATE,
                       std::string(command) + ": the guest channel is " + std::string(to_string(state_)));
  }
  return {};
}

// A frame of which the guest got a part would be the end of the conversation.
spore::Result<void> GuestChannel::send(guest::Bytes frame, std::string_view command) {
  if (send_(frame)) return {};
  ++counters_.refused_commands;
  return spore::fail(SPORE_E_BUSY, std::string(command) + ": the guest's agent does not read what it is sent");
}

spore::Result<void> check_run(const guest::Run& run) {
  auto invalid = [](std::string text) { return spore::fail(SPORE_E_INVALID, "workload: " + std::move(text)); };
  if (run.argv.empty() || run.argv.front().empty()) return invalid("no program is named");
  if (run.argv.size() > guest::kMaxArguments) {
    return invalid(number_text(run.argv.size()) + " arguments; at most " + number_text(guest::kMaxArguments));
  }
  if (run.env.size() > guest::kMaxEnvironment) {
    return invalid(number_text(run.env.size()) + " variables; at most " + number_text(guest::kMaxEnvironment));
  }
  if (std::any_of(run.argv.begin(), run.argv.end(), has_nul)) return invalid("an argument contains a NUL byte");
  for (const std::string& variable : run.env) {
    if (has_nul(variable)) return invalid("an environment variable contains a NUL byte");
    if (variable.find('=') == std::string::npos || variable.front() == '=') {
      return invalid("environment entry '" + printable(variable.substr(0, 80)) + "' is not of the form NAME=value");
    }
  }
  if (has_nul(run.cwd)) return invalid("the working directory contains a NUL byte");
  if (run.limits.size() > guest::kMaxLimits) return invalid("too many resource limits");
  if (const std::size_t bytes = guest::payload_size(run); bytes > guest::kMaxPayload) {
    return invalid("arguments and environment take " + number_text(bytes) +
                   " bytes together; the guest's agent takes " + number_text(guest::kMaxPayload) +
                   "; put the data into a file");
  }
  return {};
}

spore::Result<void> GuestChannel::run(guest::Run request) {
  SPORE_CHECK(need_conversation("run"));
  if (state_ != State::kAnswered) {
    return spore::fail(SPORE_E_STATE, "run: the guest has its workload already; one machine runs one");
  }
  SPORE_CHECK(check_run(request));
  request.protocol = protocol_;
  const guest::Encoded frame = guest::encode(request);
  if (frame.empty()) return spore::fail(SPORE_E_INTERNAL, "workload: no frame holds what check_run() accepted");
  state_ = State::kStarting;
  auto sent = send(frame, "run");
  if (!sent) state_ = State::kAnswered;
  return sent;
}

spore::Result<void> GuestChannel::stop(std::chrono::milliseconds grace) {
  SPORE_CHECK(need_conversation("stop"));
  if (state_ == State::kAnswered) return spore::fail(SPORE_E_STATE, "stop: no workload was started");
  const auto bounded = std::clamp<std::int64_t>(grace.count(), 0, UINT32_MAX);
  return send(guest::encode(guest::Stop{static_cast<std::uint32_t>(bounded)}), "stop");
}

spore::Result<void> GuestChannel::power_off(guest::PowerOff how) {
  SPORE_CHECK(need_conversation("power_off"));
  return send(guest::encode(guest::PowerOffRequest{how}), "power_off");
}

spore::Result<void> GuestChannel::query_memory() {
  SPORE_CHECK(need_conversation("query_memory"));
  return send(guest::make_frame(FrameType::kQueryMemory), "query_memory");
}

} // namespace sporehost

#include "core/session/guest_session.hpp"

#include <spdlog/spdlog.h>

#include "core/session/workload_request.hpp"

namespace sporehost {
namespace {

guest::Bytes as_frame_bytes(std::span<const uint8_t> bytes) {
  return std::as_bytes(bytes);
}

std::span<const uint8_t> as_octets(guest::Bytes bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

spdlog::level::level_enum level_of(guest::LogLevel level) {
  switch (level) {
    case guest::LogLevel::kDebug:
      return spdlog::level::debug;
    case guest::LogLevel::kInfo:
      return spdlog::level::info;
    case guest::LogLevel::kWarning:
      return spdlog::level::warn;
    case guest::LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

} // namespace

GuestSession::GuestSession(StreamHub& hub, Outputs& outputs, WorkloadConfig workload, Events events)
    : hub_(hub),
      workload_(std::move(workload)),
      events_(std::move(events)),
      stdout_(outputs.standard_output()),
      stderr_(outputs.standard_error()),
      channel_(*this, [this](guest::Bytes bytes) { return hub_.send_whole(StreamId::agent, as_octets(bytes)); }) {
  for (OutputSink* sink : {&stdout_, &stderr_}) sink->on_drained([this] { hub_.resume(StreamId::agent); });
  hub_.set_consumer(StreamId::agent, [this](std::span<const uint8_t> bytes) { return consume(bytes); });
}

// Takes nothing while a reader of ours is slow: the queue fills, the virtqueue stands still, the workload waits.
size_t GuestSession::consume(std::span<const uint8_t> bytes) {
  if ((stdout_.full() || stderr_.full()) && !finished_) return 0;
  channel_.on_bytes(as_frame_bytes(bytes));
  return bytes.size();
}

void GuestSession::on_hello(const guest::Hello& hello) {
  if (finished_) return;
  answered_ns_ = monotonic_ns();
  hello_ = hello;
  memory_ = guest::Memory{hello.mem_total_kib, 0, 0, hello.boot_ns};
  spdlog::info("guest: PID 1 answered; Linux {}, MemTotal {} kB", hello.kernel_release, hello.mem_total_kib);
  events_.answered();
}

void GuestSession::start_workload() {
  if (auto started = channel_.run(workload_request(workload_)); !started) events_.failed(started.error().text);
}

void GuestSession::on_output(OutputStream stream, guest::Bytes bytes) {
  (stream == OutputStream::kStdout ? stdout_ : stderr_).write(as_octets(bytes));
}

void GuestSession::on_ready() {
  if (!finished_) events_.ready();
}

void GuestSession::on_exit(const guest::Exit& exit) {
  if (finished_) return;
  exit_ = exit;
  events_.workload_ended();
}

void GuestSession::on_memory(const guest::Memory& memory) {
  if (finished_) return;
  memory_ = memory;
  reports_.write(SPORE_LOG_DEBUG, [&] {
    return fmt::format("MemTotal {} kB, MemAvailable {} kB", memory.total_kib, memory.available_kib);
  });
  events_.memory();
}

void GuestSession::on_log(guest::LogLevel level, std::string_view text) {
  spdlog::log(level_of(level), "guest: {}", text);
}

void GuestSession::on_bye(guest::PowerOff) {
  if (!finished_) events_.said_bye();
}

void GuestSession::on_protocol_error(std::string_view reason) {
  if (!finished_) events_.failed(reason);
}

std::map<std::string, uint64_t> GuestSession::channel_counters() const {
  const ChannelCounters& c = channel_.counters();
  return {{"frames", c.frames},
          {"output-bytes", c.output_bytes},
          {"unknown-frames", c.unknown_frames},
          {"dropped-logs", c.dropped_logs},
          {"dropped-memory", c.dropped_memory},
          {"late-bytes", c.late_bytes},
          {"refused-commands", c.refused_commands}};
}

void GuestSession::ask_to_stop(std::chrono::milliseconds grace) {
  if (!channel_.stop(grace)) power_off();
}

void GuestSession::finish() {
  finished_ = true;
  hub_.resume(StreamId::agent);
}

} // namespace sporehost

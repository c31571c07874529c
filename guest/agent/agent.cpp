#include "guest/agent/agent.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest/agent/clock.hpp"
#include "guest/agent/meminfo.hpp"
#include "guest/agent/uevents.hpp"
#include "guest/agent/workload.hpp"

namespace sporehost::agent {
namespace {

using guest::FrameType;
using guest::LogLevel;
using guest::PowerOff;

constexpr char kAgentVersion[] = "0.1.0";
constexpr std::int64_t kMemoryDebounceMs = 20; // a plug of many blocks makes many events
constexpr std::int64_t kMemorySettleMs = 100;  // a last look after a change
constexpr std::int64_t kReadyAtLatestMs = 200; // a workload that never lets PID 1 rest is no reason to wait
constexpr std::int64_t kByeWaitMs = 1000;
constexpr std::size_t kReservedRoom = 8 * 1024; // of the outbox: LOG and MEMORY leave it to the frames that must go
constexpr std::size_t kMaxLogText = 1024;

enum Tag : std::uint64_t { kPort, kSignals, kUevents, kStdoutPipe, kStderrPipe };

sigset_t handled_signals(bool is_init) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  if (is_init) {
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR}) sigaddset(&set, number);
  }
  return set;
}

} // namespace

void Agent::hello() {
  utsname name{};
  uname(&name);
  guest::Hello hello;
  hello.agent_version = kAgentVersion;
  hello.kernel_release = name.release;
  hello.page_size = static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE));
  hello.mem_total_kib = mem_total_kib();
  hello.boot_ns = boot_ns();
  hello.modules_loaded = config_.modules_loaded;
  reported_total_kib_ = hello.mem_total_kib;
  queue(guest::encode(hello));
}

void Agent::log(LogLevel level, std::string_view text) {
  if (outbox_.room() < kReservedRoom + kMaxLogText) return;
  queue(guest::encode(guest::Log{level, std::string(text.substr(0, kMaxLogText - 64))}));
}

void Agent::queue(const guest::Encoded& frame) {
  outbox_.push(frame);
  outbox_.flush(config_.port);
}

void Agent::end(PowerOff how, std::string_view trouble) {
  if (ended_) return;
  ended_ = how;
  trouble_ = trouble;
}

// --- the loop --------------------------------------------------------------------------------------------------------

void Agent::watch(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = fd == config_.port      ? kPort
                   : fd == signals_.get()  ? kSignals
                   : fd == config_.uevents ? kUevents
                   : fd == out_.pipe.get() ? kStdoutPipe
                                           : kStderrPipe;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

bool Agent::set_up() {
  signal(SIGPIPE, SIG_IGN);
  const sigset_t set = handled_signals(config_.is_init);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!signals_ || !epoll_) return false;
  // Edge-triggered: while the host's side of the port is not open, the port reports a hang-up all the time.
  watch(config_.port, EPOLLIN | EPOLLOUT | EPOLLET);
  watch(signals_.get(), EPOLLIN);
  if (config_.uevents >= 0) watch(config_.uevents, EPOLLIN);
  return true;
}

guest::PowerOff Agent::serve() {
  if (!set_up()) {
    end(PowerOff::kAuto, "cannot set up the event loop");
    return PowerOff::kAuto;
  }
  while (!ended_) {
    run_timers();
    pump();
    if (ended_) break;
    epoll_event events[8];
    const bool looking = awaits_ready() && outbox_.waiting() == 0;
    const int count = epoll_wait(epoll_.get(), events, std::size(events), looking ? 0 : wait_time());
    if (count == 0 && looking) become_ready(); // the loop would sleep now for the first time
    for (int i = 0; i < count; ++i) dispatch(events[i].data.u64, events[i].events);
  }
  return *ended_;
}

int Agent::wait_time() const {
  std::optional<Milliseconds> next;
  for (const auto& deadline : {memory_check_at_, kill_at_, ready_by_}) {
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  if (!next) return -1;
  return static_cast<int>(std::clamp<Milliseconds>(*next - now_ms(), 0, 60'000));
}

void Agent::run_timers() {
  const Milliseconds now = now_ms();
  if (memory_check_at_ && now >= *memory_check_at_) check_memory();
  if (ready_by_ && now >= *ready_by_) become_ready();
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    if (group_ > 0) kill(-group_, SIGKILL);
  }
}

void Agent::dispatch(std::uint64_t tag, std::uint32_t events) {
  switch (tag) {
    case kPort:
      if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_port();
      break; // pump() writes
    case kSignals:
      handle_signals();
      break;
    case kUevents:
      if (drain_uevents(config_.uevents).memory) memory_changed();
      break;
    case kStdoutPipe:
      out_.readable = true;
      break;
    case kStderrPipe:
      err_.readable = true;
      break;
  }
}

void Agent::become_ready() {
  ready_by_.reset();
  if (!awaits_ready()) return;
  ready_sent_ = true;
  queue(guest::make_frame(FrameType::kReady));
}

// --- what the host says ----------------------------------------------------------------------------------------------

void Agent::read_port() {
  std::byte bytes[4096];
  while (!ended_) {
    const ssize_t count = read(config_.port, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return end(PowerOff::kAuto, "the guest channel's port failed");
    if (count == 0) {
      if (config_.end_of_port) end(PowerOff::kAuto, "the guest channel's port was closed");
      return;
    }
    const auto error = parser_.feed({bytes, static_cast<std::size_t>(count)},
                                    [this](const guest::Frame& frame) { return handle(frame); });
    if (error != guest::StreamError::kNone) return end(PowerOff::kAuto, guest::describe(error));
  }
}

bool Agent::handle(const guest::Frame& frame) {
  switch (frame.type()) {
    case FrameType::kRun:
      run(frame.payload);
      break;
    case FrameType::kStop:
      stop(frame.payload);
      break;
    case FrameType::kPowerOff:
      power_off(frame.payload);
      break;
    case FrameType::kQueryMemory:
      memory_wanted_ = true;
      break;
    default:
      if (frame.critical()) end(PowerOff::kAuto, "the host insists on a frame that this agent does not know");
  }
  return !ended_;
}

void Agent::run(guest::Bytes payload) {
  if (std::exchange(run_seen_, true)) return log(LogLevel::kError, "RUN ignored: this guest has its workload already");
  const auto request = guest::decode<guest::Run>(payload);
  if (!request) return queue(guest::encode(guest::Exit{guest::ExitKind::kCouldNotStart, EBADMSG, "malformed RUN"}));
  if (request->protocol < guest::kProtocolMin || request->protocol > guest::kProtocolMax) {
    return queue(guest::encode(guest::Exit{guest::ExitKind::kCouldNotStart, EPROTONOSUPPORT,
                                           "RUN picks a protocol that HELLO did not offer"}));
  }
  Spawned spawned = spawn(*request);
  if (spawned.pid < 0) {
    return queue(guest::encode(guest::Exit{guest::ExitKind::kCouldNotStart, spawned.error, spawned.problem}));
  }
  workload_ = group_ = spawned.pid;
  out_.pipe = std::move(spawned.out);
  err_.pipe = std::move(spawned.err);
  workload_started_ = true;
  ready_by_ = now_ms() + kReadyAtLatestMs;
  queue(guest::encode(guest::Started{static_cast<std::uint32_t>(workload_)}));
}

void Agent::stop(guest::Bytes payload) {
  const auto request = guest::decode<guest::Stop>(payload);
  if (!request) return log(LogLevel::kError, "malformed STOP ignored");
  if (workload_ < 0) return log(LogLevel::kInfo, "STOP: no workload is running");
  stopping_ = true;
  kill(-group_, SIGTERM);
  const Milliseconds at = now_ms() + request->grace_ms;
  kill_at_ = kill_at_ ? std::min(*kill_at_, at) : at; // a second STOP may shorten the grace
}

void Agent::power_off(guest::Bytes payload) {
  const auto request = guest::decode<guest::PowerOffRequest>(payload);
  end(request ? request->how : PowerOff::kAuto, {});
}

// --- output ----------------------------------------------------------------------------------------------------------

// Moves what there is from the pipes to the port until one side has nothing or takes nothing.
void Agent::pump() {
  bool more = true;
  while (more && !ended_) {
    if (memory_wanted_ && outbox_.room() > kReservedRoom) send_memory();
    more = false;
    if (out_.readable || out_.until_exit) more |= pump_stream(out_);
    if (err_.readable || err_.until_exit) more |= pump_stream(err_);
    finish_exit();
    if (outbox_.flush(config_.port) == Outbox::Flush::kBroken) {
      return end(PowerOff::kAuto, "the guest channel's port failed");
    }
    more |= memory_wanted_ && outbox_.room() > kReservedRoom;
  }
  const bool room = !outbox_.output_room().empty();
  watch_stream(out_, room);
  watch_stream(err_, room);
}

// One frame from one pipe; true if there may be more to do.
bool Agent::pump_stream(Stream& stream) {
  if (!stream.pipe) {
    stream.until_exit.reset();
    return false;
  }
  const std::span<std::byte> room = outbox_.output_room();
  if (room.empty()) return false;
  const ssize_t count = read(stream.pipe.get(), room.data(), room.size());
  if (count < 0 && errno == EINTR) return true;
  if (count > 0) {
    const auto length = static_cast<std::size_t>(count);
    outbox_.commit_output(stream.type, length);
    if (stream.until_exit) *stream.until_exit -= std::min(length, *stream.until_exit);
    if (stream.until_exit && *stream.until_exit == 0) stream.until_exit.reset();
    // Back to the loop after each frame: signals and the host's commands are not to wait for a flood to end.
    stream.readable = false;
    return stream.until_exit.has_value();
  }
  stream.readable = false;
  stream.until_exit.reset();
  if (count == 0) close_stream(stream);
  return false;
}

void Agent::close_stream(Stream& stream) {
  watch_stream(stream, false);
  stream.pipe.reset();
}

// A pipe that is not read now is taken out of the loop: its hang-up would be reported without end.
void Agent::watch_stream(Stream& stream, bool wanted) {
  if (!stream.pipe || stream.watched == wanted) return;
  if (wanted) {
    watch(stream.pipe.get(), EPOLLIN);
  } else {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stream.pipe.get(), nullptr);
  }
  stream.watched = wanted;
}

// --- processes -------------------------------------------------------------------------------------------------------

void Agent::handle_signals() {
  signalfd_siginfo info[8];
  for (;;) {
    const ssize_t count = read(signals_.get(), info, sizeof info);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count) / sizeof info[0]; ++i) {
      if (info[i].ssi_signo != SIGCHLD) end(PowerOff::kAuto, "a process of the guest asked PID 1 to power off");
    }
  }
  reap();
}

void Agent::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return;
    if (pid == workload_) workload_ended(status);
  }
}

void Agent::workload_ended(int status) {
  workload_ = -1;
  if (stopping_ && group_ > 0) kill(-group_, SIGKILL); // STOP is meant for the whole group
  kill_at_.reset();
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    exit_ = guest::Exit{guest::ExitKind::kSignalled, number, strsignal(number)};
  } else {
    exit_ = guest::Exit{guest::ExitKind::kExited, WEXITSTATUS(status), {}};
  }
  // What the pipes hold at this moment is all that the workload wrote; what comes later is from processes it left
  // behind.
  for (Stream* stream : {&out_, &err_}) {
    int held = 0;
    if (stream->pipe && ioctl(stream->pipe.get(), FIONREAD, &held) == 0 && held > 0) {
      stream->until_exit = static_cast<std::size_t>(held);
    }
  }
}

void Agent::finish_exit() {
  if (!exit_ || out_.until_exit || err_.until_exit) return;
  become_ready(); // the workload is over: PID 1 has nothing left to do but this
  queue(guest::encode(*exit_));
  exit_.reset();
}

void Agent::kill_processes() {
  if (config_.is_init) {
    kill(-1, SIGKILL);
  } else if (group_ > 0) {
    kill(-group_, SIGKILL);
  }
}

void Agent::say_bye(PowerOff how) {
  sync();
  outbox_.push(guest::encode(guest::Bye{how}));
  const Milliseconds deadline = now_ms() + kByeWaitMs;
  while (outbox_.flush(config_.port) == Outbox::Flush::kBlocked) {
    const Milliseconds left = deadline - now_ms();
    if (left <= 0) return;
    pollfd port{config_.port, POLLOUT, 0};
    if (poll(&port, 1, static_cast<int>(left)) > 0 && (port.revents & POLLHUP)) usleep(10'000);
  }
}

// --- memory ----------------------------------------------------------------------------------------------------------

void Agent::memory_changed() {
  if (!memory_check_at_) memory_check_at_ = now_ms() + kMemoryDebounceMs;
}

void Agent::check_memory() {
  memory_check_at_.reset();
  if (mem_total_kib() == reported_total_kib_) return;
  memory_wanted_ = true;
  memory_check_at_ = now_ms() + kMemorySettleMs; // counters may follow the last event
}

void Agent::send_memory() {
  memory_wanted_ = false;
  const guest::Memory memory = read_memory();
  reported_total_kib_ = memory.total_kib;
  queue(guest::encode(memory));
}

} // namespace sporehost::agent

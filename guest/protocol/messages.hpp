// What the frames' payloads say, and how they are written and read.
//
// encode() gives a whole frame (header and payload), or an empty vector where a message does not fit in one frame.
// decode() gives nothing where a payload is malformed: too short, or beyond a bound. Texts in decoded messages are
// views into the payload or copies as the type says. No function keeps state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest/protocol/frame.hpp"

namespace sporehost::guest {

// --- guest to host ---------------------------------------------------------------------------------------------------

// First frame of the agent: PID 1 has answered.
struct Hello {
  std::uint16_t protocol_min = kProtocolMin;
  std::uint16_t protocol_max = kProtocolMax;
  std::string agent_version;
  std::string kernel_release;
  std::uint32_t page_size = 0;      // bytes
  std::uint64_t mem_total_kib = 0;  // MemTotal
  std::uint64_t boot_ns = 0;        // CLOCK_BOOTTIME when the agent wrote this
  std::uint32_t modules_loaded = 0; // by the agent so far; those that can wait are loaded after HELLO
};

struct Started {
  std::uint32_t pid = 0; // of the workload, in the guest
};

enum class ExitKind : std::uint8_t {
  kExited = 0,       // code: the status, 0 to 255
  kSignalled = 1,    // code: the signal's number
  kCouldNotStart = 2 // code: errno; the message says what failed
};

// The workload has ended. All it wrote itself was sent before; processes it left behind may still write.
struct Exit {
  ExitKind kind = ExitKind::kExited;
  std::int32_t code = 0;
  std::string message;
};

struct Memory {
  std::uint64_t total_kib = 0;
  std::uint64_t free_kib = 0;
  std::uint64_t available_kib = 0;
  std::uint64_t boot_ns = 0; // CLOCK_BOOTTIME of the reading
};

enum class LogLevel : std::uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

struct Log {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

// How the guest's end will look from outside.
enum class PowerOff : std::uint8_t {
  kAuto = 0,  // in POWER_OFF only: the agent chooses
  kOff = 1,   // the platform's power-off: ACPI S5, PSCI SYSTEM_OFF
  kReset = 2, // a restart request: keyboard controller, triple fault, PSCI SYSTEM_RESET; the host ends the machine
  kHalt = 3,  // the vCPUs stop for good, and nothing tells the host: BYE is the last word
};

// Last frame: file systems are synced, nothing follows but what `how` names. The host may end the machine at once.
struct Bye {
  PowerOff how = PowerOff::kOff;
};

// --- host to guest ---------------------------------------------------------------------------------------------------

inline constexpr std::size_t kMaxArguments = 10'000;
inline constexpr std::size_t kMaxEnvironment = 10'000;
inline constexpr std::size_t kMaxLimits = 16; // RLIM_NLIMITS of Linux

struct ResourceLimit {
  std::uint8_t resource = 0; // Linux's RLIMIT_ number
  std::uint64_t soft = 0;    // UINT64_MAX: unlimited
  std::uint64_t hard = 0;
};

// The one workload. argv[0] without a slash is looked up in PATH of `env`.
struct Run {
  std::uint16_t protocol = kProtocolMax; // the host's choice out of HELLO's range
  std::vector<std::string> argv;         // at least one
  std::vector<std::string> env;          // "NAME=value"
  std::string cwd;                       // empty: "/"
  std::vector<ResourceLimit> limits;
};

// SIGTERM to the workload's process group; SIGKILL when it is still there after grace_ms.
struct Stop {
  std::uint32_t grace_ms = 0;
};

struct PowerOffRequest {
  PowerOff how = PowerOff::kAuto;
};

// --- writing ---------------------------------------------------------------------------------------------------------

using Encoded = std::vector<std::byte>;

// A frame whose payload `fill(ByteWriter&)` writes.
template <typename Fill>
[[nodiscard]] Encoded make_frame(FrameType type, Fill&& fill, std::uint8_t flags = 0) {
  Encoded frame(kHeaderSize);
  ByteWriter writer{frame};
  fill(writer);
  const std::size_t length = frame.size() - kHeaderSize;
  if (!writer.ok() || length > kMaxPayload) return {};
  encode_header({flags, static_cast<std::uint16_t>(type), static_cast<std::uint32_t>(length)},
                std::span{frame}.first<kHeaderSize>());
  return frame;
}

[[nodiscard]] inline Encoded make_frame(FrameType type) {
  return make_frame(type, [](ByteWriter&) {});
}

[[nodiscard]] inline Encoded encode(const Hello& hello) {
  return make_frame(FrameType::kHello, [&](ByteWriter& out) {
    out.number(hello.protocol_min);
    out.number(hello.protocol_max);
    out.text(hello.agent_version);
    out.text(hello.kernel_release);
    out.number(hello.page_size);
    out.number(hello.mem_total_kib);
    out.number(hello.boot_ns);
    out.number(hello.modules_loaded);
  });
}

[[nodiscard]] inline Encoded encode(const Started& started) {
  return make_frame(FrameType::kStarted, [&](ByteWriter& out) { out.number(started.pid); });
}

[[nodiscard]] inline Encoded encode(const Exit& exit) {
  return make_frame(FrameType::kExit, [&](ByteWriter& out) {
    out.number(static_cast<std::uint8_t>(exit.kind));
    out.number(static_cast<std::uint32_t>(exit.code));
    out.text(exit.message);
  });
}

[[nodiscard]] inline Encoded encode(const Memory& memory) {
  return make_frame(FrameType::kMemory, [&](ByteWriter& out) {
    out.number(memory.total_kib);
    out.number(memory.free_kib);
    out.number(memory.available_kib);
    out.number(memory.boot_ns);
  });
}

[[nodiscard]] inline Encoded encode(const Log& log) {
  return make_frame(FrameType::kLog, [&](ByteWriter& out) {
    out.number(static_cast<std::uint8_t>(log.level));
    out.text(log.text);
  });
}

[[nodiscard]] inline Encoded encode(const Bye& bye) {
  return make_frame(FrameType::kBye, [&](ByteWriter& out) { out.number(static_cast<std::uint8_t>(bye.how)); });
}

// What encode() would put behind the header; beyond kMaxPayload there is no such frame.
[[nodiscard]] inline std::size_t payload_size(const Run& run) {
  constexpr std::size_t kNumber = sizeof(std::uint16_t); // before each text and list, and the protocol
  std::size_t bytes = 4 * kNumber + kNumber + run.cwd.size();
  for (const std::string& argument : run.argv) bytes += kNumber + argument.size();
  for (const std::string& variable : run.env) bytes += kNumber + variable.size();
  return bytes + run.limits.size() * (sizeof(ResourceLimit::resource) + 2 * sizeof(ResourceLimit::soft));
}

// Empty when it breaks a bound: no argument, too many, or more than a frame holds.
[[nodiscard]] inline Encoded encode(const Run& run) {
  if (run.argv.empty() || run.argv.size() > kMaxArguments) return {};
  if (run.env.size() > kMaxEnvironment || run.limits.size() > kMaxLimits) return {};
  return make_frame(FrameType::kRun, [&](ByteWriter& out) {
    out.number(run.protocol);
    out.number(static_cast<std::uint16_t>(run.argv.size()));
    for (const std::string& argument : run.argv) out.text(argument);
    out.number(static_cast<std::uint16_t>(run.env.size()));
    for (const std::string& variable : run.env) out.text(variable);
    out.text(run.cwd);
    out.number(static_cast<std::uint16_t>(run.limits.size()));
    for (const ResourceLimit& limit : run.limits) {
      out.number(limit.resource);
      out.number(limit.soft);
      out.number(limit.hard);
    }
  });
}

[[nodiscard]] inline Encoded encode(const Stop& stop) {
  return make_frame(FrameType::kStop, [&](ByteWriter& out) { out.number(stop.grace_ms); });
}

[[nodiscard]] inline Encoded encode(const PowerOffRequest& request) {
  return make_frame(FrameType::kPowerOff, [&](ByteWriter& out) { out.number(static_cast<std::uint8_t>(request.how)); });
}

// --- reading ---------------------------------------------------------------------------------------------------------

template <typename Message>
[[nodiscard]] std::optional<Message> decode(Bytes payload);

template <>
inline std::optional<Hello> decode<Hello>(Bytes payload) {
  ByteReader in{payload};
  Hello hello;
  hello.protocol_min = in.number<std::uint16_t>();
  hello.protocol_max = in.number<std::uint16_t>();
  hello.agent_version = in.text();
  hello.kernel_release = in.text();
  hello.page_size = in.number<std::uint32_t>();
  hello.mem_total_kib = in.number<std::uint64_t>();
  hello.boot_ns = in.number<std::uint64_t>();
  hello.modules_loaded = in.number<std::uint32_t>();
  if (!in.ok()) return std::nullopt;
  return hello;
}

template <>
inline std::optional<Started> decode<Started>(Bytes payload) {
  ByteReader in{payload};
  const Started started{in.number<std::uint32_t>()};
  if (!in.ok()) return std::nullopt;
  return started;
}

template <>
inline std::optional<Exit> decode<Exit>(Bytes payload) {
  ByteReader in{payload};
  const auto kind = in.number<std::uint8_t>();
  const auto code = static_cast<std::int32_t>(in.number<std::uint32_t>());
  std::string message{in.text()};
  if (!in.ok() || kind > static_cast<std::uint8_t>(ExitKind::kCouldNotStart)) return std::nullopt;
  return Exit{static_cast<ExitKind>(kind), code, std::move(message)};
}

template <>
inline std::optional<Memory> decode<Memory>(Bytes payload) {
  ByteReader in{payload};
  Memory memory;
  memory.total_kib = in.number<std::uint64_t>();
  memory.free_kib = in.number<std::uint64_t>();
  memory.available_kib = in.number<std::uint64_t>();
  memory.boot_ns = in.number<std::uint64_t>();
  if (!in.ok()) return std::nullopt;
  return memory;
}

template <>
inline std::optional<Log> decode<Log>(Bytes payload) {
  ByteReader in{payload};
  const auto level = in.number<std::uint8_t>();
  std::string text{in.text()};
  if (!in.ok() || level > static_cast<std::uint8_t>(LogLevel::kError)) return std::nullopt;
  return Log{static_cast<LogLevel>(level), std::move(text)};
}

template <>
inline std::optional<Bye> decode<Bye>(Bytes payload) {
  ByteReader in{payload};
  const auto how = in.number<std::uint8_t>();
  if (!in.ok() || how < 1 || how > static_cast<std::uint8_t>(PowerOff::kHalt)) return std::nullopt;
  return Bye{static_cast<PowerOff>(how)};
}

template <>
inline std::optional<Run> decode<Run>(Bytes payload) {
  ByteReader in{payload};
  Run run;
  run.protocol = in.number<std::uint16_t>();
  const std::size_t arguments = in.number<std::uint16_t>();
  if (!in.ok() || arguments == 0 || arguments > kMaxArguments) return std::nullopt;
  for (std::size_t i = 0; i < arguments && in.ok(); ++i) run.argv.emplace_back(in.text());
  const std::size_t variables = in.number<std::uint16_t>();
  if (!in.ok() || variables > kMaxEnvironment) return std::nullopt;
  for (std::size_t i = 0; i < variables && in.ok(); ++i) run.env.emplace_back(in.text());
  run.cwd = in.text();
  const std::size_t limits = in.number<std::uint16_t>();
  if (!in.ok() || limits > kMaxLimits) return std::nullopt;
  for (std::size_t i = 0; i < limits && in.ok(); ++i) {
    ResourceLimit limit;
    limit.resource = in.number<std::uint8_t>();
    limit.soft = in.number<std::uint64_t>();
    limit.hard = in.number<std::uint64_t>();
    run.limits.push_back(limit);
  }
  if (!in.ok()) return std::nullopt;
  return run;
}

template <>
inline std::optional<Stop> decode<Stop>(Bytes payload) {
  ByteReader in{payload};
  const Stop stop{in.number<std::uint32_t>()};
  if (!in.ok()) return std::nullopt;
  return stop;
}

template <>
inline std::optional<PowerOffRequest> decode<PowerOffRequest>(Bytes payload) {
  ByteReader in{payload};
  const auto how = in.number<std::uint8_t>();
  if (!in.ok() || how > static_cast<std::uint8_t>(PowerOff::kHalt)) return std::nullopt;
  return PowerOffRequest{static_cast<PowerOff>(how)};
}

} // namespace sporehost::guest

#include "core/machine/console.hpp"

#include <fcntl.h>
#include <sporehost/host.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/machine/console_tail.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

ConsoleTarget ConsoleTarget::parse(const std::string& text) {
  if (text == "auto") return {Kind::automatic, {}};
  if (text == "none") return {Kind::none, {}};
  if (text == "stdout") return {Kind::standard_output, {}};
  if (text == "stderr") return {Kind::standard_error, {}};
  return {Kind::file, text};
}

Result<std::unique_ptr<Console>> Console::create(EventLoop& loop, StreamHub& hub, const ConsoleTarget& target) {
  std::unique_ptr<Console> console(new Console(loop, hub));
  int fd = -1;
  if (target.kind == ConsoleTarget::Kind::standard_output) fd = STDOUT_FILENO;
  if (target.kind == ConsoleTarget::Kind::standard_error) fd = STDERR_FILENO;
  if (target.kind == ConsoleTarget::Kind::file) {
    console->file_.reset(::open(target.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!console->file_)
      return fail(SPORE_E_IO, "console file '" + target.path + "' cannot be written: " + std::strerror(errno));
    fd = console->file_.get();
  }
  if (fd >= 0) console->sink_ = std::make_unique<OutputSink>(loop, fd, [&hub] { hub.resume(StreamId::console); });
  if (fd == STDOUT_FILENO) console->forward_input();
  hub.set_consumer(StreamId::console, [self = console.get()](auto bytes) { return self->consume(bytes); });
  return console;
}

Console::~Console() {
  if (reads_input_) loop_.unwatch(STDIN_FILENO);
}

size_t Console::consume(std::span<const uint8_t> bytes) {
  if (sink_ && sink_->full()) return 0;
  if (sink_) sink_->write(bytes);
  kept_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (kept_.size() > 2 * kKept) kept_.erase(0, kept_.size() - kKept);
  return bytes.size();
}

// A console on standard output is a conversation: what is typed goes to the guest. (A regular file or /dev/null cannot
// be watched; there is nobody typing then.)
void Console::forward_input() {
  reads_input_ = loop_.watch(STDIN_FILENO, SPORE_FD_READABLE, [this](uint32_t) { read_input(); }).ok();
}

void Console::read_input() {
  std::array<uint8_t, 4096> buffer{};
  const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (n > 0) {
    (void)hub_.send(StreamId::console, std::span(buffer).first(static_cast<size_t>(n)));
  } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
    loop_.unwatch(STDIN_FILENO);
    reads_input_ = false;
  }
}

std::string Console::last_lines(size_t lines) const {
  return console_tail(kept_, lines);
}

std::string Console::panic_line() const {
  const size_t at = kept_.rfind("Kernel panic");
  if (at == std::string::npos) return {};
  std::string line = kept_.substr(at, kept_.find_first_of("\r\n", at) - at);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  return line;
}

void Console::flush() {
  if (sink_) sink_->flush();
}

} // namespace sporehost

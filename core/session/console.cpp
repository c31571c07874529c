#include "core/session/console.hpp"

#include <sporehost/host.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/base/text.hpp"
#include "core/session/console_tail.hpp"

namespace sporehost {

// A console on standard output is a conversation: what is typed goes to the guest. (A regular file or /dev/null cannot
// be watched; there is nobody typing then.)
Console::Console(EventLoop& loop, StreamHub& hub, Outputs& outputs) : loop_(loop), hub_(hub), sink_(outputs.console()) {
  if (sink_ != nullptr) sink_->on_drained([this] { hub_.resume(StreamId::console); });
  if (outputs.reads_input()) {
    hub_.on_room(StreamId::console, [this] { offer_typed(); });
    reads_input_ = loop_.watch(STDIN_FILENO, SPORE_FD_READABLE, [this](uint32_t) { read_input(); }).ok();
  }
  hub_.set_consumer(StreamId::console, [this](auto bytes) { return consume(bytes); });
}

Console::~Console() {
  if (reads_input_) loop_.unwatch(STDIN_FILENO);
}

size_t Console::consume(std::span<const uint8_t> bytes) {
  if (sink_ != nullptr && sink_->full() && !finished_) return 0;
  if (sink_ != nullptr) sink_->write(bytes);
  kept_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (kept_.size() > 2 * kKept) kept_.erase(0, kept_.size() - kKept);
  return bytes.size();
}

void Console::read_input() {
  std::array<uint8_t, 4096> buffer{};
  const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (n > 0) {
    typed_.assign(buffer.begin(), buffer.begin() + n);
    offer_typed();
  } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
    loop_.unwatch(STDIN_FILENO);
    reads_input_ = false;
  }
}

// Somebody who pastes faster than the guest reads waits, as at any terminal.
void Console::offer_typed() {
  const size_t sent = hub_.send(StreamId::console, typed_);
  typed_.erase(typed_.begin(), typed_.begin() + static_cast<ptrdiff_t>(sent));
  if (typed_.empty() == reads_input_) return;
  if (reads_input_) loop_.unwatch(STDIN_FILENO);
  reads_input_ =
      typed_.empty() && loop_.watch(STDIN_FILENO, SPORE_FD_READABLE, [this](uint32_t) { read_input(); }).ok();
}

std::string Console::last_lines(size_t lines) const {
  return console_tail(kept_, lines);
}

std::string Console::panic_line() const {
  const size_t at = kept_.rfind("Kernel panic");
  if (at == std::string::npos) return {};
  return printable(std::string_view(kept_).substr(at, kept_.find_first_of("\r\n", at) - at));
}

void Console::finish() {
  finished_ = true;
  hub_.resume(StreamId::console);
}

} // namespace sporehost

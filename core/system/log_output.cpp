#include "core/system/log_output.hpp"

#include <spdlog/details/os.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sporehost {
namespace {

std::string_view colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "\033[36m";
    case spdlog::level::info:
      return "\033[32m";
    case spdlog::level::warn:
      return "\033[33m\033[1m";
    case spdlog::level::err:
      return "\033[31m\033[1m";
    default:
      return "\033[37m";
  }
}

std::shared_ptr<LogOutput>& current() {
  static std::shared_ptr<LogOutput> output;
  return output;
}

} // namespace

LogOutput::LogOutput(int fd)
    : fd_(fd),
      name_("standard error"),
      coloured_(::isatty(fd) != 0 && spdlog::details::os::is_color_terminal()),
      writer_(fd) {}

LogOutput::LogOutput(UniqueFd file, std::string name)
    : file_(std::move(file)), fd_(file_.get()), name_(std::move(name)), writer_(fd_) {}

void LogOutput::on_backlog(std::function<void(int)> call) {
  const std::lock_guard lock(mutex_);
  on_backlog_ = std::move(call);
  if (on_backlog_ && !kept_.empty()) on_backlog_(writer_.poll_fd());
}

std::string LogOutput::format(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t buffer;
  formatter_->format(message, buffer);
  std::string line(buffer.data(), buffer.size());
  if (coloured_ && message.color_range_end > message.color_range_start) {
    line.insert(message.color_range_end, "\033[m");
    line.insert(message.color_range_start, colour_of(message.level));
  }
  return line;
}

void LogOutput::sink_it_(const spdlog::details::log_msg& message) {
  std::string line = format(message);
  make_room(line.size());
  kept_bytes_ += line.size();
  kept_.push_back(std::move(line));
  if (!write_kept() && on_backlog_) on_backlog_(writer_.poll_fd());
}

// The first line stays where a part of it is written: what follows would continue it.
void LogOutput::make_room(size_t bytes) {
  while (kept_.size() > (first_begun_ ? 1U : 0U) && kept_bytes_ + bytes > kBacklogMax) {
    const auto oldest = kept_.begin() + (first_begun_ ? 1 : 0);
    kept_bytes_ -= oldest->size();
    kept_.erase(oldest);
    ++lost_;
    ++lost_untold_;
  }
}

// Writes the first line, with a word about those that are missing before it. That word is not put into the queue: more
// may be lost before it gets out.
NonBlockingWriter::Written LogOutput::write_first() {
  std::string& line = kept_.front();
  const auto write = [&](const std::string& text) {
    return writer_.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  if (lost_untold_ == 0 || first_begun_) return write(line);
  std::string noted = "(" + std::to_string(lost_untold_) + " lines of the log were lost before this one)\n" + line;
  const auto written = write(noted);
  if (written.bytes == 0) return written;
  lost_untold_ = 0;
  kept_bytes_ += noted.size() - line.size();
  line = std::move(noted);
  return written;
}

bool LogOutput::write_kept() {
  while (!kept_.empty()) {
    const auto written = write_first();
    std::string& line = kept_.front();
    kept_bytes_ -= written.bytes;
    if (written.bytes == line.size()) {
      kept_.pop_front();
      first_begun_ = false;
      continue;
    }
    line.erase(0, written.bytes);
    first_begun_ = first_begun_ || written.bytes > 0;
    if (written.error == 0) return false;
    fail(written.error);
  }
  return true;
}

// A full disk may have room again later, so each line tries; what could not be written is not tried again.
void LogOutput::fail(int error) {
  if (error_ == 0 && fd_ != STDERR_FILENO)
    (void)write_within(
        STDERR_FILENO,
        "sporehost: " + name_ + " cannot be written: " + std::strerror(error) + "; lines of the log are lost\n",
        std::chrono::milliseconds{0});
  error_ = error;
  lost_ += kept_.size();
  lost_untold_ += kept_.size();
  kept_.clear();
  kept_bytes_ = 0;
  first_begun_ = false;
}

bool LogOutput::drain() {
  const std::lock_guard lock(mutex_);
  return write_kept();
}

void LogOutput::finish(const Patience& patience) {
  while (!drain() && wait_for_reader(writer_.poll_fd(), patience)) {
  }
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) return;
  lost_ += kept_.size();
  kept_.clear();
  kept_bytes_ = 0;
}

uint64_t LogOutput::lost_lines() {
  const std::lock_guard lock(mutex_);
  return lost_;
}

int LogOutput::error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

std::shared_ptr<LogOutput> log_output() {
  return current();
}

void log_to(std::shared_ptr<LogOutput> output) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("sporehost", output));
  current() = std::move(output);
}

} // namespace sporehost

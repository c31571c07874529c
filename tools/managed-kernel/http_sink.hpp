// Where the bytes of a download go. Private to http.cpp's folder.
#pragma once

#include <sporehost/result.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/unique_fd.hpp"
#include "core/kernel/files.hpp"

namespace sporehost::kernel::supply {

class HttpSink {
 public:
  virtual ~HttpSink() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual spore::Result<void> append(std::string_view bytes) = 0;
  [[nodiscard]] virtual spore::Result<void> clear() = 0;
};

class TextSink final : public HttpSink {
 public:
  [[nodiscard]] uint64_t size() const override { return text.size(); }
  [[nodiscard]] spore::Result<void> append(std::string_view bytes) override {
    text.append(bytes);
    return {};
  }
  [[nodiscard]] spore::Result<void> clear() override {
    text.clear();
    return {};
  }

  std::string text;
};

class FileSink final : public HttpSink {
 public:
  [[nodiscard]] static spore::Result<FileSink> open(const std::filesystem::path& path) {
    FileSink sink;
    sink.path_ = path;
    sink.fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644));
    struct stat status {};
    if (!sink.fd_ || ::fstat(sink.fd_.get(), &status) != 0) return file_error("write", path, errno);
    sink.size_ = static_cast<uint64_t>(status.st_size);
    return sink;
  }
  [[nodiscard]] uint64_t size() const override { return size_; }
  [[nodiscard]] spore::Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return file_error("write", path_, errno);
      size_ += static_cast<uint64_t>(count);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
  }
  [[nodiscard]] spore::Result<void> clear() override {
    if (::ftruncate(fd_.get(), 0) != 0) return file_error("write", path_, errno);
    size_ = 0;
    return {};
  }
  [[nodiscard]] spore::Result<void> sync() {
    if (::fsync(fd_.get()) != 0) return file_error("write", path_, errno);
    return {};
  }

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
  uint64_t size_ = 0;
};

} // namespace sporehost::kernel::supply

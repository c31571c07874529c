#include "core/machine/output_sink.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace sporehost {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  UniqueFd read;
  UniqueFd write;
};

size_t read_all(int fd) {
  std::array<char, 65536> buffer{};
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  size_t total = 0;
  for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) total += static_cast<size_t>(n);
  return total;
}

TEST(OutputSink, ASlowReaderNeverBlocksTheLoopAndLosesNothing) {
  auto loop = std::move(EventLoop::create()).value();
  Pipe pipe;
  int drained = 0;
  OutputSink sink(*loop, pipe.write.get(), [&] { ++drained; });
  const std::vector<uint8_t> megabyte(1 << 20, 'x');
  sink.write(megabyte); // a pipe holds 64 KiB
  EXPECT_TRUE(sink.full());
  size_t total = 0;
  std::function<void()> drain = [&] {
    total += read_all(pipe.read.get());
    if (total == megabyte.size()) return loop->stop();
    loop->start_timer(100'000, drain);
  };
  drain();
  loop->run();
  EXPECT_EQ(total, megabyte.size());
  EXPECT_EQ(drained, 1);
  EXPECT_FALSE(sink.full());
}

TEST(OutputSink, AReaderThatIsGoneEndsTheOutputNotTheMachine) {
  ::signal(SIGPIPE, SIG_IGN);
  auto loop = std::move(EventLoop::create()).value();
  Pipe pipe;
  OutputSink sink(*loop, pipe.write.get(), {});
  pipe.read.reset();
  const std::vector<uint8_t> bytes(1 << 20, 'x');
  sink.write(bytes);
  EXPECT_FALSE(sink.full());
  sink.flush();
}

TEST(OutputSink, FlushWritesWhatIsLeft) {
  auto loop = std::move(EventLoop::create()).value();
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  OutputSink sink(*loop, fileno(file), {});
  const std::vector<uint8_t> bytes(100'000, 'x');
  sink.write(bytes);
  sink.flush();
  EXPECT_EQ(::lseek(fileno(file), 0, SEEK_END), 100'000);
  std::fclose(file);
}

} // namespace
} // namespace sporehost

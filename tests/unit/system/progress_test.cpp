// What is shown of work that takes long: on a terminal, and in a log.
#include "core/system/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

namespace sporehost {
namespace {

// What a pipe was told by the time that the progress was gone.
std::string told_to_a_pipe(const std::function<void(Progress&)>& work) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  {
    TerminalProgress progress(ends[1]);
    work(progress);
  }
  ::close(ends[1]);
  char text[512];
  const ssize_t bytes = ::read(ends[0], text, sizeof text);
  ::close(ends[0]);
  return {text, static_cast<size_t>(std::max<ssize_t>(bytes, 0))};
}

TEST(Progress, APipeGetsNothing) {
  EXPECT_EQ(told_to_a_pipe([](Progress& progress) {
              progress.step("downloading");
              progress.bytes(1, 2);
              progress.bytes(0, uint64_t{7} << 20);
            }),
            "");
}

TEST(Progress, APipeGetsOneLineOfALargeTransfer) {
  EXPECT_EQ(told_to_a_pipe([](Progress& progress) {
              progress.step("downloading x");
              for (uint64_t done = 0; done < 229; ++done) progress.bytes(done << 20, uint64_t{229} << 20);
              progress.step("downloading y"); // of unknown length
              for (uint64_t done = 0; done < 20; ++done) progress.bytes(done << 20, 0);
              progress.long_step("building z");
            }),
            "sporehost: kernel: downloading x (229.0 MiB)\nsporehost: kernel: downloading y\n"
            "sporehost: kernel: building z\n");
}

TEST(Progress, ATerminalGetsOneLineThatIsClearedAgain) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) GTEST_SKIP() << "no pseudo-terminal here";
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  {
    TerminalProgress progress(terminal);
    progress.bytes(1 << 20, 4 << 20);
    progress.step("done");
  }
  // What was written to a terminal reaches the other side in pieces, and a little later.
  std::string text;
  for (pollfd ready{master, POLLIN, 0}; !text.ends_with("done\r\n") && ::poll(&ready, 1, 5000) == 1;) {
    char piece[256];
    const ssize_t count = ::read(master, piece, sizeof piece);
    ASSERT_GT(count, 0);
    text.append(piece, static_cast<size_t>(count));
  }
  EXPECT_EQ(text, "\rkernel: 1.0 of 4.0 MiB, 25 %\x1b[K\r\x1b[Kkernel: done\r\n");
  ::close(terminal);
  ::close(master);
}

} // namespace
} // namespace sporehost

// What the system gives besides waiting: memory, timers, files, and what it tells of this process.
#include "core/system/process.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sporehost/host.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "core/base/page.hpp"
#include "core/base/signal_name.hpp"
#include "core/system/guest_pages.hpp"
#include "core/system/host_facts.hpp"
#include "tests/unit/system/means.hpp"

namespace sporehost {
namespace {

class SystemTest : public WithBothMeans {};
WITH_BOTH_MEANS(SystemTest);

TEST_P(SystemTest, AnAnonymousFileIsAFileAndHasNoName) {
  const UniqueFd file = GetParam().anonymous_file("test-file");
  ASSERT_TRUE(file);
  EXPECT_EQ(::fcntl(file.get(), F_GETFD), FD_CLOEXEC);
  struct stat status {};
  ASSERT_EQ(::fstat(file.get(), &status), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
  EXPECT_EQ(status.st_nlink, 0u);
  ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(host_page_bytes())), 0);
  const auto map = [&] {
    return static_cast<char*>(::mmap(nullptr, host_page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
  };
  char* const one = map();
  char* const other = map();
  ASSERT_NE(one, MAP_FAILED);
  ASSERT_NE(other, MAP_FAILED);
  std::strcpy(one, "seen twice");
  EXPECT_STREQ(other, "seen twice");
  ::munmap(one, host_page_bytes());
  ::munmap(other, host_page_bytes());
}

TEST_P(SystemTest, OwnMemoryIsCopiedOrFoundToBeAbsent) {
  const uint64_t page = host_page_bytes();
  std::vector<uint8_t> from(3 * page + 17), to(from.size());
  std::iota(from.begin(), from.end(), uint8_t{1});
#ifdef SPORE_EMULATED_PROCESSOR
  if (GetParam().copy_own_memory == kMeans[0].copy_own_memory) GTEST_SKIP() << "the emulator has no process_vm_readv";
#endif
  ASSERT_EQ(GetParam().copy_own_memory(from.data(), to.data(), from.size()), MemoryCopy::done);
  EXPECT_EQ(from, to);
  EXPECT_EQ(GetParam().copy_own_memory(nullptr, to.data(), 8), MemoryCopy::fault);
  auto* const pages =
      static_cast<uint8_t*>(::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(::mprotect(pages + page, page, PROT_NONE), 0);
  EXPECT_EQ(GetParam().copy_own_memory(pages + page - 8, to.data(), 8), MemoryCopy::done);
  EXPECT_EQ(GetParam().copy_own_memory(pages + page - 8, to.data(), 16), MemoryCopy::fault) << "half of it is there";
  ::munmap(pages, 2 * page);
}

std::atomic<int> alarms{0};

TEST_P(SystemTest, AnAlarmComesOnceOrAgainAndAgainUntilItsEnd) {
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) { ++alarms; };
  ::sigaction(SIGALRM, &action, &before);
  const auto come = [](int least) {
    const uint64_t last = monotonic_ns() + 10'000'000'000;
    while (alarms < least && monotonic_ns() < last) ::usleep(1000);
    return alarms >= least;
  };
  alarms = 0;
  AlarmTimer& timer = GetParam().alarm_timer();
  timer.set(monotonic_ns(), 0); // not prepared: nothing
  ASSERT_TRUE(timer.prepare());
  const uint64_t begin = monotonic_ns();
  timer.set(begin + 20'000'000, 0);
  EXPECT_TRUE(come(1));
  EXPECT_GE(monotonic_ns() - begin, 19'000'000u);
  timer.set(begin, 2'000'000); // past: at once
  EXPECT_TRUE(come(4));
  timer.set(UINT64_MAX, 0);
  alarms = 0;
  ::usleep(20'000);
  EXPECT_LE(alarms, 1) << "one may have been on its way";
  timer.set(monotonic_ns() + 5'000'000, 0);
  timer.end();
  alarms = 0;
  ::usleep(20'000);
  EXPECT_EQ(alarms, 0);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST(Process, KnowsItsProgramAndItsThreads) {
  EXPECT_THAT(executable_path().filename().string(), ::testing::HasSubstr("system_test"));
  EXPECT_EQ(::access(program_to_start_again().c_str(), X_OK), 0);
  const size_t before = count_threads();
  ASSERT_GE(before, 1u);
  std::atomic<bool> done{false};
  std::thread another([&] {
    while (!done) std::this_thread::yield();
  });
  EXPECT_GT(count_threads(), before); // the first one may bring a sanitizer's own
  done = true;
  another.join();
}

TEST(Process, AChildsEndIsSeen) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::usleep(10'000);
    ::_exit(0);
  }
  const UniqueFd gone = end_of_process(child);
  if (gone) {
    const auto waiter = make_waiter();
    ASSERT_TRUE(waiter->add(gone.get(), SPORE_FD_READABLE));
    std::array<Waiter::Ready, 1> ready{};
    EXPECT_EQ(waiter->wait(ready, 10'000), 1);
  }
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

std::atomic<bool> has_program{false}, has_libc{false};

TEST(Process, KnowsWhereCodeIs) {
  for_each_code_range([](uintptr_t start, uintptr_t end, const char* path, bool program) {
    const auto within = [&](uintptr_t address) { return start <= address && address < end; };
    if (within(reinterpret_cast<uintptr_t>(&name_of_means))) has_program = program;
    if (within(reinterpret_cast<uintptr_t>(::dlsym(RTLD_NEXT, "strlen")))) has_libc = !program && *path == '/';
  });
  EXPECT_TRUE(has_program);
  EXPECT_TRUE(has_libc);
}

TEST(Process, OpensItsOutputAnewWithoutChangingIt) {
  const Pipe pipe = *make_pipe();
  const UniqueFd own = reopen_non_blocking(pipe.write.get());
  ASSERT_TRUE(own);
  EXPECT_NE(::fcntl(own.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(reopen_non_blocking(12345));
}

TEST(GuestPages, DroppedOnesReadZeroAndTakeNoMemory) {
  const uint64_t bytes = 4 * host_page_bytes();
  auto* const pages =
      static_cast<uint8_t*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  keep_small_pages(pages, bytes);
  keep_to_this_process(pages, bytes);
  std::memset(pages, 7, bytes);
  EXPECT_EQ(resident_pages(pages, bytes), 4u);
  ASSERT_TRUE(drop_pages(pages + host_page_bytes(), 2 * host_page_bytes()));
  EXPECT_EQ(resident_pages(pages, bytes), 2u);
  EXPECT_EQ(pages[host_page_bytes()], 0);
  EXPECT_EQ(pages[0], 7);
  ::munmap(pages, bytes);
}

TEST(HostFacts, TheHostHasMemory) {
  const HostMemory memory = read_host_memory();
  EXPECT_GT(memory.total, uint64_t{64} << 20);
  EXPECT_GT(memory.available, 0u);
  EXPECT_LE(memory.available, memory.total);
}

TEST(SignalName, IsWhatTheLibraryCallsIt) {
  int named = 0;
  for (int signal = 0; signal < 32; ++signal) {
    const char* ours = signal_name(signal);
    if (ours == nullptr) continue;
    EXPECT_STREQ(ours, ::sigabbrev_np(signal)) << signal;
    ++named;
  }
  EXPECT_EQ(named, 31) << "each that Linux has";
  EXPECT_EQ(signal_name(-1), nullptr);
  EXPECT_EQ(signal_name(64), nullptr);
}

} // namespace
} // namespace sporehost

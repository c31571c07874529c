// The parts of the agent that need neither a guest nor a host.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "guest/agent/boot.hpp"
#include "guest/agent/channel.hpp"
#include "guest/agent/meminfo.hpp"
#include "guest/agent/module_list.hpp"
#include "guest/agent/outbox.hpp"
#include "guest/agent/uevents.hpp"

namespace sporehost::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ModuleList, TwoPartsInOrder) {
  const ModuleList list = parse_module_list(
      "# first\nkernel/a.ko\n  kernel/b.ko  debug=1 x=y  # why\r\n\n---\nkernel/c.ko\n---\nkernel/d.ko");
  ASSERT_THAT(list.channel, SizeIs(2));
  EXPECT_EQ(list.channel[0].path, "kernel/a.ko");
  EXPECT_EQ(list.channel[1].path, "kernel/b.ko");
  EXPECT_EQ(list.channel[1].parameters, "debug=1 x=y");
  ASSERT_THAT(list.later, SizeIs(2));
  EXPECT_EQ(list.later[1].path, "kernel/d.ko");
  EXPECT_TRUE(list.problems.empty());
}

TEST(ModuleList, PathsThatLeaveTheFolderAreRefused) {
  const ModuleList list = parse_module_list("/etc/passwd\n../x.ko\na/../../b.ko\na..b/c.ko\n");
  ASSERT_THAT(list.channel, SizeIs(1));
  EXPECT_EQ(list.channel[0].path, "a..b/c.ko");
  EXPECT_THAT(list.problems, SizeIs(3));
}

TEST(ModuleList, IsBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "m.ko\n";
  const ModuleList list = parse_module_list(text);
  EXPECT_THAT(list.channel, SizeIs(kMaxModules));
  EXPECT_THAT(list.problems, SizeIs(1));
  EXPECT_TRUE(parse_module_list("").channel.empty());
}

TEST(ModuleList, AMissingFileSaysSo) {
  std::string problem;
  EXPECT_EQ(load_module("/no/such/root", {"kernel/x.ko", ""}, problem), LoadResult::kFailed);
  EXPECT_THAT(problem, HasSubstr("/no/such/root/kernel/x.ko"));
  EXPECT_THAT(problem, HasSubstr("another kernel"));
}

// A folder that looks like /sys does, as far as the channel is concerned.
class ChannelPartsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "spore-sys-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    sys_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(sys_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((sys_ / path).parent_path());
    std::ofstream(sys_ / path) << text;
  }
  std::string why() { return why_no_channel(look_for_parts(sys_.string())); }

  std::filesystem::path sys_;
};

TEST_F(ChannelPartsTest, TheFirstMissingPartIsNamed) {
  EXPECT_THAT(why(), HasSubstr("no virtio device at all"));
  put("bus/virtio/devices/virtio0/device", "0x0004\n");
  EXPECT_THAT(why(), HasSubstr("none of the 1 virtio devices is a virtio-console"));
  put("bus/virtio/devices/virtio1/device", "0x0003\n");
  EXPECT_FALSE(look_for_parts(sys_.string()).driver);
  EXPECT_THAT(why(), HasSubstr("the virtio-console has no driver"));
  put("bus/virtio/devices/virtio1/driver/name", "");
  EXPECT_THAT(why(), HasSubstr("does the guest get its interrupts"));
  put("class/virtio-ports/vport1p1/name", "org.qemu.guest_agent.0\n");
  EXPECT_THAT(why(), HasSubstr("has other ports only (org.qemu.guest_agent.0)"));
}

TEST(Meminfo, Fields) {
  const auto memory =
      parse_meminfo("MemTotal:       16760636 kB\nMemFree:  5 kB\nMemAvailable:    7 kB\nBuffers: 1 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total_kib, 16'760'636u);
  EXPECT_EQ(memory->free_kib, 5u);
  EXPECT_EQ(memory->available_kib, 7u);
}

TEST(Meminfo, DamagedTextIsNotBelieved) {
  EXPECT_FALSE(parse_meminfo(""));
  EXPECT_FALSE(parse_meminfo("MemFree: 1 kB\n"));
  EXPECT_FALSE(parse_meminfo("MemTotal: x kB\n"));
  EXPECT_FALSE(parse_meminfo("MemTotal: 12"));
  EXPECT_FALSE(parse_meminfo("MemTotal: 99999999999999999999999 kB\n"));
  EXPECT_FALSE(parse_meminfo("MemTotal:"));
}

TEST(Meminfo, TheTwoSourcesAgree) {
  EXPECT_EQ(read_memory().total_kib, mem_total_kib());
  EXPECT_GT(mem_total_kib(), 0u);
}

TEST(Uevents, Subsystems) {
  using namespace std::string_view_literals;
  const auto memory = classify_uevent("online@/devices/system/memory/memory40\0ACTION=online\0SUBSYSTEM=memory\0"sv);
  EXPECT_TRUE(memory.memory);
  EXPECT_FALSE(memory.ports);
  const auto port = classify_uevent("change@/x\0SUBSYSTEM=virtio-ports\0SEQNUM=1"sv);
  EXPECT_TRUE(port.ports);
  EXPECT_FALSE(classify_uevent("add@/x\0SUBSYSTEM=memoryx\0XSUBSYSTEM=memory\0"sv).memory);
  EXPECT_FALSE(classify_uevent("").memory);
}

class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    near_.reset(ends[0]);
    far_.reset(ends[1]);
  }
  std::size_t drain() {
    char bytes[65536];
    std::size_t total = 0;
    for (ssize_t count = 0; (count = read(far_.get(), bytes, sizeof bytes)) > 0;)
      total += static_cast<std::size_t>(count);
    return total;
  }
  UniqueFd near_;
  UniqueFd far_;
  Outbox box_;
};

TEST_F(OutboxTest, OutputStopsWhileAFrameWaitsAndReportsStillFit) {
  std::size_t written = 0;
  for (auto room = box_.output_room(); !room.empty(); room = box_.output_room()) {
    std::memset(room.data(), 'x', room.size());
    box_.commit_output(guest::FrameType::kStdout, room.size());
    ++written;
  }
  EXPECT_EQ(written, 1u);
  EXPECT_TRUE(box_.push(guest::encode(guest::Memory{})));
  while (box_.push(guest::encode(guest::Memory{}))) {
  }
  EXPECT_LT(box_.room(), 64u);
}

TEST_F(OutboxTest, ABlockedPortKeepsOrderAndBytes) {
  std::size_t committed = 0;
  std::size_t received = 0;
  for (int i = 0; i < 100; ++i) {
    if (auto room = box_.output_room(); !room.empty()) {
      box_.commit_output(guest::FrameType::kStderr, 1000 + static_cast<std::size_t>(i));
      committed += guest::kHeaderSize + 1000 + static_cast<std::size_t>(i);
    }
    if (i % 10 == 9) {
      box_.flush(near_.get());
      received += drain();
    }
  }
  EXPECT_EQ(box_.flush(near_.get()), Outbox::Flush::kEmpty);
  received += drain();
  EXPECT_EQ(received, committed);
}

TEST_F(OutboxTest, AClosedPortIsBroken) {
  signal(SIGPIPE, SIG_IGN);
  far_.reset();
  ASSERT_TRUE(box_.push(guest::make_frame(guest::FrameType::kReady)));
  EXPECT_EQ(box_.flush(near_.get()), Outbox::Flush::kBroken);
}

TEST(Boot, PortsAreFoundByNameOrNotAtAll) {
  // No machine that runs this has a port of such a name; the wait must end by itself.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(open_port("sporehost.no-such-port", -1, 30));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Boot, ARequestedEndIsKept) {
  EXPECT_EQ(choose_power_off(guest::PowerOff::kHalt), guest::PowerOff::kHalt);
  EXPECT_EQ(choose_power_off(guest::PowerOff::kReset), guest::PowerOff::kReset);
  EXPECT_NE(choose_power_off(guest::PowerOff::kAuto), guest::PowerOff::kAuto);
}

} // namespace
} // namespace sporehost::agent

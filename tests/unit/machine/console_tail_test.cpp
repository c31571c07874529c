// What is shown of a console. The panic is what Linux 6.1 printed for an initrd that was no archive.
#include "core/session/console_tail.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sporehost {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTrace =
    R"([    1.712345] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2
[    1.713456] Call Trace:
[    1.713567]  <TASK>
[    1.713678]  dump_stack_lvl+0x45/0x5e
[    1.713789]  panic+0x118/0x2ed
[    1.713890]  ? rest_init+0xd0/0xd0
[    1.713991]  mount_root_generic+0x1da/0x1f0
[    1.714092]  prepare_namespace+0x65/0x1f3
[    1.714193]  kernel_init+0x16/0x130
[    1.714294]  ret_from_fork+0x22/0x30
[    1.714395]  </TASK>
[    1.714496] Kernel Offset: disabled
[    1.714597] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---
)";
const std::string kPanic =
    "[    1.711234] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n";

std::string chatter(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i)
    text += "[    1." + std::to_string(100000 + i) + "] driver " + std::to_string(i) + "\n";
  return text;
}

TEST(ConsoleTail, WithoutAPanicIsTheEnd) {
  EXPECT_EQ(console_tail("one\ntwo\nthree", 2), "two\nthree");
  EXPECT_EQ(console_tail("one\ntwo\n", 9), "one\ntwo\n");
  EXPECT_EQ(console_tail("", 9), "");
  EXPECT_EQ(console_tail("a\x1b[31mb\tc\r\n", 9), "a?[31mb c \n");
  EXPECT_EQ(console_tail("a\x9b"
                         "31mb\xc2\x9b"
                         "2J\n",
                         9),
            "a?31mb?2J\n");
  EXPECT_THAT(console_tail(kTrace.substr(0, kTrace.find("---[ end")), 20), HasSubstr("dump_stack_lvl"))
      << "a trace that ends in no panic is all there is";
}

TEST(ConsoleTail, OfAPanicShowsWhatCameBeforeIt) {
  const std::string tail = console_tail(chatter(30) + "[    1.700000] List of all partitions:\n" + kPanic + kTrace, 5);
  EXPECT_THAT(tail, HasSubstr("List of all partitions"));
  EXPECT_TRUE(tail.ends_with(kPanic)) << tail;
  EXPECT_THAT(tail, Not(HasSubstr("+0x")));
}

TEST(ConsoleTail, OfAPanicNamesTheCauseHoweverFarAbove) {
  const std::string cause = "[    1.010000] Initramfs unpacking failed: invalid magic at start of compressed archive\n";
  const std::string tail = console_tail(chatter(5) + cause + chatter(300) + kPanic + kTrace, 6);
  EXPECT_TRUE(tail.starts_with(cause)) << tail;
  EXPECT_TRUE(tail.ends_with(kPanic)) << tail;
  EXPECT_EQ(std::count(tail.begin(), tail.end(), '\n'), 6);
}

TEST(ConsoleTail, CausesDoNotPushOutThePanic) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "BUG: number " + std::to_string(i) + "\n";
  const std::string tail = console_tail(many + chatter(20) + kPanic, 6);
  EXPECT_THAT(tail, HasSubstr("BUG: number 99\n"));
  EXPECT_THAT(tail, Not(HasSubstr("BUG: number 96\n")));
  EXPECT_TRUE(tail.ends_with(kPanic)) << tail;
  EXPECT_EQ(console_tail(many + kPanic, 1), kPanic);
}

TEST(ConsoleTail, KeepsWhereAnOopsWas) {
  const std::string oops =
      "BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
      "RIP: 0010:virtio_mem_memory_notifier_cb+0x294/0x563 [virtio_mem]\n"
      "RSP: 0018:ffffc90000013d58 EFLAGS: 00010246\nCode: 00 00 00\n";
  EXPECT_THAT(console_tail(oops + "Kernel panic - not syncing: Fatal exception\n", 12),
              "BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
              "RIP: 0010:virtio_mem_memory_notifier_cb+0x294/0x563 [virtio_mem]\n"
              "Kernel panic - not syncing: Fatal exception\n");
}

TEST(ConsoleTail, TakesNoProgramsWordsForATrace) {
  const std::string words =
      "x264 encoder starts\nx1 of a table\nCPU: hot\nCode: 7 of the workload\n? what\nx2: 0123456789abcde\n";
  const std::string registers =
      "[    2.5] CPU: 0 PID: 1 Comm: init Not tainted\n[    2.5] x29: ffff80000b4dbc60 x28: 0000000000000000\n"
      "x2 : 0000000000000001 x1 : 0\n";
  EXPECT_EQ(console_tail(words + registers + kPanic, 20), words + kPanic);
}

} // namespace
} // namespace sporehost

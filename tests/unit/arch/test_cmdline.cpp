#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/arch/x86_64/cmdline.hpp"

namespace sporehost::arch::x86_64 {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kDevices = {"virtio_mmio.device=4K@0xd0000000:5"};

std::string line(std::string_view base, const std::vector<std::string>& fragments = kDevices) {
  const auto made = assemble_cmdline(base, fragments, 2047);
  return made.ok() ? *made : made.error().text;
}

TEST(Cmdline, NamesADeviceAsLinuxReadsIt) {
  EXPECT_EQ(virtio_mmio_fragment(*virtio_slot(0)), kDevices[0]);
  EXPECT_EQ(virtio_mmio_fragment({0xd0000200, 0x200, 7}), "virtio_mmio.device=512@0xd0000200:7");
}

TEST(Cmdline, JoinsItsParts) {
  EXPECT_EQ(line("quiet"), "quiet " + kDevices[0]);
  EXPECT_EQ(line(""), kDevices[0]);
  EXPECT_EQ(line("  a  b  ", {"", " c "}), "a  b c");
  EXPECT_EQ(line("", {}), "");
}

TEST(Cmdline, KeepsTheArgumentsOfInitLast) {
  EXPECT_EQ(line("quiet -- /bin/true --flag"), "quiet " + kDevices[0] + " -- /bin/true --flag");
  EXPECT_EQ(line("-- x"), kDevices[0] + " -- x");
  EXPECT_EQ(line("quiet --"), "quiet " + kDevices[0] + " --");
  EXPECT_EQ(line("a--b --c"), "a--b --c " + kDevices[0]);
  EXPECT_EQ(line("x=\"a -- b\" y"), "x=\"a -- b\" y " + kDevices[0]);
}

TEST(Cmdline, HoldsTheKernelsLimit) {
  EXPECT_TRUE(assemble_cmdline(std::string(100, 'x'), {}, 100).ok());
  const auto made = assemble_cmdline(std::string(100, 'x'), {}, 99);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().status, SPORE_E_RANGE);
  EXPECT_THAT(made.error().text, HasSubstr("has 100 bytes, this kernel takes 99"));
}

TEST(Cmdline, RefusesLineBreaksAndNul) {
  EXPECT_FALSE(assemble_cmdline("a\nb", {}, 100).ok());
  EXPECT_FALSE(assemble_cmdline(std::string_view("a\0b", 3), {}, 100).ok());
}

} // namespace
} // namespace sporehost::arch::x86_64

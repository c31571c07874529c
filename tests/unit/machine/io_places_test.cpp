// Addresses and interrupts of I/O devices, on the areas of both boards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cinttypes>
#include <fstream>
#include <random>
#include <set>

#include "core/arch/aarch64/board.hpp"
#include "core/arch/x86_64/board.hpp"
#include "core/host/io_places.hpp"

namespace sporehost {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

namespace x86 = arch::x86_64;
namespace arm = arch::aarch64;

IoArea x86_area() {
  return x86::io_area(*x86::board_layout(4 * kGiB, 1 * kGiB, 40));
}

IoArea arm_area() {
  return arm::io_area(*arm::board_layout(1 * kGiB, 1 * kGiB, 40));
}

template <typename T>
std::string error(const spore::Result<T>& result) {
  return result ? "(no error)" : result.error().text;
}

class IoPlacesTest : public ::testing::Test {
 protected:
  spore::Result<uint64_t> mmio(uint64_t base, uint64_t bytes, uint64_t alignment = 0) {
    return places_.window(SPORE_IO_MMIO, base, bytes, alignment, "a");
  }
  spore::Result<uint64_t> port(uint64_t base, uint64_t bytes, uint64_t alignment = 0) {
    return places_.window(SPORE_IO_PORT, base, bytes, alignment, "a");
  }
  IoPlaces places_{x86_area()};
};

TEST_F(IoPlacesTest, AFixedPlaceIsKeptAndAnyIsFree) {
  EXPECT_EQ(*port(0x3f8, 8), 0x3f8u);
  EXPECT_EQ(*mmio(0xc0000000, 0x1000), 0xc0000000u);
  EXPECT_EQ(*mmio(SPORE_ANY_BASE, 0x1001), x86::kIoMmio.gpa);
  EXPECT_EQ(*mmio(SPORE_ANY_BASE, 1), x86::kIoMmio.gpa + 0x1001);
  EXPECT_EQ(*mmio(SPORE_ANY_BASE, 1, 0x10000), x86::kIoMmio.gpa + 0x10000);
  EXPECT_EQ(*mmio(SPORE_ANY_BASE, 0x1800), x86::kIoMmio.gpa + 0x2000) << "aligned to its length, rounded up";
  EXPECT_EQ(*port(SPORE_ANY_BASE, 3), 0x1000u);
  EXPECT_EQ(*port(SPORE_ANY_BASE, 3), 0x1004u);
}

TEST_F(IoPlacesTest, WhatIsNoWindow) {
  EXPECT_THAT(error(places_.window(7, 0, 1, 0, "a")), HasSubstr("space 7 is unknown"));
  EXPECT_THAT(error(mmio(0xc0000000, 0)), HasSubstr("0 bytes"));
  EXPECT_THAT(error(mmio(SPORE_ANY_BASE, 16, 24)), HasSubstr("alignment 24 is no power of two"));
  EXPECT_THAT(error(port(0xffff, 2)), HasSubstr("beyond the last address 0xffff"));
  EXPECT_THAT(error(port(0x10000, 1)), HasSubstr("beyond the last address 0xffff"));
  EXPECT_THAT(error(mmio(SPORE_ANY_BASE - 1, 2)), HasSubstr("beyond the last address 0xffffffffff"));
  EXPECT_THAT(error(mmio(0xffffffffff, 2)), HasSubstr("beyond the last address"));
  EXPECT_THAT(error(mmio(0x8000000000, UINT64_MAX)), HasSubstr("beyond the last address"));
  EXPECT_TRUE(mmio(0xffffffffff, 1).ok());
  EXPECT_TRUE(port(0xffff, 1).ok());
}

TEST_F(IoPlacesTest, WhatTheBoardHasIsNamed) {
  const std::pair<uint64_t, const char*> taken[] = {
      {0x100000, "the guest's RAM"},
      {0xbfffffff, "the guest's RAM"},
      {4 * kGiB, "the guest's RAM"},
      {5 * kGiB, "the memory that virtio-mem plugs"},
      {0xd000f000, "the windows of virtio devices"},
      {0xfec00000, "the I/O APIC"},
      {0xfee00000, "the local APIC"},
      {0xfffbd000, "KVM"},
  };
  for (const auto& [base, name] : taken)
    EXPECT_THAT(error(mmio(base, 1)), AllOf(HasSubstr("lies on"), HasSubstr(name)));
  EXPECT_THAT(error(mmio(0xfebff000, 0x1001)), HasSubstr("0xfebff000 to 0xfec00000 lies on the I/O APIC"));
  EXPECT_THAT(error(mmio(0xc0000000, 2 * kGiB)), HasSubstr("lies on"));
  for (const uint64_t base : {0x20, 0xa1, 0x4d0, 0x40, 0x61, 0x64, 0x600, 0x602})
    EXPECT_THAT(error(port(base, 1)), HasSubstr("lies on the ")) << base;
}

TEST_F(IoPlacesTest, AnotherDeviceIsNamed) {
  ASSERT_TRUE(places_.window(SPORE_IO_PORT, 0x70, 2, 0, "clock").ok());
  EXPECT_THAT(error(port(0x71, 4)), HasSubstr("ports 0x71 to 0x74 lies on device 'clock' (0x70 to 0x71)"));
  EXPECT_TRUE(port(0x72, 1).ok());
  EXPECT_TRUE(mmio(0xc0000070, 2).ok()) << "another space";
}

TEST_F(IoPlacesTest, WhatIsTooLargeOrFullIsSaid) {
  EXPECT_THAT(error(port(SPORE_ANY_BASE, 0x1001)), HasSubstr("no 0x1001 bytes of ports left"));
  EXPECT_THAT(error(mmio(SPORE_ANY_BASE, UINT64_MAX)), HasSubstr("left"));
  EXPECT_THAT(error(mmio(SPORE_ANY_BASE, 1, uint64_t{1} << 63)), HasSubstr("left"));
  EXPECT_TRUE(port(SPORE_ANY_BASE, 0x1000).ok());
  EXPECT_THAT(error(port(SPORE_ANY_BASE, 1)), HasSubstr("left"));
}

TEST_F(IoPlacesTest, InterruptsHaveOneOwner) {
  EXPECT_EQ(*places_.interrupt(5, "a"), 5u);
  EXPECT_THAT(error(places_.interrupt(5, "b")), HasSubstr("interrupt 5 belongs to device 'a'"));
  EXPECT_THAT(error(places_.interrupt(x86::kPowerButtonGsi, "b")), HasSubstr("the board's power button"));
  EXPECT_THAT(error(places_.interrupt(0, "b")), HasSubstr("belongs to the timer"));
  EXPECT_THAT(error(places_.interrupt(24, "b")), HasSubstr("interrupt 24 does not exist; the board has 0 to 23"));
  EXPECT_THAT(error(places_.interrupt(SPORE_ANY_IRQ - 1, "b")), HasSubstr("does not exist"));
}

// The board numbers virtio devices from the other end, so both kinds meet as late as they can, and are told of it.
TEST_F(IoPlacesTest, AnyInterruptLeavesVirtioDevicesTheirs) {
  EXPECT_EQ(*places_.interrupt(SPORE_ANY_IRQ, "a"), x86::kCom2Gsi);
  EXPECT_EQ(*places_.interrupt(SPORE_ANY_IRQ, "b"), 23u);
  for (uint32_t index = 0; index < 15; ++index)
    EXPECT_TRUE(places_.interrupt(x86::virtio_slot(index)->gsi, "virtio").ok()) << index;
  EXPECT_THAT(error(places_.interrupt(x86::virtio_slot(15)->gsi, "virtio")), HasSubstr("belongs to device 'b'"));
  EXPECT_THAT(error(places_.interrupt(SPORE_ANY_IRQ, "c")), HasSubstr("no interrupt left for device 'c'"));
}

TEST(IoPlacesArm64, HasNoPortsAndInterruptsBehindVirtio) {
  IoPlaces places{arm_area()};
  EXPECT_THAT(error(places.window(SPORE_IO_PORT, 0x3f8, 8, 0, "a")), HasSubstr("no ports"));
  EXPECT_THAT(error(places.window(SPORE_IO_PORT, SPORE_ANY_BASE, 8, 0, "a")), HasSubstr("no ports"));
  EXPECT_EQ(*places.window(SPORE_IO_MMIO, SPORE_ANY_BASE, 4096, 0, "a"), arm::kIoMmio.gpa);
  EXPECT_EQ(*places.window(SPORE_IO_MMIO, arm::kPl011, arm::kPl011Size, 0, "serial"), arm::kPl011);
  for (const uint64_t taken : {arm::kGicDist, arm::kGicRedist, arm::kVirtioMmioBase, arm::kRamStart, 2 * kGiB})
    EXPECT_THAT(error(places.window(SPORE_IO_MMIO, taken, 1, 0, "a")), HasSubstr("lies on the")) << taken;
  EXPECT_EQ(*places.interrupt(SPORE_ANY_IRQ, "a"), arm::kSpis - 1);
  EXPECT_EQ(*places.interrupt(arm::kPl011Gsi, "serial"), arm::kPl011Gsi);
  for (uint32_t index = 0; index < arm::kMaxVirtioDevices; ++index)
    EXPECT_TRUE(places.interrupt(arm::virtio_slot(index)->gsi, "virtio").ok());
}

// Whatever is claimed: nothing overlaps anything, and what the board chose lies in its free area, aligned.
TEST(IoPlacesRandom, NothingOverlaps) {
  std::mt19937_64 random(20260901);
  const auto below = [&](uint64_t bound) { return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random); };
  for (int round = 0; round < 200; ++round) {
    const IoArea area = round % 2 == 0 ? x86_area() : arm_area();
    IoPlaces places{area};
    std::vector<GpaRange> all;
    for (const auto& taken : area.taken)
      if (!taken.place.port && taken.place.range.bytes != 0) all.push_back(taken.place.range);
    for (int i = 0; i < 60; ++i) {
      const bool any = below(2) == 0;
      const uint64_t bytes = 1 + below(uint64_t{1} << below(26));
      const uint64_t alignment = below(2) == 0 ? 0 : uint64_t{1} << below(28);
      const uint64_t base = any ? SPORE_ANY_BASE : area.mmio.gpa + below(area.mmio.bytes * 2);
      const auto placed = places.window(SPORE_IO_MMIO, base, bytes, alignment, "d" + std::to_string(i));
      const GpaRange range{placed ? *placed : base, bytes};
      const auto meets = [&](const GpaRange& one) { return one.gpa < range.end() && range.gpa < one.end(); };
      if (!placed) {
        EXPECT_TRUE(any || std::ranges::any_of(all, meets)) << error(placed);
        continue;
      }
      EXPECT_TRUE(std::ranges::none_of(all, meets)) << std::hex << range.gpa << " " << bytes;
      if (any) {
        EXPECT_GE(range.gpa, area.mmio.gpa);
        EXPECT_LE(range.end(), area.mmio.end());
        EXPECT_EQ(range.gpa % (alignment != 0 ? alignment : std::bit_ceil(bytes)), 0u);
      }
      all.push_back(range);
    }
  }
}

// The areas themselves, in machines of all sizes: what is free is not taken, and every interrupt given away exists.
TEST(IoArea, WhatIsFreeIsNotTaken) {
  std::vector<IoArea> areas;
  for (const uint64_t boot : {2 * kMiB, 512 * kMiB, 3 * kGiB, 64 * kGiB})
    for (const uint64_t region : {uint64_t{0}, 2 * kMiB, 64 * kGiB}) {
      areas.push_back(x86::io_area(*x86::board_layout(boot, region, 40)));
      areas.push_back(arm::io_area(*arm::board_layout(boot, region, 40)));
    }
  for (const IoArea& area : areas) {
    const auto meets = [](const GpaRange& a, const GpaRange& b) { return a.gpa < b.end() && b.gpa < a.end(); };
    for (size_t i = 0; i < area.taken.size(); ++i) {
      const auto& [place, name] = area.taken[i];
      if (place.range.bytes == 0) continue;
      EXPECT_FALSE(meets(place.range, place.port ? area.ports : area.mmio)) << name;
      EXPECT_LE(place.range.end(), place.port ? 0x10000 : area.gpa_end) << name;
      for (size_t k = 0; k < i; ++k)
        EXPECT_FALSE(area.taken[k].place.port == place.port && area.taken[k].place.range.bytes != 0 &&
                     meets(place.range, area.taken[k].place.range))
            << name << " and " << area.taken[k].name;
    }
    const std::set<uint32_t> different(area.gsis.begin(), area.gsis.end());
    EXPECT_EQ(different.size(), area.gsis.size());
    EXPECT_LT(*different.rbegin(), area.interrupts);
    for (const auto& taken : area.taken_interrupts) EXPECT_FALSE(different.contains(taken.gsi)) << taken.name;
  }
}

// The documentation has every address that does not depend on how much memory there is, with its name.
std::string documented(const GpaRange& range) {
  char text[64];
  std::snprintf(text, sizeof text, "`0x%" PRIx64 "` to `0x%" PRIx64 "`", range.gpa, range.end() - 1);
  return text;
}

TEST(IoArea, IsDocumented) {
  std::ifstream file(SPORE_SOURCE "/docs/sdk.md");
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("| ")) rows.push_back(line);
  for (const IoArea& area :
       {x86::io_area(*x86::board_layout(2 * kMiB, 0)), arm::io_area(*arm::board_layout(2 * kMiB, 0, 52))}) {
    EXPECT_THAT(rows, Contains(AllOf(HasSubstr(documented(area.mmio)), HasSubstr("| MMIO | free"))));
    if (area.ports.bytes != 0) {
      EXPECT_THAT(rows, Contains(AllOf(HasSubstr(documented(area.ports)), HasSubstr("| ports | free"))));
    }
    for (const auto& [place, name] : area.taken) {
      if (place.range.bytes == 0 || name == "the guest's RAM") continue;
      EXPECT_THAT(rows, Contains(AllOf(HasSubstr(documented(place.range)),
                                       HasSubstr(place.port ? "| ports |" : "| MMIO |"), HasSubstr("taken: " + name))));
    }
  }
}

} // namespace
} // namespace sporehost

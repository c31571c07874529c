#include "core/bus/bus.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

namespace sporehost {
namespace {

using ::testing::HasSubstr;

// Remembers the last access; reads give its tag in every byte.
class Recorder : public BusHandler {
 public:
  explicit Recorder(uint8_t tag = 0) : tag_(tag) {}
  void read(uint64_t offset, std::span<uint8_t> data) override {
    std::ranges::fill(data, tag_);
    offset_ = offset;
    bytes_ = data.size();
    ++accesses_;
  }
  void write(uint64_t offset, std::span<const uint8_t> data) override {
    offset_ = offset;
    bytes_ = data.size();
    ++accesses_;
  }
  uint64_t offset() const { return offset_; }
  size_t bytes() const { return bytes_; }
  int accesses() const { return accesses_; }

 private:
  const uint8_t tag_;
  std::atomic<uint64_t> offset_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<int> accesses_{0};
};

// Counts what no window claims.
class Unclaimed {
 public:
  explicit Unclaimed(Bus& bus) {
    bus.on_unclaimed([this](const UnclaimedAccess&) {
      ++accesses_;
      return true;
    });
  }
  [[nodiscard]] unsigned accesses() const { return accesses_; }

 private:
  std::atomic<unsigned> accesses_{0};
};

uint32_t read32(Bus& bus, uint64_t address) {
  std::array<uint8_t, 4> data{};
  bus.read(address, data);
  uint32_t value;
  std::memcpy(&value, data.data(), sizeof value);
  return value;
}

TEST(Bus, DispatchesByWindowWithTheOffset) {
  Bus bus(BusSpace::kMmio);
  Recorder low(0x11), high(0x22);
  ASSERT_TRUE(bus.insert(0xd0001000, 0x1000, "high", high).ok());
  ASSERT_TRUE(bus.insert(0xd0000000, 0x1000, "low", low).ok());
  Unclaimed unclaimed(bus);
  bus.seal();
  EXPECT_EQ(read32(bus, 0xd0000ffc), 0x11111111u);
  EXPECT_EQ(low.offset(), 0xffcu);
  EXPECT_EQ(read32(bus, 0xd0001000), 0x22222222u);
  EXPECT_EQ(high.offset(), 0u);
  bus.write(0xd0001fff, std::array<uint8_t, 1>{7});
  EXPECT_EQ(high.offset(), 0xfffu);
  EXPECT_EQ(high.bytes(), 1u);
  EXPECT_EQ(unclaimed.accesses(), 0u);
}

TEST(Bus, UnclaimedReadsGiveAllOnesAndAreLogged) {
  std::vector<std::string> lines;
  Bus bus(BusSpace::kMmio, [&](int32_t, std::string_view text) { lines.emplace_back(text); });
  Recorder device;
  ASSERT_TRUE(bus.insert(0x1000, 0x10, "device", device).ok());
  bus.seal();
  EXPECT_EQ(read32(bus, 0xffc), 0xffffffffu);
  EXPECT_EQ(read32(bus, 0x1010), 0xffffffffu);
  bus.write(0x2000, std::array<uint8_t, 2>{});
  EXPECT_EQ(device.accesses(), 0);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[1], HasSubstr("read of 4 bytes at 0x1010"));
  EXPECT_THAT(lines[2], HasSubstr("write of 2 bytes at 0x2000"));
}

TEST(Bus, AnAccessAcrossAWindowsEndIsUnclaimedEvenBetweenNeighbours) {
  Bus bus(BusSpace::kMmio);
  Recorder first, second;
  ASSERT_TRUE(bus.insert(0x1000, 0x10, "first", first).ok());
  ASSERT_TRUE(bus.insert(0x1010, 0x10, "second", second).ok());
  Unclaimed unclaimed(bus);
  bus.seal();
  EXPECT_EQ(read32(bus, 0x100e), 0xffffffffu);
  EXPECT_EQ(first.accesses() + second.accesses(), 0);
  EXPECT_EQ(unclaimed.accesses(), 1u);
}

TEST(Bus, WindowsAndAccessesAtTheEndOfTheSpaceDoNotWrap) {
  Bus bus(BusSpace::kMmio);
  Recorder bottom, top;
  ASSERT_TRUE(bus.insert(0, 0x10, "bottom", bottom).ok());
  ASSERT_TRUE(bus.insert(UINT64_MAX - 0xf, 0x10, "top", top).ok());
  bus.seal();
  EXPECT_EQ(read32(bus, UINT64_MAX - 3), 0u);
  EXPECT_EQ(top.offset(), 0xcu);
  EXPECT_EQ(read32(bus, UINT64_MAX - 1), 0xffffffffu);
  EXPECT_EQ(bottom.accesses(), 0);
  EXPECT_EQ(top.accesses(), 1);
}

TEST(Bus, OverlapsAreRefusedAndBothWindowsNamed) {
  Bus bus(BusSpace::kMmio);
  Recorder device;
  ASSERT_TRUE(bus.insert(0x1000, 0x1000, "console", device).ok());
  for (const auto& [base, bytes] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0x1000, 0x1000}, {0x1fff, 1}, {0xfff, 2}, {0x1800, 8}, {0, 0x10000}, {0, UINT64_MAX}}) {
    const auto result = bus.insert(base, bytes, "memory", device);
    ASSERT_FALSE(result.ok()) << base;
    EXPECT_EQ(result.error().status, SPORE_E_EXISTS);
    EXPECT_THAT(result.error().text, HasSubstr("'memory'"));
    EXPECT_THAT(result.error().text, HasSubstr("'console' [0x1000, 0x1fff]"));
  }
  EXPECT_TRUE(bus.insert(0x2000, 1, "after", device).ok());
  EXPECT_TRUE(bus.insert(0xfff, 1, "before", device).ok());
}

TEST(Bus, EmptyAndOverlongWindowsAreRefused) {
  Bus mmio(BusSpace::kMmio), ports(BusSpace::kPort);
  Recorder device;
  EXPECT_EQ(mmio.insert(0x1000, 0, "empty", device).error().status, SPORE_E_INVALID);
  EXPECT_EQ(mmio.insert(UINT64_MAX, 2, "wraps", device).error().status, SPORE_E_INVALID);
  EXPECT_EQ(ports.insert(0xffff, 2, "beyond", device).error().status, SPORE_E_INVALID);
  EXPECT_EQ(ports.insert(0x10000, 1, "beyond", device).error().status, SPORE_E_INVALID);
  EXPECT_TRUE(ports.insert(0xffff, 1, "last port", device).ok());
}

TEST(Bus, NothingIsInsertedAfterSeal) {
  Bus bus(BusSpace::kPort);
  Recorder device;
  bus.seal();
  EXPECT_EQ(bus.insert(0x3f8, 8, "late", device).error().status, SPORE_E_STATE);
}

TEST(Bus, TheHookSeesUnclaimedAccessesAndSilencesWhatItKnows) {
  int lines = 0;
  Bus bus(BusSpace::kMmio, [&](int32_t, std::string_view) { ++lines; });
  std::vector<UnclaimedAccess> seen;
  bus.on_unclaimed([&](const UnclaimedAccess& access) {
    seen.push_back(access);
    return access.address >= 0x100000000;
  });
  bus.seal();
  EXPECT_EQ(read32(bus, 0x100000000), 0xffffffffu);
  EXPECT_EQ(lines, 0);
  bus.write(0x5000, std::array<uint8_t, 8>{});
  EXPECT_EQ(lines, 1);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(seen[0].is_write);
  EXPECT_TRUE(seen[1].is_write);
  EXPECT_EQ(seen[1].bytes, 8u);
}

TEST(Bus, AGuestCannotFloodTheLog) {
  std::vector<std::string> lines;
  Bus bus(BusSpace::kPort, [&](int32_t, std::string_view text) { lines.emplace_back(text); });
  bus.seal();
  for (int i = 0; i < 10000; ++i) read32(bus, 0x80);
  EXPECT_EQ(lines.size(), 5u);
  EXPECT_EQ(bus.log_left_out(), 10000u - 5);
}

TEST(RateLimitedLog, SaysHowManyLinesItLeftOut) {
  std::vector<std::string> lines;
  RateLimitedLog log([&](int32_t, std::string_view text) { lines.emplace_back(text); }, 1,
                     std::chrono::milliseconds(20));
  for (int i = 0; i < 4; ++i) log.write(SPORE_LOG_WARN, [] { return std::string("odd"); });
  ASSERT_EQ(lines.size(), 1u);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  log.write(SPORE_LOG_WARN, [] { return std::string("odd"); });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "odd (3 lines like this were left out before)");
}

TEST(Bus, LooksUpFromSeveralThreadsAtOnce) {
  Bus bus(BusSpace::kMmio);
  Recorder devices[4];
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(bus.insert(i * 0x1000, 0x1000, "device", devices[i]).ok());
  Unclaimed unclaimed(bus);
  bus.seal();
  {
    std::vector<std::jthread> vcpus;
    for (int t = 0; t < 3; ++t) {
      vcpus.emplace_back([&bus] {
        for (uint64_t i = 0; i < 4000; ++i) read32(bus, (i % 5) * 0x1000);
      });
    }
  }
  for (const Recorder& device : devices) EXPECT_EQ(device.accesses(), 3 * 800);
  EXPECT_EQ(unclaimed.accesses(), 3u * 800);
}

} // namespace
} // namespace sporehost

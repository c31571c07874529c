#include <gtest/gtest.h>

#include <set>

#include "core/arch/x86_64/mptable.hpp"
#include "core/arch/x86_64/table_bytes.hpp"
#include "tests/unit/arch/fake_guest.hpp"

namespace sporehost::arch::x86_64 {
namespace {

using testing::at;

TEST(MpTable, AddsUpAndPointsToItself) {
  for (const uint32_t vcpus : {1u, 2u, kMaxVcpus}) {
    const auto table = make_mptable(vcpus);
    ASSERT_TRUE(table.ok());
    ASSERT_EQ(table->pointer.size(), 16u);
    EXPECT_EQ(byte_sum(table->pointer), 0);
    EXPECT_EQ(byte_sum(table->config), 0);
    EXPECT_EQ(at<uint32_t>(table->pointer, 4), kMpConfig);
    EXPECT_EQ(at<uint16_t>(table->config, 4), table->config.size());
    EXPECT_LE(table->config.size(), kMpConfigEnd - kMpConfig);
  }
}

// Walks the entries as a kernel does: by type, each with the size that its type has.
TEST(MpTable, ItsEntriesAreWhatTheHeaderCounts) {
  constexpr uint32_t kVcpus = 3;
  const Table config = make_mptable(kVcpus)->config;
  std::array<unsigned, 5> seen{};
  unsigned count = 0;
  unsigned boot_processors = 0;
  std::set<uint8_t> pins;
  for (size_t offset = 44; offset < config.size(); ++count) {
    const uint8_t type = config[offset];
    ASSERT_LT(type, seen.size());
    ++seen[type];
    if (type == 0 && (config[offset + 3] & 2) != 0) ++boot_processors;
    if (type == 2) {
      EXPECT_EQ(config[offset + 1], kVcpus);
      EXPECT_EQ(at<uint32_t>(config, offset + 4), kIoApic);
    }
    if (type == 3) {
      EXPECT_EQ(config[offset + 5], config[offset + 7]); // ISA interrupt n is pin n
      EXPECT_EQ(config[offset + 6], kVcpus);
      EXPECT_EQ(at<uint16_t>(config, offset + 2), 0); // as the bus: edge, active-high
      pins.insert(config[offset + 7]);
    }
    offset += type == 0 ? 20 : 8;
  }
  EXPECT_EQ(count, at<uint16_t>(config, 34));
  EXPECT_EQ(seen, (std::array<unsigned, 5>{kVcpus, 1, 1, kIoApicPins, 2}));
  EXPECT_EQ(boot_processors, 1u);
  EXPECT_EQ(pins.size(), kIoApicPins);
}

TEST(MpTable, LevelsAreSaidToBeLevels) {
  const uint32_t levels[] = {3, 23};
  const Table edges = make_mptable(2)->config;
  const Table config = make_mptable(2, levels)->config;
  EXPECT_EQ(byte_sum(config), 0);
  ASSERT_EQ(config.size(), edges.size());
  for (size_t offset = 44; offset < config.size(); offset += config[offset] == 0 ? 20 : 8) {
    if (config[offset] != 3) continue;
    const uint8_t pin = config[offset + 7];
    // MP specification, 4.3.4: active high in bits 0 and 1, level in bits 2 and 3.
    EXPECT_EQ(at<uint16_t>(config, offset + 2), pin == 3 || pin == 23 ? 0xd : 0) << int{pin};
  }
}

TEST(MpTable, IsWrittenWhereKernelsSearch) {
  testing::FakeGuest guest;
  ASSERT_TRUE(write_mptable(guest, 1).ok());
  EXPECT_EQ(guest.text(kEbda).substr(0, 4), "_MP_");
  EXPECT_EQ(guest.text(kMpConfig).substr(0, 4), "PCMP");
}

TEST(MpTable, RefusesTooManyProcessors) {
  EXPECT_FALSE(make_mptable(0).ok());
  EXPECT_FALSE(make_mptable(kMaxVcpus + 1).ok());
}

} // namespace
} // namespace sporehost::arch::x86_64

// The project's own formats: requests and saved state, byte by byte (VMEM-38).
#include "plugins/virtio-mem/config_space.hpp"
#include "plugins/virtio-mem/saved_state.hpp"

#include <gtest/gtest.h>

namespace virtio_mem {
namespace {

constexpr uint64_t kBlock = uint64_t{2} << 20;
constexpr uint64_t kRegion = 512 * kBlock;
constexpr Identity kIdentity{kBlock, uint64_t{4} << 30, kRegion, std::nullopt};

SavedState sample() {
  return {.usable = 256 * kBlock,
          .requested = 100 * kBlock,
          .wake_owed = true,
          .plugged = {{0, 3 * kBlock}, {8 * kBlock, kBlock}, {255 * kBlock, kBlock}}};
}

TEST(Vmem38Format, RoundTrip) {
  const auto parsed = parse_state(encode_state(kIdentity, sample()), kIdentity);
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  const SavedState& state = parsed.value();
  EXPECT_EQ(state.usable, 256 * kBlock);
  EXPECT_EQ(state.requested, 100 * kBlock);
  EXPECT_TRUE(state.wake_owed);
  ASSERT_EQ(state.plugged.size(), 3u);
  EXPECT_EQ(state.plugged[2].offset, 255 * kBlock);
}

struct Bend {
  const char* what;
  size_t at;
  uint64_t value;
  size_t width;
};

class Bent : public testing::TestWithParam<Bend> {};

TEST_P(Bent, IsRefused) {
  std::vector<uint8_t> bytes = encode_state(kIdentity, sample());
  const Bend& bend = GetParam();
  for (size_t i = 0; i < bend.width; ++i) bytes[bend.at + i] = static_cast<uint8_t>(bend.value >> (8 * i));
  const auto parsed = parse_state(bytes, kIdentity);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().status, SPORE_E_INVALID);
  EXPECT_NE(parsed.error().text.find(bend.what), std::string::npos) << parsed.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    Vmem38, Bent,
    testing::Values(Bend{"does not begin", 0, 'X', 1}, Bend{"version 2", 8, 2, 4}, Bend{"unknown flags", 12, 0xf2, 4},
                    Bend{"block size", 16, 2 * kBlock, 8}, Bend{"block size", 16, 0, 8}, Bend{"address", 24, 0, 8},
                    Bend{"region's size", 32, kRegion + kBlock, 8}, Bend{"multiple", 40, 256 * kBlock + 1, 8},
                    Bend{"larger than the region", 40, kRegion + kBlock, 8},
                    Bend{"larger than the region", 48, UINT64_MAX - kBlock + 1, 8},
                    Bend{"smaller than what is requested", 40, 99 * kBlock, 8}, Bend{"sum", 56, 6 * kBlock, 8},
                    Bend{"node", 12, 3, 4}, Bend{"node id", 64, 1, 2}, Bend{"reserved", 66, 1, 2},
                    Bend{"number of runs", 68, 2, 4}, Bend{"number of runs", 68, 0xffffffff, 4},
                    Bend{"not aligned", 72, 1, 8}, Bend{"empty", 80, 0, 8}, Bend{"not aligned", 80, kBlock + 1, 8},
                    Bend{"overlap", 80, 9 * kBlock, 8}, Bend{"touch", 80, 8 * kBlock, 8},
                    Bend{"descend", 72, 20 * kBlock, 8}, Bend{"outside", 104, 256 * kBlock, 8},
                    Bend{"outside", 112, 2 * kBlock, 8}, Bend{"outside", 112, UINT64_MAX - kBlock + 1, 8},
                    Bend{"outside", 104, UINT64_MAX - kBlock + 1, 8}));

TEST(Vmem38Format, ANodeIsPartOfTheIdentity) {
  Identity with = kIdentity;
  with.node_id = 0;
  Identity other = kIdentity;
  other.node_id = 1;
  const auto bytes = encode_state(with, sample());
  EXPECT_TRUE(parse_state(bytes, with).ok());
  EXPECT_FALSE(parse_state(bytes, other).ok());
  EXPECT_FALSE(parse_state(bytes, kIdentity).ok()) << "no node is not node 0";
}

TEST(VmemFormat, ARequestIsReadAtItsOffsets) {
  std::array<uint8_t, kRequestBytes> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i + 1);
  const Request request = parse_request(bytes);
  EXPECT_EQ(request.type, 0x0201);
  EXPECT_EQ(request.addr, 0x100f0e0d0c0b0a09u);
  EXPECT_EQ(request.nb_blocks, 0x1211);
}

TEST(VmemFormat, TheConfigurationIsLaidOutAsSpecified) {
  const auto bytes = encode_config({1, 2, 3, 4, 5, 6, 7});
  const size_t offsets[] = {0, 8, 16, 24, 32, 40, 48};
  for (uint8_t i = 0; i < 7; ++i) EXPECT_EQ(bytes[offsets[i]], i + 1);
}

} // namespace
} // namespace virtio_mem

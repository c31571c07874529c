#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/decompress.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::compress;
using testing::compress_for_kernel;
using testing::Data;
using ::testing::HasSubstr;
using testing::pattern;

constexpr size_t kLimit = 64u << 20;

Data to_data(const HostBuffer& buffer) {
  return {buffer.bytes().begin(), buffer.bytes().end()};
}

class EachCompression : public ::testing::TestWithParam<Compression> {};

INSTANTIATE_TEST_SUITE_P(Decompress, EachCompression,
                         ::testing::Values(Compression::gzip, Compression::xz, Compression::lz4_legacy,
                                           Compression::zstd),
                         [](const auto& one) { return std::string(compression_name(one.param)); });

TEST_P(EachCompression, GivesBackWhatWasCompressed) {
  for (const size_t size : {size_t{1}, size_t{4095}, size_t{100000}}) {
    const Data plain = pattern(size);
    const Data packed = compress(GetParam(), plain);
    EXPECT_EQ(detect_compression(packed), GetParam());
    const auto result = decompress(packed, Trailer::none, kLimit);
    ASSERT_TRUE(result.ok()) << result.error().text;
    EXPECT_EQ(to_data(*result), plain);
  }
}

TEST_P(EachCompression, ReadsSeveralBlocks) {
  const Data plain = pattern((8u << 20) * 2 + 12345); // more than two of lz4's blocks
  const auto result = decompress(compress_for_kernel(GetParam(), plain), Trailer::kernel_size, kLimit);
  ASSERT_TRUE(result.ok()) << result.error().text;
  EXPECT_EQ(to_data(*result), plain);
}

TEST_P(EachCompression, ChecksTheKernelsSize) {
  const Data plain = pattern(50000);
  Data packed = compress_for_kernel(GetParam(), plain);
  ASSERT_TRUE(decompress(packed, Trailer::kernel_size, kLimit).ok());
  for (const uint32_t wrong : {0u, 1u, 49999u, 50001u, 0xffffffffu}) {
    testing::poke<uint32_t>(packed, packed.size() - 4, wrong);
    EXPECT_FALSE(decompress(packed, Trailer::kernel_size, kLimit).ok()) << wrong;
  }
}

TEST_P(EachCompression, StopsABomb) {
  const Data bomb = compress(GetParam(), Data(16u << 20)); // zeros: a few KiB
  ASSERT_LT(bomb.size(), 200000u);
  const auto result = decompress(bomb, Trailer::none, 1u << 20);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().status, SPORE_E_RANGE) << result.error().text;
  EXPECT_THAT(result.error().text, HasSubstr("more than the 1048576 bytes allowed"));
}

TEST_P(EachCompression, FillsTheLimitExactly) {
  const Data plain = pattern(123456);
  const Data packed = compress(GetParam(), plain);
  EXPECT_TRUE(decompress(packed, Trailer::none, plain.size()).ok());
  EXPECT_FALSE(decompress(packed, Trailer::none, plain.size() - 1).ok());
}

TEST_P(EachCompression, RefusesEveryTruncation) {
  const Data plain = pattern(30000);
  const Data packed = compress_for_kernel(GetParam(), plain);
  for (size_t part = 0; part < 64; ++part) {
    const Data cut(packed.begin(), packed.begin() + static_cast<ptrdiff_t>(packed.size() * part / 64));
    const auto result = decompress(cut, Trailer::kernel_size, kLimit);
    ASSERT_FALSE(result.ok()) << "cut at " << cut.size();
    EXPECT_FALSE(result.error().text.empty());
  }
}

TEST_P(EachCompression, SurvivesEveryFlippedByte) {
  const Data plain = pattern(3000);
  const Data packed = compress_for_kernel(GetParam(), plain);
  for (size_t at = 0; at < packed.size(); ++at) {
    Data bad = packed;
    bad[at] ^= 0x55;
    const auto result = decompress(bad, Trailer::kernel_size, kLimit);
    // lz4's legacy frame has no checksum: a wrong byte may pass, but never the wrong size.
    if (result.ok()) {
      EXPECT_EQ(result->bytes().size(), plain.size());
    }
  }
}

TEST(Decompress, NamesWhatItCannotRead) {
  const auto bzip2 = decompress(Data{'B', 'Z', 'h', '9'}, Trailer::none, kLimit);
  ASSERT_FALSE(bzip2.ok());
  EXPECT_EQ(bzip2.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_THAT(bzip2.error().text, HasSubstr("bzip2 compression cannot be read; use gzip, xz, lz4 or zstd"));
  EXPECT_FALSE(decompress({}, Trailer::none, kLimit).ok());
}

TEST(Decompress, RefusesWhatFollowsTheStream) {
  for (const Compression compression : {Compression::gzip, Compression::xz}) {
    Data packed = compress(compression, pattern(100));
    packed.push_back(0);
    EXPECT_FALSE(decompress(packed, Trailer::none, kLimit).ok());
  }
}

} // namespace
} // namespace sporehost::loader

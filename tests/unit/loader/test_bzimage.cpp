#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/bzimage.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::make_bzimage;
using testing::poke;

const Data kPayload = testing::pattern(1000);

std::string error_of(const Data& image) {
  const auto parsed = parse_bzimage(image);
  return parsed.ok() ? "(no error)" : parsed.error().text;
}

TEST(BzImage, ReadsItsHeader) {
  const Data image = make_bzimage(kPayload);
  const auto parsed = parse_bzimage(image);
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  const SetupHeader& header = parsed->header;
  EXPECT_EQ(header.protocol, 0x020f);
  EXPECT_TRUE(header.relocatable);
  EXPECT_EQ(header.alignment, 0x200000u);
  EXPECT_EQ(header.pref_address, 0x1000000u);
  EXPECT_EQ(header.init_size, 0x800000u);
  EXPECT_EQ(header.cmdline_size, 2047u);
  EXPECT_EQ(header.initrd_addr_max, 0x7fffffffu);
  EXPECT_EQ(header.raw.size(), 0x26cu - 0x1f1u);
  EXPECT_TRUE(std::equal(header.raw.begin(), header.raw.end(), image.begin() + 0x1f1));
  EXPECT_EQ(Data(parsed->payload.begin(), parsed->payload.end()), kPayload);
  EXPECT_EQ(parsed->protected_mode.data(), image.data() + 1024);
}

TEST(BzImage, AcceptsAnInitrdAnywhereBelow4GiBIfTheKernelDoes) {
  Data image = make_bzimage(kPayload);
  poke<uint16_t>(image, 0x236, 0x0003);
  const auto parsed = parse_bzimage(image);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->header.initrd_addr_max, 0xffffffffu);
}

TEST(BzImage, TakesZeroSetupSectorsAsFour) {
  Data image = make_bzimage(kPayload);
  poke<uint8_t>(image, 0x1f1, 0);
  image.insert(image.begin() + 1024, 3 * 512, 0);
  const auto parsed = parse_bzimage(image);
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  EXPECT_EQ(Data(parsed->payload.begin(), parsed->payload.end()), kPayload);
}

TEST(BzImage, NamesWhatIsWrong) {
  const Data good = make_bzimage(kPayload);
  const auto with = [&](auto change) {
    Data image = good;
    change(image);
    return error_of(image);
  };
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x202, 0); }), HasSubstr("not a bzImage"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, 0x206, 0x0208); }), HasSubstr("boot protocol 2.08 is too old"));
  EXPECT_THAT(with([](Data& i) { poke<uint8_t>(i, 0x211, 0); }), HasSubstr("zImage"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, 0x236, 0); }), HasSubstr("32-bit kernel"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x230, 3); }), HasSubstr("kernel_alignment"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x230, 0); }), HasSubstr("kernel_alignment"));
  EXPECT_THAT(with([](Data& i) { poke<uint64_t>(i, 0x258, 0x1000001); }), HasSubstr("pref_address"));
  EXPECT_THAT(with([](Data& i) { poke<uint64_t>(i, 0x258, ~uint64_t{0x1fffff}); }), HasSubstr("overflows"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x260, 0); }), HasSubstr("init_size"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x238, 0); }), HasSubstr("cmdline_size"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x24c, 0); }), HasSubstr("payload_length"));
  EXPECT_THAT(with([](Data& i) { poke<uint8_t>(i, 0x201, 0x10); }), HasSubstr("shorter than its protocol"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x1f4, 0xffffffff); }), HasSubstr("truncated"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x248, 0xffffffff); }), HasSubstr("truncated: the payload"));
  EXPECT_THAT(with([](Data& i) { poke<uint32_t>(i, 0x24c, 5000); }),
              HasSubstr("the payload should end at byte " + std::to_string(1024 + 0x220 + 5000) + " but the file has " +
                        std::to_string(good.size())));
}

TEST(BzImage, RefusesEveryTruncation) {
  const Data good = make_bzimage(kPayload);
  // The last 15 bytes may be the padding of a size counted in units of 16.
  for (size_t size = 0; size + 16 < good.size(); ++size) {
    const Data cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
    ASSERT_FALSE(parse_bzimage(cut).ok()) << size;
  }
}

TEST(BzImage, StaysInBoundsForEveryFlippedBitOfTheHeader) {
  const Data good = make_bzimage(kPayload);
  for (size_t bit = 0x1f1 * 8; bit < 0x270 * 8; ++bit) {
    Data image = good;
    image[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    const auto parsed = parse_bzimage(image);
    if (!parsed.ok()) continue;
    const auto* end = image.data() + image.size();
    EXPECT_LE(parsed->payload.data() + parsed->payload.size(), end);
    EXPECT_LE(parsed->protected_mode.data() + parsed->protected_mode.size(), end);
    EXPECT_LE(parsed->header.raw.size(), 0x290u - 0x1f1u);
  }
}

} // namespace
} // namespace sporehost::loader

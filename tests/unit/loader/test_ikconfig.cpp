#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/ikconfig.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;

const std::string kConfig = "CONFIG_VIRTIO_MEM=y\nCONFIG_MEMORY_HOTPLUG=y\n";

void append_text(Data& data, std::string_view text) {
  data.insert(data.end(), text.begin(), text.end());
}

Data image_with(const Data& packed, std::string_view end_mark = "IKCFG_ED") {
  Data image = testing::pattern(5000);
  append_text(image, "IKCFG_ST"); // the mark as an ordinary string
  append_text(image, "%s\n");
  append_text(image, "IKCFG_ST");
  image.insert(image.end(), packed.begin(), packed.end());
  append_text(image, end_mark);
  return image;
}

TEST(IkConfig, FindsTheConfigurationBehindADecoy) {
  const Data packed = testing::compress(Compression::gzip, Data(kConfig.begin(), kConfig.end()));
  const auto found = find_ikconfig(image_with(packed));
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(*found, kConfig);
}

TEST(IkConfig, IsAbsentFromMostKernels) {
  const auto found = find_ikconfig(testing::pattern(5000));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, std::nullopt);
}

TEST(IkConfig, NamesDamage) {
  Data packed = testing::compress(Compression::gzip, Data(kConfig.begin(), kConfig.end()));
  const auto no_end = find_ikconfig(image_with(packed, ""));
  ASSERT_FALSE(no_end.ok());
  EXPECT_THAT(no_end.error().text, HasSubstr("no end mark"));
  packed[packed.size() / 2] ^= 0xff;
  const auto damaged = find_ikconfig(image_with(packed));
  ASSERT_FALSE(damaged.ok());
  EXPECT_THAT(damaged.error().text, HasSubstr("embedded configuration"));
}

TEST(IkConfig, StopsABomb) {
  const auto found = find_ikconfig(image_with(testing::compress(Compression::gzip, Data(8u << 20))));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().status, SPORE_E_RANGE);
}

} // namespace
} // namespace sporehost::loader

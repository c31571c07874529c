// arm64 Images: plain and compressed, and every way in which a header can be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/kernel_image.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::poke;

constexpr uint64_t kRamStart = uint64_t{1} << 30;
constexpr uint64_t kFileBytes = 8192;
constexpr uint64_t kImageSize = 65536;
constexpr size_t kTextOffset = 0x08, kSize = 0x10, kFlags = 0x18, kMagic = 0x38, kPe = 0x3c;

// Flags 0x0a: 4 KiB pages, anywhere in memory.
Data make_image(uint64_t flags = 0x0a, uint64_t text_offset = 0) {
  Data image = testing::pattern(kFileBytes);
  std::fill_n(image.begin(), 64, uint8_t{0});
  poke<uint64_t>(image, kTextOffset, text_offset);
  poke<uint64_t>(image, kSize, kImageSize);
  poke<uint64_t>(image, kFlags, flags);
  poke<uint32_t>(image, kMagic, 0x644d5241);
  return image;
}

// The same as a PE file whose one section ends at `end`.
Data make_pe_image(uint32_t end) {
  Data image = make_image();
  poke<uint32_t>(image, kPe, 0x40);
  poke<uint32_t>(image, 0x40, 0x00004550);
  poke<uint16_t>(image, 0x46, 1);  // sections
  poke<uint16_t>(image, 0x54, 16); // bytes of the optional header
  const size_t section = 0x40 + 24 + 16;
  poke<uint32_t>(image, section + 16, end - 4096);
  poke<uint32_t>(image, section + 20, 4096);
  return image;
}

const KernelOptions kOptions{.arch = Arch::aarch64, .max_size = 1u << 20, .ram_start = kRamStart};

std::string error_of(const Data& image, const KernelOptions& options = kOptions) {
  const auto parsed = parse_kernel(image, options);
  return parsed.ok() ? "(no error)" : parsed.error().text;
}

TEST(Arm64Image, GoesToTheStartOfRamAndIsEnteredAtItsFirstByte) {
  const Data image = make_image(0x0a, 0x80000);
  const auto kernel = parse_kernel(image, kOptions);
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->kind, KernelKind::arm64_image);
  EXPECT_EQ(kernel->arch, Arch::aarch64);
  EXPECT_EQ(kernel->entry_gpa, kRamStart + 0x80000);
  ASSERT_EQ(kernel->segments.size(), 1u);
  EXPECT_EQ(kernel->segments[0].gpa, kernel->entry_gpa);
  EXPECT_EQ(kernel->segments[0].bytes.data(), image.data()) << "copied";
  EXPECT_EQ(kernel->segments[0].bytes.size(), image.size());
  EXPECT_EQ(kernel->end_gpa(), kRamStart + 0x80000 + kImageSize);
  EXPECT_EQ(kernel->initrd_addr_max(), (uint64_t{33} << 30) - 1);
  EXPECT_EQ(kernel->cmdline_limit(), 2047u);
}

TEST(Arm64Image, TellsItsPageSize) {
  const auto pages = [](uint64_t flags) { return parse_arm64_image(make_image(flags))->page_bytes; };
  EXPECT_EQ(pages(0x08), std::nullopt);
  EXPECT_EQ(pages(0x0a), 4096u);
  EXPECT_EQ(pages(0x0c), 16384u);
  EXPECT_EQ(pages(0x0e), 65536u);
}

class EachWhole : public ::testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Arm64Image, EachWhole,
                         ::testing::Values(Compression::gzip, Compression::xz, Compression::lz4_legacy,
                                           Compression::zstd),
                         [](const auto& one) { return std::string(compression_name(one.param)); });

TEST_P(EachWhole, IsDecompressed) {
  const Data image = make_image();
  const testing::TempFile file(testing::compress(GetParam(), image));
  auto loaded = load_kernel(file.path(), kOptions);
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  const KernelImage kernel = std::move(loaded).value();
  EXPECT_EQ(kernel.kind, KernelKind::arm64_image);
  EXPECT_TRUE(std::equal(image.begin(), image.end(), kernel.segments[0].bytes.begin()));
  EXPECT_FALSE(kernel.file.offset_of(kernel.segments[0].bytes));
}

TEST_P(EachWhole, TruncatedIsAnError) {
  Data packed = testing::compress(GetParam(), make_image());
  packed.resize(packed.size() / 2);
  EXPECT_THAT(error_of(packed), HasSubstr("fetch it again"));
}

TEST(Arm64Image, AnythingElseCompressedIsAnError) {
  EXPECT_THAT(error_of(testing::compress(Compression::gzip, testing::make_vmlinux())),
              HasSubstr("a gzip file with no arm64 Image in it"));
  EXPECT_THAT(error_of(testing::compress(Compression::gzip, make_image()), {.arch = Arch::aarch64, .max_size = 100}),
              HasSubstr("fetch it again"));
}

TEST(Arm64Image, DamageIsNamed) {
  EXPECT_THAT(error_of(make_image(0x0b)), HasSubstr("big-endian"));
  EXPECT_THAT(error_of(make_image(0x0a, 0x80001)), HasSubstr("text_offset"));
  EXPECT_THAT(error_of(make_image(0x0a, 2u << 20)), HasSubstr("text_offset"));
  Data image = make_image();
  poke<uint64_t>(image, kSize, 0);
  EXPECT_THAT(error_of(image), HasSubstr("before Linux 3.17"));
  poke<uint64_t>(image, kSize, kFileBytes - 1);
  EXPECT_THAT(error_of(image), HasSubstr("less than the file's 8192 bytes"));
  poke<uint64_t>(image, kSize, UINT64_MAX);
  EXPECT_THAT(error_of(image), HasSubstr("larger than 4 GiB"));
  image.resize(0x3c);
  EXPECT_THAT(parse_arm64_image(image).error().text, HasSubstr("truncated"));
}

TEST(Arm64Image, AFileThatEndsBeforeItsSectionsIsTruncated) {
  EXPECT_EQ(error_of(make_pe_image(kFileBytes)), "(no error)");
  EXPECT_THAT(error_of(make_pe_image(kFileBytes + 1)),
              HasSubstr("truncated: its sections should end at byte 8193 but the file has 8192"));
  Data many = make_pe_image(kFileBytes);
  poke<uint16_t>(many, 0x46, 0xffff);
  EXPECT_THAT(error_of(many), HasSubstr("truncated"));
}

TEST(Arm64Image, IsForArm64Machines) {
  EXPECT_THAT(error_of(make_image(), {}), HasSubstr("a kernel for arm64, but this machine is x86-64"));
}

} // namespace
} // namespace sporehost::loader

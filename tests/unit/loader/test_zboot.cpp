// EFI zboot images: unpacked in each compression that Linux's build offers and the host can read; the others are named,
// and so is what is wrong with a damaged one.
#include "core/loader/zboot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/kernel_image.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::poke;

constexpr uint32_t kPayload = 0x200, kPe = 0x80;
const KernelOptions kOptions{.arch = Arch::aarch64, .max_size = 1u << 20, .ram_start = uint64_t{1} << 30};

Data make_image() {
  Data image = testing::pattern(8192);
  std::fill_n(image.begin(), 64, uint8_t{0});
  poke<uint64_t>(image, 0x10, 65536);
  poke<uint64_t>(image, 0x18, 0x0a);
  poke<uint32_t>(image, 0x38, 0x644d5241);
  return image;
}

// As Linux's build makes it: `said` is the name in the header, and behind all but gzip comes the uncompressed size.
Data make_zboot(Compression compression, const std::string& said, uint16_t machine = kPeMachineArm64) {
  const Data packed = testing::compress(compression, make_image());
  Data file(kPayload);
  poke<uint32_t>(file, 0, 0x5a4d);
  std::copy_n("zimg", 4, file.begin() + 4);
  poke<uint32_t>(file, 8, kPayload);
  poke<uint32_t>(file, 12, static_cast<uint32_t>(packed.size()));
  std::copy(said.begin(), said.end(), file.begin() + 0x18);
  poke<uint32_t>(file, 0x38, 0x818223cd);
  poke<uint32_t>(file, 0x3c, kPe);
  poke<uint32_t>(file, kPe, 0x4550);
  poke<uint16_t>(file, kPe + 4, machine);
  const Data rest = testing::compress_for_kernel(compression, make_image());
  file.insert(file.end(), rest.begin(), rest.end());
  file.resize(file.size() + 512); // sections are padded
  return file;
}

std::string error_of(const Data& image, const KernelOptions& options = kOptions) {
  const auto parsed = parse_kernel(image, options);
  return parsed.ok() ? "(no error)" : parsed.error().text;
}

struct Kind {
  Compression compression;
  std::string said;
};

class EachZboot : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Zboot, EachZboot,
                         ::testing::Values(Kind{Compression::gzip, "gzip"}, Kind{Compression::xz, "xzkern"},
                                           Kind{Compression::lz4_legacy, "lz4"}, Kind{Compression::zstd, "zstd22"}),
                         [](const auto& one) { return one.param.said; });

TEST_P(EachZboot, IsUnpacked) {
  const Data file = make_zboot(GetParam().compression, GetParam().said);
  const auto kernel = parse_kernel(file, kOptions);
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->kind, KernelKind::arm64_image);
  EXPECT_EQ(kernel->entry_gpa, kOptions.ram_start);
  const Data image = make_image();
  ASSERT_EQ(kernel->segments.size(), 1u);
  EXPECT_TRUE(std::equal(image.begin(), image.end(), kernel->segments[0].bytes.begin()));
  EXPECT_EQ(kernel->vmlinux.size(), image.size());
}

TEST_P(EachZboot, TruncatedAnywhereIsAnError) {
  const Data whole = make_zboot(GetParam().compression, GetParam().said);
  for (const size_t bytes : {size_t{8}, size_t{63}, size_t{0x100}, size_t{kPayload}, size_t{kPayload} + 100}) {
    const Data file(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    EXPECT_THAT(error_of(file), HasSubstr("fetch it again")) << bytes;
  }
}

TEST(Zboot, IsForArm64) {
  EXPECT_THAT(error_of(make_zboot(Compression::gzip, "gzip"), {}),
              HasSubstr("a kernel for arm64, but this machine is x86-64"));
  EXPECT_THAT(error_of(make_zboot(Compression::gzip, "gzip", 0x5064)), // RISC-V
              HasSubstr("an EFI zboot image that is not for arm64"));
}

TEST(Zboot, WhatCannotBeReadIsNamed) {
  Data lzma = make_zboot(Compression::gzip, "lzma");
  std::copy_n("\x5d\0\0", 3, lzma.begin() + kPayload);
  EXPECT_THAT(error_of(lzma), HasSubstr("an EFI zboot image packed with lzma, which cannot be read here"));
}

TEST(Zboot, DamageIsNamed) {
  Data file = make_zboot(Compression::gzip, "zstd22");
  EXPECT_THAT(error_of(file), HasSubstr("its header says 'zstd22' compression, and the payload is something else"));
  file = make_zboot(Compression::gzip, "gzip");
  poke<uint32_t>(file, 12, UINT32_MAX);
  EXPECT_THAT(error_of(file), HasSubstr("should end at byte 4294967807"));
  poke<uint32_t>(file, 12, 0);
  EXPECT_THAT(error_of(file), HasSubstr("names no payload"));
  file = make_zboot(Compression::gzip, "gzip");
  file[kPayload + 40] ^= 0xff;
  EXPECT_THAT(error_of(file), HasSubstr("EFI zboot image: "));
  poke<uint32_t>(file, 0x3c, UINT32_MAX);
  EXPECT_THAT(error_of(file), HasSubstr("not for arm64"));
}

TEST(Zboot, HoldsAnImageAndNothingElse) {
  Data file = make_zboot(Compression::gzip, "gzip");
  const Data elf = testing::compress(Compression::gzip, testing::make_vmlinux());
  file.resize(kPayload);
  poke<uint32_t>(file, 12, static_cast<uint32_t>(elf.size()));
  file.insert(file.end(), elf.begin(), elf.end());
  EXPECT_THAT(error_of(file), HasSubstr("EFI zboot image: a gzip file with no arm64 Image in it"));
}

} // namespace
} // namespace sporehost::loader

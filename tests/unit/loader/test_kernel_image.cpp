#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/loader/ikconfig.hpp"
#include "core/loader/kernel_image.hpp"
#include "core/loader/placement.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::make_bzimage;
using testing::make_vmlinux;
using testing::poke;
using testing::TempFile;

std::string error_of(const Data& image, const KernelOptions& options = {}) {
  const auto parsed = parse_kernel(image, options);
  return parsed.ok() ? "(no error)" : parsed.error().text;
}

class EachPayload : public ::testing::TestWithParam<Compression> {};

INSTANTIATE_TEST_SUITE_P(KernelImage, EachPayload,
                         ::testing::Values(Compression::gzip, Compression::xz, Compression::lz4_legacy,
                                           Compression::zstd),
                         [](const auto& one) { return std::string(compression_name(one.param)); });

TEST_P(EachPayload, IsDecompressedAndStartedAtItsElfEntry) {
  const Data vmlinux = make_vmlinux();
  const TempFile file(make_bzimage(testing::compress_for_kernel(GetParam(), vmlinux)));
  auto loaded = load_kernel(file.path(), {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  const KernelImage kernel = std::move(loaded).value();
  EXPECT_EQ(kernel.kind, KernelKind::bzimage);
  EXPECT_EQ(kernel.entry_gpa, 16u << 20);
  ASSERT_EQ(kernel.segments.size(), 2u);
  const Data expected = testing::pattern(40000);
  EXPECT_EQ(Data(kernel.segments[0].bytes.begin(), kernel.segments[0].bytes.end()), expected);
  EXPECT_EQ(Data(kernel.vmlinux.begin(), kernel.vmlinux.end()), vmlinux);
  EXPECT_EQ(kernel.cmdline_limit(), 2047u);
  EXPECT_EQ(kernel.initrd_addr_max(), 0x7fffffffu);
  EXPECT_EQ(kernel.end_gpa(), 0x1000000u + 0x800000u); // init_size reaches beyond the segments
}

TEST_P(EachPayload, CanBeLeftToTheGuest) {
  const Data image = make_bzimage(testing::compress_for_kernel(GetParam(), make_vmlinux()));
  const auto kernel = parse_kernel(image, {.decompress = false});
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->entry_gpa, 0x1000200u);
  ASSERT_EQ(kernel->segments.size(), 1u);
  EXPECT_EQ(kernel->segments[0].bytes.data(), image.data() + 1024);
  EXPECT_EQ(kernel->segments[0].mem_size, 0x800000u);
}

TEST_P(EachPayload, IsRefusedWhenTheFileIsCutAnywhere) {
  const Data good = make_bzimage(testing::compress_for_kernel(GetParam(), make_vmlinux()));
  for (size_t part = 1; part < 64; ++part) {
    const Data cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(good.size() * part / 64));
    const TempFile file(cut);
    const auto loaded = load_kernel(file.path(), {});
    ASSERT_FALSE(loaded.ok()) << part;
    EXPECT_THAT(loaded.error().text, HasSubstr("kernel '" + file.path() + "': "));
    EXPECT_THAT(loaded.error().text, HasSubstr("fetch it again"));
  }
}

TEST_P(EachPayload, IsRefusedWhenDamagedInside) {
  Data image = make_bzimage(testing::compress_for_kernel(GetParam(), make_vmlinux()));
  std::fill(image.begin() + 1024 + 0x220 + 2000, image.begin() + 1024 + 0x220 + 2100, 0xff);
  EXPECT_THAT(error_of(image), HasSubstr("payload"));
}

TEST_P(EachPayload, MayNotExpandBeyondTheLimit) {
  const Data image = make_bzimage(testing::compress_for_kernel(GetParam(), make_vmlinux()));
  EXPECT_THAT(error_of(image, {.max_size = 10000}), HasSubstr("more than the 10000 allowed"));
}

TEST(KernelImage, LeavesAnUnreadableCompressionToTheGuest) {
  Data payload = testing::pattern(600);
  std::copy_n("BZh9", 4, payload.begin());
  const Data image = make_bzimage(payload);
  const auto kernel = parse_kernel(image, {});
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->entry_gpa, 0x1000200u);
  EXPECT_TRUE(kernel->vmlinux.empty());
}

TEST(KernelImage, TakesAPlainVmlinuxFromItsFile) {
  const TempFile file(make_vmlinux());
  const auto kernel = load_kernel(file.path(), {});
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->kind, KernelKind::elf);
  EXPECT_FALSE(kernel->setup_header);
  EXPECT_TRUE(kernel->file.offset_of(kernel->segments[0].bytes).has_value());
  EXPECT_EQ(kernel->end_gpa(), (18u << 20) + 70000u);
}

TEST(KernelImage, SaysWhatAFileIsInstead) {
  EXPECT_THAT(error_of(testing::compress(Compression::gzip, make_vmlinux())), HasSubstr("a bare gzip file"));
  EXPECT_THAT(error_of(testing::pattern(4096)), HasSubstr("neither a bzImage"));
  EXPECT_THAT(error_of({}), HasSubstr("neither a bzImage"));
  Data arm64(64);
  poke<uint32_t>(arm64, 0x38, 0x644d5241);
  EXPECT_THAT(error_of(arm64), HasSubstr("a kernel for arm64, but this machine is x86-64"));
  EXPECT_THAT(error_of(arm64, {.arch = Arch::aarch64}), HasSubstr("before Linux 3.17"));
  EXPECT_THAT(error_of(make_bzimage(testing::pattern(100)), {.arch = Arch::aarch64}), HasSubstr("for x86-64, but"));
  EXPECT_THAT(error_of(make_bzimage(testing::pattern(100))), HasSubstr("no known compression"));
  EXPECT_THAT(error_of(testing::make_elf(0x1000, {{0x1000, Data(8), 8}}, 0, 183)), HasSubstr("a kernel for arm64"));
}

// A distribution's kernel, if there is one: `vmlinuz` in SPOREHOST_TEST_KERNEL_DIR or in the cache folder.
std::filesystem::path real_kernel() {
  std::filesystem::path folder;
  if (const char* given = std::getenv("SPOREHOST_TEST_KERNEL_DIR")) {
    folder = given;
  } else if (const char* cache = std::getenv("SPOREHOST_CACHE")) {
    folder = cache;
  } else if (const char* home = std::getenv("HOME")) {
    folder = std::filesystem::path(home) / ".cache" / "sporehost";
  }
  return folder / "vmlinuz";
}

TEST(KernelImage, ReadsADistributionsKernel) {
  const std::filesystem::path path = real_kernel();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    GTEST_SKIP() << "no kernel at " << path << "; set SPOREHOST_TEST_KERNEL_DIR to a folder with a vmlinuz";
  }
  auto loaded = load_kernel(path.string(), {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  const KernelImage kernel = std::move(loaded).value();
  EXPECT_GE(kernel.entry_gpa, 1u << 20);
  EXPECT_GE(kernel.segments.size(), 2u);
  EXPECT_GT(kernel.vmlinux.size(), 8u << 20);
  EXPECT_GE(kernel.cmdline_limit(), 2047u);
  EXPECT_TRUE(check_kernel_fits(kernel.segments, 1u << 20, 512u << 20).ok());
  // Linux names itself in its read-only data: the image is in one piece.
  const std::string_view text(reinterpret_cast<const char*>(kernel.vmlinux.data()), kernel.vmlinux.size());
  EXPECT_NE(text.find("Linux version "), std::string_view::npos);
  EXPECT_TRUE(find_ikconfig(kernel.vmlinux).ok());
  RecordProperty("decompressed_bytes", static_cast<int>(kernel.vmlinux.size()));
  RecordProperty("segments", static_cast<int>(kernel.segments.size()));
}

} // namespace
} // namespace sporehost::loader

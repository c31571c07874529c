#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

#include "core/loader/elf.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::make_elf;
using testing::make_vmlinux;
using testing::poke;

constexpr size_t kFirstHeader = sizeof(Elf64_Ehdr);

std::string error_of(const Data& image) {
  const auto parsed = parse_elf(image);
  return parsed.ok() ? "(no error)" : parsed.error().text;
}

TEST(Elf, ReadsSegmentsAndEntry) {
  const Data image = make_vmlinux();
  const auto parsed = parse_elf(image);
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  EXPECT_EQ(parsed->machine, EM_X86_64);
  EXPECT_EQ(parsed->entry, 16u << 20);
  ASSERT_EQ(parsed->segments.size(), 2u);
  EXPECT_EQ(parsed->segments[1].gpa, 18u << 20);
  EXPECT_EQ(parsed->segments[1].mem_size, 70000u);
  const Data expected = testing::pattern(5000);
  EXPECT_EQ(Data(parsed->segments[1].bytes.begin(), parsed->segments[1].bytes.end()), expected);
}

TEST(Elf, SortsSegmentsAndSkipsEmptyOnes) {
  const auto parsed = parse_elf(make_elf(0x1000, {{0x8000, Data(16), 16}, {0x8000, {}, 0}, {0x1000, Data(32), 64}}));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  ASSERT_EQ(parsed->segments.size(), 2u);
  EXPECT_EQ(parsed->segments[0].gpa, 0x1000u);
}

TEST(Elf, NamesWhatIsWrong) {
  const Data good = make_vmlinux();
  const auto with = [&](auto change) {
    Data image = good;
    change(image);
    return error_of(image);
  };
  const size_t first = kFirstHeader;
  EXPECT_THAT(with([](Data& i) { i[0] = 0; }), HasSubstr("not an ELF image"));
  EXPECT_THAT(with([](Data& i) { i[EI_CLASS] = ELFCLASS32; }), HasSubstr("not 64-bit"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, offsetof(Elf64_Ehdr, e_machine), 8); }), HasSubstr("machine 8"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, offsetof(Elf64_Ehdr, e_type), ET_REL); }), HasSubstr("object"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, offsetof(Elf64_Ehdr, e_phnum), 0); }), HasSubstr("program headers"));
  EXPECT_THAT(with([](Data& i) { poke<uint16_t>(i, offsetof(Elf64_Ehdr, e_phnum), 60000); }), HasSubstr("truncated"));
  EXPECT_THAT(with([](Data& i) { poke<uint64_t>(i, offsetof(Elf64_Ehdr, e_phoff), ~0ull); }), HasSubstr("truncated"));
  EXPECT_THAT(with([](Data& i) { poke<uint64_t>(i, offsetof(Elf64_Ehdr, e_entry), 0); }), HasSubstr("in no segment"));
  EXPECT_THAT(with([&](Data& i) { poke<uint64_t>(i, first + offsetof(Elf64_Phdr, p_offset), ~0ull); }),
              HasSubstr("truncated: segment 0"));
  EXPECT_THAT(with([&](Data& i) { poke<uint64_t>(i, first + offsetof(Elf64_Phdr, p_memsz), 10); }),
              HasSubstr("larger in the file"));
  EXPECT_THAT(with([&](Data& i) { poke<uint64_t>(i, first + offsetof(Elf64_Phdr, p_paddr), ~0ull - 5); }),
              HasSubstr("wraps around"));
  EXPECT_THAT(with([&](Data& i) { poke<uint64_t>(i, first + offsetof(Elf64_Phdr, p_memsz), 4u << 20); }),
              HasSubstr("overlap"));
}

TEST(Elf, AnEntryInBssIsNoEntry) {
  EXPECT_THAT(error_of(make_elf(0x1800, {{0x1000, Data(16), 0x1000}})), HasSubstr("in no segment"));
}

TEST(Elf, RefusesEveryTruncationOfItsSegments) {
  const Data good = make_elf(0x1000, {{0x1000, testing::pattern(700), 700}});
  for (size_t size = 0; size < good.size(); ++size) {
    const Data cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
    ASSERT_FALSE(parse_elf(cut).ok()) << size;
  }
}

TEST(Elf, StaysInBoundsForEveryFlippedBitOfItsHeaders) {
  const Data good = make_vmlinux();
  const size_t headers = kFirstHeader + 3 * sizeof(Elf64_Phdr);
  for (size_t bit = 0; bit < headers * 8; ++bit) {
    Data image = good;
    image[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    const auto parsed = parse_elf(image);
    if (!parsed.ok()) continue;
    for (const Segment& segment : parsed->segments) {
      EXPECT_LE(segment.bytes.data() + segment.bytes.size(), image.data() + image.size());
      EXPECT_GE(segment.mem_size, segment.bytes.size());
      EXPECT_GE(segment.gpa + segment.mem_size, segment.gpa);
    }
  }
}

TEST(Elf, IgnoresNotes) {
  Data image = make_vmlinux();
  const size_t note = image.size() - 20 - 24; // the first note's header
  poke<uint32_t>(image, note, 0xffffffff);
  const auto parsed = parse_elf(image);
  ASSERT_TRUE(parsed.ok());
}

} // namespace
} // namespace sporehost::loader

// Mach-O headers, written by hand: what the check reads is looked at on every system. (ELF: tests/unit/plugin.)
#include "core/system/object_file.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>

#include "core/system/anonymous_file.hpp"

namespace sporehost {
namespace {

using Kind = ObjectFault::Kind;
using ::testing::HasSubstr;

#if defined(__x86_64__)
constexpr uint32_t kOwn = 0x01000007, kOther = 0x0100000c;
#else
constexpr uint32_t kOwn = 0x0100000c, kOther = 0x01000007;
#endif
constexpr uint32_t kMagic = 0xfeedfacf, kBundle = 8;
constexpr size_t kHeader = 32, kSegment = 72;

void put(std::string& at, size_t offset, uint64_t value, size_t bytes) {
  std::memcpy(at.data() + offset, &value, bytes);
}

// A bundle with one segment, which is the whole file.
std::string bundle(uint32_t machine = kOwn, size_t bytes = 4096) {
  std::string file(bytes, '\0');
  const uint32_t header[] = {kMagic, machine, 0, kBundle, 1, kSegment, 0, 0};
  std::memcpy(file.data(), header, sizeof header);
  put(file, kHeader, 0x19, 4);
  put(file, kHeader + 4, kSegment, 4);
  put(file, kHeader + 40, 0, 8);     // fileoff
  put(file, kHeader + 48, bytes, 8); // filesize
  return file;
}

uint32_t big(uint32_t value) {
  return __builtin_bswap32(value);
}

std::string fat(const std::string& image, uint32_t machine) {
  std::string file(4096, '\0');
  const uint32_t header[] = {
      big(0xcafebabe), big(1), big(machine), 0, big(4096), big(static_cast<uint32_t>(image.size())), 0};
  std::memcpy(file.data(), header, sizeof header);
  return file + image;
}

std::optional<ObjectFault> check(const std::string& content) {
  const UniqueFd file = make_anonymous_file("object");
  EXPECT_EQ(::write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return check_mach_object(file.get(), content.size());
}

TEST(MachObject, ABundleIsAcceptedThinAndFat) {
  EXPECT_EQ(check(bundle()), std::nullopt) << check(bundle())->text;
  EXPECT_EQ(check(fat(bundle(), kOwn)), std::nullopt);
}

TEST(MachObject, WhatIsNoneIsTold) {
  EXPECT_THAT(check("")->text, HasSubstr("shorter than a Mach-O header"));
  EXPECT_EQ(check("This is no plugin, and longer than a header.")->kind, Kind::not_an_object);
  std::string program = bundle();
  put(program, 12, 2, 4);
  EXPECT_THAT(check(program)->text, HasSubstr("of type 2, neither a bundle"));
}

TEST(MachObject, AnotherInstructionSetIsTold) {
  EXPECT_EQ(check(bundle(kOther))->kind, Kind::wrong_architecture);
  EXPECT_THAT(check(bundle(kOther))->text, HasSubstr("is built for"));
  EXPECT_EQ(check(fat(bundle(kOther), kOther))->kind, Kind::wrong_architecture);
  std::string narrow = bundle();
  put(narrow, 0, 0xfeedface, 4);
  EXPECT_EQ(check(narrow)->kind, Kind::wrong_architecture);
}

TEST(MachObject, CutShortAnywhereIsTold) {
  const std::string whole = bundle();
  for (const size_t bytes : {size_t{8}, size_t{31}, size_t{32}, size_t{100}, size_t{4095}})
    EXPECT_EQ(check(whole.substr(0, bytes))->kind, Kind::truncated) << bytes;
  const std::string both = fat(whole, kOwn);
  for (const size_t bytes : {size_t{8}, size_t{20}, size_t{4096}, both.size() - 1})
    EXPECT_EQ(check(both.substr(0, bytes))->kind, Kind::truncated) << bytes;
}

TEST(MachObject, NumbersThatLieAreNotFollowed) {
  std::string file = bundle();
  put(file, kHeader + 40, UINT64_MAX, 8);
  EXPECT_EQ(check(file)->kind, Kind::truncated);
  file = bundle();
  put(file, 20, UINT32_MAX, 4); // sizeofcmds
  EXPECT_EQ(check(file)->kind, Kind::not_an_object);
  file = bundle();
  put(file, kHeader + 4, 0, 4); // cmdsize
  EXPECT_EQ(check(file)->kind, Kind::not_an_object);
  file = bundle();
  put(file, 16, 1000, 4); // ncmds
  EXPECT_EQ(check(file)->kind, Kind::not_an_object);
  file = fat(bundle(), kOwn);
  put(file, 4, UINT32_MAX, 4);
  EXPECT_EQ(check(file)->kind, Kind::not_an_object);
  file = fat(bundle(), kOwn);
  put(file, 20, big(10), 4); // an image that is shorter than its header
  EXPECT_EQ(check(file)->kind, Kind::truncated);
}

} // namespace
} // namespace sporehost

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/loader/image_file.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using ::testing::HasSubstr;
using testing::TempFile;

TEST(ImageFile, MapsTheContentAndSurvivesAMove) {
  const Data content = testing::pattern(10000);
  const TempFile file(content);
  auto opened = ImageFile::open(file.path(), "initrd");
  ASSERT_TRUE(opened.ok());
  const Bytes before = opened->bytes();
  ImageFile moved = std::move(opened).value();
  EXPECT_EQ(moved.bytes().data(), before.data());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), content.begin(), content.end()));
  EXPECT_EQ(moved.name(), "initrd '" + file.path() + "'");
}

TEST(ImageFile, TellsTheOffsetOfAPart) {
  const TempFile file(testing::pattern(8192));
  auto opened = ImageFile::open(file.path(), "kernel");
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->offset_of(opened->bytes().subspan(4096, 100)), 4096u);
  const Data elsewhere(16);
  EXPECT_EQ(opened->offset_of(elsewhere), std::nullopt);
}

// What anybody may write to is taken once: neither other bytes nor fewer of them are seen later.
TEST(ImageFile, AUsersFileIsTakenOnce) {
  const Data content = testing::pattern(10000);
  const TempFile file(content);
  auto opened = ImageFile::open(file.path(), "kernel", FileOwner::anybody);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->offset_of(opened->bytes().subspan(4096, 100)), std::nullopt) << "nothing of it may be mapped";
  EXPECT_TRUE(opened->check_unchanged().ok());
  ASSERT_EQ(::truncate(file.path().c_str(), 0), 0);
  EXPECT_TRUE(std::equal(opened->bytes().begin(), opened->bytes().end(), content.begin(), content.end()));
  const auto changed = opened->check_unchanged();
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().text, HasSubstr("changed while it was read"));
}

TEST(ImageFile, OfAFileThatIsTooLargeForOneNoCopyIsMade) {
  const TempFile file(testing::pattern(8192));
  ASSERT_EQ(::truncate(file.path().c_str(), (off_t{1} << 30) + 1), 0); // sparse
  const auto disk = ImageFile::open(file.path(), "kernel", FileOwner::anybody);
  ASSERT_FALSE(disk.ok());
  EXPECT_EQ(disk.error().status, SPORE_E_RANGE);
  EXPECT_THAT(disk.error().text, HasSubstr("has 1024 MiB, and none has more than 1024; check the path"));
}

TEST(ImageFile, NamesWhatIsWrong) {
  const auto missing = ImageFile::open("/nonexistent/vmlinuz", "kernel");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(missing.error().text, HasSubstr("kernel '/nonexistent/vmlinuz': no such file"));

  const auto folder = ImageFile::open("/", "kernel");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().status, SPORE_E_INVALID);
  EXPECT_THAT(folder.error().text, HasSubstr("is a directory"));

  const TempFile empty({});
  const auto nothing = ImageFile::open(empty.path(), "initrd");
  ASSERT_FALSE(nothing.ok());
  EXPECT_THAT(nothing.error().text, HasSubstr("is empty"));
}

TEST(ImageFile, RefusesAFifoWithoutHanging) {
  const std::string path = ::testing::TempDir() + "spore-loader-fifo-" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto opened = ImageFile::open(path, "kernel");
  ::unlink(path.c_str());
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().text, HasSubstr("not a regular file"));
}

TEST(ImageFile, RefusesAFileThatItMayNotRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const TempFile file({1, 2, 3});
  ASSERT_EQ(::chmod(file.path().c_str(), 0), 0);
  const auto opened = ImageFile::open(file.path(), "kernel");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().status, SPORE_E_PERMISSION);
}

} // namespace
} // namespace sporehost::loader

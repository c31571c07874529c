// A kernel and an initrd of a user's own stay what they were when the machine started, whatever happens to their files:
// the guest (x86_64/files.c) looks at both after they have been written over and emptied. And what its plugins are
// loaded from may be replaced.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;

class FilesGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
    std::string name = (fs::temp_directory_path() / "sporehost-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    kernel_ = folder_ / "kernel.elf";
    initrd_ = folder_ / "initrd.cpio";
    fs::copy_file(image("files"), kernel_);
    std::ofstream(initrd_) << std::string(16 * 4096 + 100, 'I');
  }
  void TearDown() override {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }

  // The run, with `change` made to both files once the guest is up.
  Outcome run_with(void (*change)(const fs::path&)) const {
    SporeHost host({.guest = "files", .kernel = kernel_, .initrd = initrd_});
    EXPECT_TRUE(host.wait_for("ready"));
    change(kernel_);
    change(initrd_);
    host.type("g");
    return host.finish();
  }

  static void expect_unchanged(const Outcome& outcome) {
    EXPECT_THAT(outcome.lines(), Contains("ok the initrd has its length")) << outcome.log;
    EXPECT_THAT(outcome.lines(), Contains("ok bytes of the initrd that have changed"));
    EXPECT_THAT(outcome.lines(), Contains("ok bytes of the image that have changed"));
    EXPECT_THAT(outcome.lines(), Contains("done"));
    EXPECT_EQ(outcome.status, 0) << outcome.log;
  }

  fs::path folder_, kernel_, initrd_;
};

// As `cp new old` does, which keeps the inode.
TEST_F(FilesGuest, WrittenOverInPlace) {
  expect_unchanged(run_with([](const fs::path& path) {
    const auto size = fs::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out);
    file << std::string(size, 'X');
    ASSERT_TRUE(file.flush());
  }));
}

// As `: >file` does: pages that followed the file would be gone, and reading one would end the machine.
TEST_F(FilesGuest, Emptied) {
  expect_unchanged(run_with([](const fs::path& path) { fs::resize_file(path, 0); }));
}

// A plugin's code follows its file, so whoever replaces one that is in use renames, as docs/sdk.md says: this machine
// has its serial port from a file that is another one by the time the guest writes to it.
TEST_F(FilesGuest, APluginIsReplacedByRenaming) {
  const fs::path used = folder_ / "serial-16550.so";
  const fs::path next = folder_ / "next";
  fs::copy_file(plugin_file("serial-16550"), used);
  std::ofstream(next) << "no code at all";
  SporeHost host({.guest = "files", .kernel = kernel_, .initrd = initrd_, .plugins = folder_});
  EXPECT_TRUE(host.wait_for("ready"));
  fs::rename(next, used);
  host.type("g");
  expect_unchanged(host.finish());
}

} // namespace
} // namespace machine_guests

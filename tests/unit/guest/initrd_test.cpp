// scripts/build-initrd: the same bytes twice, an archive that cpio reads, and refusals that say why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void spill(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

struct Outcome {
  int status = -1;
  std::string text;
};

Outcome shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char piece[4096];
  for (std::size_t count = 0; (count = fread(piece, 1, sizeof piece, pipe)) > 0;) outcome.text.append(piece, count);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// The smallest file with a .modinfo section that says what the module depends on.
std::string fake_module(const std::string& depends, std::uint16_t machine = 62) {
  const std::string modinfo = std::string("license=GPL") + '\0' + "depends=" + depends + '\0';
  const std::string names = std::string("\0.modinfo\0.shstrtab\0", 20);
  std::string out(64, '\0');
  std::memcpy(out.data(),
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  auto put = [&out](std::size_t at, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
  };
  const std::size_t modinfo_at = 64;
  const std::size_t names_at = modinfo_at + modinfo.size();
  const std::size_t headers_at = names_at + names.size();
  out += modinfo + names + std::string(3 * 64, '\0');
  put(16, 1, 2);
  put(18, machine, 2);
  put(40, headers_at, 8);
  put(58, 64, 2);
  put(60, 3, 2);
  put(62, 2, 2);
  auto section = [&](std::size_t index, std::uint64_t name, std::size_t at, std::size_t size) {
    put(headers_at + index * 64, name, 4);
    put(headers_at + index * 64 + 24, at, 8);
    put(headers_at + index * 64 + 32, size, 8);
  };
  section(1, 1, modinfo_at, modinfo.size());
  section(2, 10, names_at, names.size());
  return out;
}

class InitrdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "spore-initrd-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directories(folder_ / "kernel");
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A kernel like Debian's: compressed and plain modules, one driver built in.
  void add_modules() {
    const fs::path modules = folder_ / "kernel/modules";
    spill(folder_ / "kernel/release", "6.1.0-test\n");
    spill(modules / "modules.builtin", "kernel/drivers/char/hw_random/virtio-rng.ko\n");
    spill(modules / "kernel/drivers/virtio/virtio_ring.ko", fake_module(""));
    spill(modules / "kernel/drivers/virtio/virtio.ko", fake_module("virtio_ring"));
    spill(modules / "kernel/drivers/virtio/virtio_mmio.ko", fake_module("virtio,virtio_ring"));
    spill(modules / "kernel/drivers/virtio/virtio_mem.ko", fake_module("virtio"));
    spill(modules / "kernel/drivers/char/virtio_console.ko", fake_module("virtio-ring,virtio"));
    spill(modules / "kernel/drivers/net/other.ko", fake_module("missing_one"));
    ASSERT_EQ(shell("xz -k " + (modules / "kernel/drivers/virtio/virtio_mem.ko").string() + " && rm " +
                    (modules / "kernel/drivers/virtio/virtio_mem.ko").string())
                  .status,
              0);
  }

  Outcome build(const std::string& more = "--no-busybox", const std::string& name = "out.cpio") {
    return shell(std::string(SPORE_BUILD_INITRD) + " --kernel-dir " + (folder_ / "kernel").string() + " --agent " +
                 SPORE_AGENT + " --output " + (folder_ / name).string() + " " + more);
  }
  Outcome list() { return shell("cpio -itv < " + (folder_ / "out.cpio").string()); }
  std::string content(const std::string& path) {
    return shell("cpio -i --quiet --to-stdout " + path + " < " + (folder_ / "out.cpio").string()).text;
  }

  fs::path folder_;
};

TEST_F(InitrdTest, TwoRunsGiveTheSameBytes) {
  add_modules();
  ASSERT_EQ(build("--no-busybox", "out.cpio").status, 0);
  fs::last_write_time(folder_ / "kernel/modules/kernel/drivers/virtio/virtio.ko",
                      fs::file_time_type::clock::now() - std::chrono::hours(48));
  const Outcome second = build("--no-busybox", "again.cpio");
  ASSERT_EQ(second.status, 0) << second.text;
  const std::string bytes = slurp(folder_ / "out.cpio");
  EXPECT_GT(bytes.size(), 100'000u);
  EXPECT_TRUE(bytes == slurp(folder_ / "again.cpio"));
}

TEST_F(InitrdTest, ModulesComeInTheOrderOfTheirDependencies) {
  add_modules();
  const Outcome outcome = build();
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_THAT(content("etc/sporehost/modules"), HasSubstr("kernel/drivers/virtio/virtio_ring.ko\n"
                                                          "kernel/drivers/virtio/virtio.ko\n"
                                                          "kernel/drivers/virtio/virtio_mmio.ko\n"
                                                          "kernel/drivers/char/virtio_console.ko\n"
                                                          "---\n"
                                                          "kernel/drivers/virtio/virtio_mem.ko\n"));
  EXPECT_EQ(content("lib/modules/6.1.0-test/kernel/drivers/virtio/virtio_mem.ko"), fake_module("virtio"));
  const Outcome names = list();
  EXPECT_THAT(names.text, Not(HasSubstr("virtio-rng")));
  EXPECT_THAT(names.text, Not(HasSubstr("other.ko")));
  EXPECT_THAT(names.text, HasSubstr("dev/console"));
  EXPECT_THAT(names.text, Not(HasSubstr("busybox")));
}

TEST_F(InitrdTest, TheAgentIsInit) {
  ASSERT_EQ(build().status, 0);
  EXPECT_TRUE(content("init") == slurp(SPORE_AGENT));
  EXPECT_THAT(list().text, HasSubstr("-rwxr-xr-x   1 root     root"));
  EXPECT_THAT(list().text, Not(HasSubstr("lib/modules")));
}

TEST_F(InitrdTest, BusyboxKnowsEveryAppletThatIsLinked) {
  const Outcome outcome = build("");
  if (outcome.text.find("no busybox found") != std::string::npos) GTEST_SKIP() << outcome.text;
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  spill(folder_ / "busybox", content("bin/busybox"));
  fs::permissions(folder_ / "busybox", fs::perms::owner_all);
  const std::string known = "\n" + shell((folder_ / "busybox").string() + " --list").text;
  std::istringstream lines(shell("cpio -it --quiet < " + (folder_ / "out.cpio").string()).text);
  int applets = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("bin/") || line == "bin/busybox") continue;
    EXPECT_THAT(known, HasSubstr("\n" + line.substr(4) + "\n"));
    ++applets;
  }
  EXPECT_GT(applets, 50);
}

TEST_F(InitrdTest, ExtraFilesAndFolders) {
  spill(folder_ / "extra/a.txt", "one");
  spill(folder_ / "extra/b/c.txt", "two");
  const Outcome outcome = build("--no-busybox --extra " + (folder_ / "extra").string() + "=/opt/data");
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_EQ(content("opt/data/b/c.txt"), "two");
}

TEST_F(InitrdTest, RefusalsSayWhy) {
  add_modules();
  EXPECT_THAT(build("--no-busybox --extra nonsense").text, HasSubstr("HOST=GUEST"));
  EXPECT_THAT(build("--no-busybox --extra /etc/hostname=../../x").text, HasSubstr("not a path inside"));
  EXPECT_THAT(build("--no-busybox --module other").text, HasSubstr("no module missing_one, which other depends on"));
  EXPECT_THAT(build("--no-busybox --agent /dev/null").text, HasSubstr("not a 64-bit"));
  EXPECT_THAT(build("--no-busybox --kernel-dir /no/such").text, HasSubstr("no such kernel directory"));
  EXPECT_FALSE(fs::exists(folder_ / "out.cpio")) << "a refusal leaves no output";
  spill(folder_ / "kernel/modules/kernel/drivers/virtio/virtio_ring.ko", fake_module("", 183));
  spill(folder_ / "kernel/modules/kernel/drivers/virtio/virtio_ring.ko", "damaged");
  EXPECT_EQ(build().status, 1);
}

TEST_F(InitrdTest, ArchitecturesAreNotMixed) {
  add_modules();
  spill(folder_ / "kernel/modules/kernel/drivers/virtio/virtio_ring.ko", fake_module("", 243));
  const Outcome outcome = build();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.text, HasSubstr("the agent is for"));
}

} // namespace

// scripts/ensure-managed-kernel and the resolver: the same verdicts, in the same words, on the same kernels.
#include <gmock/gmock.h>

#include <map>

#include "core/kernel/sha256.hpp"
#include "core/system/program.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kHelper = fs::path(SPORE_SOURCE_FOLDER) / "scripts/ensure-managed-kernel";

// What the script says: its description, or its error without the script's name.
struct Said {
  bool accepted = false;
  std::string text;
};

Said run_helper(const std::vector<std::string>& arguments, std::vector<std::string> variables = {}) {
  const auto outcome = run_program({.program = kHelper, .arguments = arguments, .environment = std::move(variables)});
  if (!outcome) return {false, outcome.error().text};
  if (outcome->succeeded()) return {true, outcome->output};
  const std::string mark = "ensure-managed-kernel: error: ";
  const size_t at = outcome->errors.find(mark);
  std::string text = at == std::string::npos ? outcome->errors : outcome->errors.substr(at + mark.size());
  return {false, text.substr(0, text.find('\n'))};
}

struct Row {
  std::string name;
  std::string config;                    // "-": no file
  std::vector<std::string> modules = {}; // of an initrd beside the kernel; empty: no initrd
  std::string arch = "x86_64";
  std::string image = make_image();
  std::string digests = {};  // content of the file sha256; empty: no file
  std::string unpacked = {}; // a vmlinux beside the image
};

std::vector<Row> rows() {
  const std::string all_modules = "CONFIG_VIRTIO_MEM=m\nCONFIG_VIRTIO_MMIO=m\nCONFIG_VIRTIO_CONSOLE=m\n";
  const std::string arm_image = std::string(56, '\0') + "ARM\x64" + std::string(600, '\0');
  std::vector<Row> table = {
      {"good", good_config()},
      {"carriage returns", "CONFIG_X=y\r\n" + good_config()},
      {"a later line counts", good_config() + "CONFIG_CONTIG_ALLOC=n\n"},
      {"an indented line does not", changed_config("CONTIG_ALLOC", " CONFIG_CONTIG_ALLOC=y")},
      {"a value with quotes", changed_config("CONTIG_ALLOC", "CONFIG_CONTIG_ALLOC=\"y\"")},
      {"a value with a blank", changed_config("CONTIG_ALLOC", "CONFIG_CONTIG_ALLOC=y ")},
      {"not a configuration", "<html>CONFIG_X=y</html>\n"},
      {"an empty configuration", ""},
      {"no configuration", "-"},
      {"an embedded configuration", "-", {}, "x86_64", make_image(good_config())},
      {"an embedded configuration that lacks a symbol", "-", {}, "x86_64", make_image(changed_config("VIRTIO_MEM"))},
      {"DEFAULT_ONLINE is stood in for", changed_config("MEMORY_HOTPLUG_DEFAULT_ONLINE")},
      {"a module without an initrd", changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m")},
      {"a module that the initrd has",
       changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"),
       {"lib/modules/6/k/virtio_mem.ko"}},
      {"a module with a dash, compressed",
       changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"),
       {"lib/modules/6/virtio-mem.ko.xz"}},
      {"a module that lies elsewhere", changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"), {"opt/virtio_mem.ko"}},
      {"three modules, one missing",
       changed_config("VIRTIO_M", all_modules),
       {"lib/modules/6/virtio_mem.ko", "lib/modules/6/virtio_mmio.ko"}},
      {"HOTREMOVE as a module", changed_config("MEMORY_HOTREMOVE", "CONFIG_MEMORY_HOTREMOVE=m"), {"init"}},
      {"ACPI instead of the command line", changed_config("VIRTIO_MMIO_CMDLINE_DEVICES", "CONFIG_ACPI=y")},
      {"neither", changed_config("VIRTIO_MMIO_CMDLINE_DEVICES")},
      {"another architecture's configuration", changed_config("X86_64", "CONFIG_ARM64=y")},
      {"another architecture's kernel", good_config(), {}, "x86_64", arm_image},
      {"arm64", changed_config("X86_64", "CONFIG_ARM64=y"), {}, "arm64", arm_image},
      {"arm64 configured for x86-64", good_config(), {}, "arm64", arm_image},
      {"x86-64 kernel on arm64", good_config(), {}, "arm64"},
      {"no kernel at all", good_config(), {}, "x86_64", "-"},
      {"a short file", good_config(), {}, "x86_64", "MZ"},
      {"good digests",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256(make_image()) + "  bzImage\n" + sha256(good_config()) + " *config\n"},
      {"a wrong digest",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256("other") + "  bzImage\n" + sha256(good_config()) + "  config\n"},
      {"a wrong digest of the configuration",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256(make_image()) + "  bzImage\n" + sha256("other") + "  config\n"},
      {"a digest is missing", good_config(), {}, "x86_64", make_image(), sha256(make_image()) + "  bzImage\n"},
      {"unpacked, with good digests",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256(make_image()) + "  bzImage\n" + sha256(good_config()) + "  config\n" + sha256(vmlinux_of(make_image())) +
           "  vmlinux\n",
       vmlinux_of(make_image())},
      {"unpacked, and the packed one is another",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256("other") + "  bzImage\n" + sha256(good_config()) + "  config\n" + sha256(vmlinux_of(make_image())) +
           "  vmlinux\n",
       vmlinux_of(make_image())},
      {"unpacked, and changed since",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256(make_image()) + "  bzImage\n" + sha256(good_config()) + "  config\n" + sha256("other") + "  vmlinux\n",
       vmlinux_of(make_image())},
      {"unpacked, and the packed one is not listed",
       good_config(),
       {},
       "x86_64",
       make_image(),
       sha256(good_config()) + "  config\n" + sha256(vmlinux_of(make_image())) + "  vmlinux\n",
       vmlinux_of(make_image())},
      {"several problems", changed_config("MEMORY_HOTPLUG") + "CONFIG_VIRTIO_CONSOLE=m\nCONFIG_X86_64=n\n"}};
  for (const char* symbol : {"BLK_DEV_INITRD", "MEMORY_HOTPLUG", "MEMORY_HOTREMOVE", "CONTIG_ALLOC",
                             "EXCLUSIVE_SYSTEM_RAM", "VIRTIO_MEM", "VIRTIO_MMIO", "VIRTIO_CONSOLE"})
    table.push_back({std::string("without ") + symbol, changed_config(symbol)});
  return table;
}

TEST(ShellAgreement, OnATableOfKernels) {
  size_t accepted = 0, refused = 0;
  for (const Row& row : rows()) {
    const TempFolder folder;
    fs::create_directories(folder.path());
    if (row.image != "-") put(folder.path() / "bzImage", row.image);
    if (!row.unpacked.empty()) put(folder.path() / "vmlinux", row.unpacked);
    if (row.config != "-") put(folder.path() / "config", row.config);
    if (!row.modules.empty()) put(folder.path() / "initrd.cpio", make_cpio(row.modules));
    if (!row.digests.empty()) put(folder.path() / "sha256", row.digests);
    put(folder.path() / "release", "6.1.1\n");
    FolderRequest request;
    request.folder = folder.path();
    request.arch = row.arch;
    request.cmdline_may_stand_in = true;
    const auto kernel = read_kernel_folder(request);
    const Said said = run_helper({"--check", folder.path().string(), "--arch", row.arch});
    EXPECT_EQ(said.accepted, kernel.ok()) << row.name << ": " << said.text;
    EXPECT_EQ(said.text, kernel.ok() ? describe(*kernel) : kernel.error().text) << row.name;
    ++(kernel.ok() ? accepted : refused);
  }
  EXPECT_GE(accepted, 9u);
  EXPECT_GE(refused, 20u);
}

class ShellResolverTest : public ResolverTest {
 protected:
  Said helper(const std::vector<std::string>& arguments = {}) {
    return run_helper(arguments,
                      {"SPOREHOST_CACHE=" + settings_.cache.string(), "SPOREHOST_KERNEL_SOURCES=cache,release",
                       "SPOREHOST_KERNEL_BASE_URL=" + server_.url(), "SPOREHOST_KERNEL_REPOSITORY=acme/kernels",
                       "SPOREHOST_KERNEL_TAG=v1", "SPOREHOST_KERNEL_VERSION=6.1.1",
                       "SPOREHOST_AGENT=", "SPOREHOST_OFFLINE=", "SPOREHOST_KERNEL_SHA256="});
  }
};

TEST_F(ShellResolverTest, WhatItFetchesIsAHitForTheProgram) {
  publish(make_image({}, 50'000), good_config());
  const Said said = helper({"--arch", "x86_64"});
  ASSERT_TRUE(said.accepted) << said.text;
  const size_t before = server_.seen().size();
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(server_.seen().size(), before);
  EXPECT_EQ(helper({"--arch", "x86_64"}).text, describe(*kernel)); // now a hit for both
  EXPECT_THAT(said.text, HasSubstr("note: cache: nothing in"));
  EXPECT_EQ(fs::status(kernel->image).permissions() & fs::perms::mask, fs::perms(0444));
}

TEST_F(ShellResolverTest, WhatTheProgramFetchesIsAHitForIt) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  const size_t before = server_.seen().size();
  EXPECT_TRUE(helper({"--arch", "x86_64", "--offline"}).accepted);
  EXPECT_EQ(server_.seen().size(), before);
}

TEST_F(ShellResolverTest, PutsTheSameIntoTheCache) {
  const auto contents = [this] {
    std::map<std::string, std::string> files;
    for (const std::string& name : files_below(entry())) files[name] = get(entry() / name);
    return files;
  };
  for (const bool only_inside : {false, true}) {
    publish(make_image(good_config()), good_config());
    if (only_inside) server_.set(asset_ + ".config", {Reply{.status = 404}});
    ASSERT_TRUE(run().ok());
    const auto of_the_program = contents();
    fs::remove_all(entry());
    ASSERT_TRUE(helper({"--arch", "x86_64"}).accepted);
    EXPECT_EQ(contents(), of_the_program);
    EXPECT_TRUE(of_the_program.contains("vmlinux"));
    EXPECT_EQ(of_the_program.at("config"), good_config());
    fs::remove_all(entry());
  }
}

TEST_F(ShellResolverTest, RefusesAsTheProgramDoes) {
  const auto both = [&](const std::string& what) {
    const Said said = helper({"--arch", "x86_64"});
    const auto kernel = run();
    ASSERT_FALSE(kernel.ok()) << what;
    EXPECT_FALSE(said.accepted) << what;
    EXPECT_EQ(said.text, kernel.error().text.substr(0, kernel.error().text.find('\n'))) << what;
    EXPECT_FALSE(fs::exists(entry())) << what;
  };
  publish(make_image(), changed_config("CONTIG_ALLOC"));
  both("missing symbol");
  publish(make_image(), good_config());
  server_.set(asset_ + ".sha256", sha256("other"));
  both("wrong digest");
  publish(make_image(), good_config());
  server_.set(asset_ + ".config", {Reply{.status = 404}});
  both("no configuration");
  publish(make_image(changed_config("VIRTIO_MEM")), good_config());
  both("contradiction");
  publish("not a kernel", good_config());
  both("not a kernel");
  server_.set(asset_ + ".sha256", {Reply{.status = 404}});
  both("no release");
}

TEST_F(ShellResolverTest, RepairsATamperedCacheAndResumes) {
  const std::string image = make_image({}, 100'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stop_after = 40'000}, Reply{.body = image}});
  ASSERT_FALSE(helper({"--arch", "x86_64"}).accepted && server_.count(asset_) < 2);
  ASSERT_TRUE(helper({"--arch", "x86_64"}).accepted);
  fs::remove(entry() / "bzImage");
  put(entry() / "bzImage", make_image());
  EXPECT_THAT(helper({"--arch", "x86_64", "--offline"}).text, HasSubstr("has been changed: 'bzImage'"));
  const Said repaired = helper({"--arch", "x86_64"});
  EXPECT_TRUE(repaired.accepted) << repaired.text;
  EXPECT_THAT(repaired.text, HasSubstr("note: cache: managed kernel"));
  EXPECT_EQ(get(entry() / "bzImage"), image);
}

} // namespace
} // namespace sporehost::kernel::testing

// Folders that lie ready, and the sources that are scripts, played by scripts of the test.
#include <gmock/gmock.h>

#include <cstdlib>

#include "core/kernel/sha256.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string debian_config() {
  return changed_config("VIRTIO_M",
                        "CONFIG_VIRTIO_MEM=m\nCONFIG_VIRTIO_MMIO=m\nCONFIG_ACPI=y\nCONFIG_VIRTIO_CONSOLE=m");
}

class SourceTest : public ResolverTest {
 protected:
  SourceTest() {
    settings_.scripts = folder_.path() / "scripts";
    settings_.agent = SPORE_KERNEL_PROGRAM; // any program for this machine
  }
  // A script that does `body`; it may use $1, $2, ...
  void script(const std::string& name, const std::string& body) {
    put(settings_.scripts / name, "#!/bin/sh\nset -e\n" + body + "\n");
    fs::permissions(settings_.scripts / name, fs::perms(0755));
  }
  fs::path packaged(const std::string& name, const std::string& config) {
    const fs::path folder = folder_.path() / "packages" / name;
    put(folder / "vmlinuz", make_image());
    put(folder / "config", config);
    put(folder / "release", "6.1.0-9-cloud\n");
    put(folder / "modules/kernel/virtio_mem.ko", "module");
    return folder;
  }
  // build-initrd --kernel-dir DIR --agent FILE --output FILE
  void initrd_script(const std::vector<std::string>& names) {
    put(folder_.path() / "ready.cpio", make_cpio(names));
    script("build-initrd", "test -d \"$2/modules\"\ncp '" + (folder_.path() / "ready.cpio").string() + "' \"$6\"");
  }
};

TEST_F(SourceTest, TheDistributionsModulesNeedTheInitrd) {
  const fs::path package = packaged("debian-x86_64-6.1.9", changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"));
  script("fetch-debian-kernel", "echo noise >&2\necho '" + package.string() + "'");
  settings_.sources = {"cache", "distribution"};
  initrd_script({"init"});
  const auto without = run();
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().text, HasSubstr("no managed initrd carries the module virtio_mem"));
  EXPECT_THAT(without.error().text, HasSubstr("(distribution Debian)"));

  fs::remove_all(settings_.initrd_cache);
  initrd_script({"init", "lib/modules/6.1.0-9-cloud/kernel/virtio_mem.ko"});
  const auto with = run();
  ASSERT_TRUE(with.ok()) << with.error().text;
  EXPECT_THAT(with->stand_ins, ElementsAre("the module virtio_mem in the initrd stands in for CONFIG_VIRTIO_MEM=y"));
  EXPECT_EQ(with->directory, settings_.cache / "managed/x86_64/distribution-debian-x86_64-6.1.9");
  EXPECT_EQ(with->release, "6.1.0-9-cloud");
  ASSERT_TRUE(with->initrd.has_value());
  EXPECT_THAT(*with->initrd, HasSubstr((settings_.initrd_cache / "distribution-debian-x86_64-6.1.9-").string()));

  // From the cache, without a script.
  script("fetch-debian-kernel", "exit 1");
  script("build-initrd", "exit 1");
  settings_.offline = true;
  const auto hit = run();
  ASSERT_TRUE(hit.ok()) << hit.error().text;
  EXPECT_EQ(hit->initrd, with->initrd);
}

TEST_F(SourceTest, ADistributionMayLackDefaultOnline) {
  const fs::path package = packaged("debian-x86_64-6.1.9", changed_config("MEMORY_HOTPLUG_DEFAULT_ONLINE"));
  script("fetch-debian-kernel", "echo '" + package.string() + "'");
  initrd_script({"init"});
  settings_.sources = {"cache", "distribution"};
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->cmdline, "memhp_default_state=online");
  EXPECT_THAT(describe(*kernel), HasSubstr("stand-in: memhp_default_state=online on the command line stands in for "
                                           "CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE=y\n"));
}

TEST_F(SourceTest, TheNextSourceIsAskedAndTheReasonKept) {
  script("fetch-debian-kernel", "echo 'fetch-debian-kernel: error: no mirror' >&2\nexit 1");
  const fs::path built = packaged("build-noacpi-1234", good_config());
  put(built / "sha256", sha256(make_image()) + "  vmlinuz\n");
  script("build-kernel", "test \"$1 $2\" = '--flavour noacpi'\necho '" + built.string() + "'");
  initrd_script({"init"});
  settings_.sources = {"cache", "release", "distribution", "build"};
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->source, "build noacpi");
  EXPECT_THAT(kernel->notes,
              ElementsAre(HasSubstr("cache: nothing"), HasSubstr("release acme/kernels v1: http"),
                          "distribution Debian: '" + (settings_.scripts / "fetch-debian-kernel").string() +
                              "' ended with status 1: no mirror"));
}

TEST_F(SourceTest, ABuildThatWasTamperedWithIsRefused) {
  const fs::path built = packaged("build-noacpi-1234", good_config());
  put(built / "sha256", sha256("other") + "  vmlinuz\n");
  script("build-kernel", "echo '" + built.string() + "'");
  settings_.sources = {"build"};
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("has been changed since it was made"));
}

TEST_F(SourceTest, ABuildIsForX86Only) {
  settings_.sources = {"build"};
  settings_.arch = "arm64";
  EXPECT_THAT(run().error().text, HasSubstr("it makes kernels for x86_64 only"));
}

TEST_F(SourceTest, OfflineScriptsAreAskedForWhatTheyHave) {
  script("fetch-debian-kernel",
         "test \"$3\" = --print-dir && echo '" + packaged("debian-x86_64-1", good_config()).string() + "'");
  initrd_script({"init"});
  settings_.sources = {"cache", "distribution"};
  settings_.offline = true;
  EXPECT_TRUE(run().ok());
}

// For the cases that go through the process's environment.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_F(SourceTest, AFolderThatLiesReady) {
  const Variable cache("SPOREHOST_CACHE", settings_.cache.string());
  const fs::path ready = folder_.path() / "ready";
  put(ready / "bzImage", make_image());
  put(ready / "config", debian_config());
  put(ready / "release", "6.1.0\n");
  ManagedKernelConfig config;
  config.directory = ready;
  const auto without = find_managed_kernel(config);
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().text, HasSubstr("(folder " + ready.string() + ") cannot be accepted"));

  put(ready / "initrd.cpio",
      make_cpio({"lib/modules/6/virtio_mem.ko", "lib/modules/6/virtio_mmio.ko", "lib/modules/6/virtio_console.ko"}));
  const auto kernel = find_managed_kernel(config);
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->initrd, (ready / "initrd.cpio").string());
  EXPECT_EQ(kernel->sha256, "");
  EXPECT_EQ(kernel->stand_ins.size(), 3u);
  EXPECT_TRUE(kernel->config.built_in("CONFIG_ACPI"));

  // With digests, they count.
  put(ready / "sha256", sha256("other") + "  bzImage\n" + sha256(debian_config()) + "  config\n");
  EXPECT_THAT(find_managed_kernel(config).error().text, HasSubstr("has been changed"));

  // Named, but empty: no other one is taken in its place.
  config.directory = folder_.path() / "empty";
  EXPECT_THAT(find_managed_kernel(config).error().text, HasSubstr("there is no kernel in"));
  config.directory.reset();
  const Variable named("SPOREHOST_MANAGED_DIR", (folder_.path() / "nowhere").string());
  EXPECT_THAT(find_managed_kernel(config).error().text, HasSubstr("nowhere"));
}

} // namespace
} // namespace sporehost::kernel::testing

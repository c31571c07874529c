// The pure parts: configurations, the list of symbols, modules in an initrd, settings.
#include <gmock/gmock.h>

#include "core/kernel/initrd_modules.hpp"
#include "core/kernel/required_symbols.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

loader::Bytes bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(KernelConfigText, ReadsWhatKconfigWrites) {
  const auto config = KernelConfig::parse(
      "# comment\nCONFIG_A=y\nCONFIG_B=m\r\n# CONFIG_C is not set\nCONFIG_D=\"a=b\"\n CONFIG_E=y\nCONFIG_F\nCONFIG_=y\n"
      "CONFIG_G-H=y\nCONFIG_A2=y\nCONFIG_A2=n\nCONFIG_LAST=y");
  EXPECT_EQ(config.value("CONFIG_A"), "y");
  EXPECT_EQ(config.value("CONFIG_B"), "m");
  EXPECT_EQ(config.value("CONFIG_C"), "n");
  EXPECT_EQ(config.value("CONFIG_D"), "\"a=b\"");
  for (const char* absent : {"CONFIG_E", "CONFIG_F", "CONFIG_", "CONFIG_G-H"}) EXPECT_EQ(config.value(absent), "n");
  EXPECT_EQ(config.value("CONFIG_A2"), "n");
  EXPECT_TRUE(config.built_in("CONFIG_LAST"));
  EXPECT_TRUE(KernelConfig::parse("nothing here").empty());
}

TEST(RequiredSymbols, TheBuiltInListHasTheContract) {
  std::vector<std::string> names;
  for (const auto& symbol : required_symbols()) names.insert(names.end(), symbol.any_of.begin(), symbol.any_of.end());
  EXPECT_THAT(names, ::testing::IsSupersetOf({"CONFIG_MEMORY_HOTPLUG", "CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE",
                                              "CONFIG_MEMORY_HOTREMOVE", "CONFIG_CONTIG_ALLOC",
                                              "CONFIG_EXCLUSIVE_SYSTEM_RAM", "CONFIG_VIRTIO_MEM"}));
}

TEST(RequiredSymbols, RefusesADamagedList) {
  for (const char* bad : {"", "# only words\n", "CONFIG_A all -\n", "CONFIG_A mips - why\n",
                          "CONFIG_A all module= why\n", "CONFIG_A all perhaps why\n", "CONFIG_A\n"})
    EXPECT_FALSE(parse_required_symbols(bad).ok()) << bad;
}

TEST(RequiredSymbols, SaysWhatStoodIn) {
  const auto config = KernelConfig::parse(changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"));
  const auto verdict = check_symbols(config, required_symbols(), {"x86_64", {"virtio_mem"}, false});
  EXPECT_TRUE(verdict.problems.empty());
  EXPECT_THAT(verdict.stand_ins, ElementsAre("the module virtio_mem in the initrd stands in for CONFIG_VIRTIO_MEM=y"));
  const auto online = check_symbols(KernelConfig::parse(changed_config("MEMORY_HOTPLUG_DEFAULT_ONLINE")),
                                    required_symbols(), {"x86_64", {}, true});
  EXPECT_TRUE(online.problems.empty());
  EXPECT_EQ(online.cmdline, "memhp_default_state=online");
}

TEST(RequiredSymbols, OneOfSeveralIsEnough) {
  const auto acpi = changed_config("VIRTIO_MMIO_CMDLINE_DEVICES", "CONFIG_ACPI=y");
  EXPECT_TRUE(check_symbols(KernelConfig::parse(acpi), required_symbols(), {"x86_64", {}, false}).problems.empty());
  const auto neither = check_symbols(KernelConfig::parse(changed_config("VIRTIO_MMIO_CMDLINE_DEVICES")),
                                     required_symbols(), {"x86_64", {}, false});
  EXPECT_THAT(
      neither.problems,
      ElementsAre("CONFIG_ACPI is not set and CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES is not set (devices are found)"));
}

TEST(InitrdModules, FindsThemByName) {
  const std::string archive =
      make_cpio({"init", "lib/modules/6.1/kernel/drivers/virtio/virtio_mem.ko", "./lib/modules/6.1/virtio-mmio.ko.xz",
                 "etc/virtio_rng.ko", "lib/modules/6.1/modules.dep"});
  const auto modules = list_initrd_modules(bytes(archive));
  ASSERT_TRUE(modules.ok()) << modules.error().text;
  EXPECT_THAT(*modules, ElementsAre("virtio_mem", "virtio_mmio"));
}

TEST(InitrdModules, RefusesEveryTruncation) {
  const std::string archive = make_cpio({"init", "lib/modules/6.1/virtio_mem.ko"});
  const size_t trailer = archive.rfind("TRAILER!!!") + 11;
  for (size_t size = 0; size < trailer; ++size)
    EXPECT_FALSE(list_initrd_modules(bytes(archive.substr(0, size))).ok()) << size;
  EXPECT_TRUE(list_initrd_modules(bytes(archive.substr(0, trailer))).ok());
}

TEST(InitrdModules, SurvivesSizesThatLie) {
  std::string archive = make_cpio({"init"});
  archive.replace(6 + 8 * 6, 8, "ffffffff");
  EXPECT_FALSE(list_initrd_modules(bytes(archive)).ok());
  archive = make_cpio({"init"});
  archive.replace(6 + 8 * 11, 8, "ffffffff");
  EXPECT_FALSE(list_initrd_modules(bytes(archive)).ok());
  archive.replace(6 + 8 * 11, 8, "0000000 ");
  EXPECT_FALSE(list_initrd_modules(bytes(archive)).ok());
}

TEST(Settings, EnvironmentBeforeFileBeforeDefaults) {
  ManagedKernelConfig file;
  file.release.repository = "acme/kernels";
  file.release.tag = "v1";
  file.cache = "/file/cache";
  std::map<std::string, std::string> variables{{"HOME", "/home/me"}, {"SPOREHOST_KERNEL_TAG", "v2"}};
  const auto read = [&](const char* name) { return variables[name]; };
  auto settings = kernel_settings(file, "amd64", read);
  ASSERT_TRUE(settings.ok()) << settings.error().text;
  EXPECT_EQ(settings->arch, "x86_64");
  EXPECT_EQ(settings->release.repository, "acme/kernels");
  EXPECT_EQ(settings->release.tag, "v2");
  EXPECT_EQ(settings->release.version, "6.1.155");
  EXPECT_EQ(settings->cache, "/file/cache");
  EXPECT_THAT(settings->sources, ElementsAre("cache", "release", "distribution", "build"));
  variables["SPOREHOST_CACHE"] = "/env/cache";
  variables["SPOREHOST_KERNEL_SOURCES"] = "cache,build";
  variables["SPOREHOST_OFFLINE"] = "1";
  settings = kernel_settings(file, "", read);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->cache, "/env/cache");
  EXPECT_EQ(settings->initrd_cache, "/env/cache/initrds");
  EXPECT_THAT(settings->sources, ElementsAre("cache", "build"));
  EXPECT_TRUE(settings->offline);
}

TEST(Settings, RefusesWhatCannotBe) {
  const auto error = [](const std::string& name, const std::string& value) {
    const auto settings = kernel_settings({}, "", [&](const char* asked) {
      return asked == name ? value : asked == std::string("HOME") ? std::string("/home/me") : std::string();
    });
    return settings.ok() ? std::string("accepted") : settings.error().text;
  };
  EXPECT_THAT(error("SPOREHOST_KERNEL_SOURCES", "cache,relase"), HasSubstr("did you mean 'release'?"));
  EXPECT_THAT(error("SPOREHOST_KERNEL_REPOSITORY", "../../etc"), HasSubstr("is not usable"));
  EXPECT_THAT(error("SPOREHOST_KERNEL_TAG", "v1/x"), HasSubstr("is not usable"));
  EXPECT_THAT(error("SPOREHOST_KERNEL_SHA256", "abc"), HasSubstr("is not a SHA-256 digest"));
  EXPECT_THAT(error("SPOREHOST_OFFLINE", "maybe"), HasSubstr("expected 1 or 0"));
  EXPECT_THAT(error("SPOREHOST_KERNEL_FLAVOUR", "tiny"), HasSubstr("use acpi or noacpi"));
}

// A system unit has no HOME. Only who needs the cache is told that it has no place.
TEST(Settings, NoPlaceForTheCacheIsNoMistakeByItself) {
  const auto settings = kernel_settings({}, "", [](const char*) { return std::string(); });
  ASSERT_TRUE(settings.ok()) << settings.error().text;
  EXPECT_TRUE(settings->cache.empty());
  EXPECT_THAT(check_cache(*settings).error().text, HasSubstr("no place for the cache"));
}

} // namespace
} // namespace sporehost::kernel::testing

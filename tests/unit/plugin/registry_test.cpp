// Finding, loading and listing: which plugin gives a factory, and what is said of the files that cannot.
#include "core/plugin/registry.hpp"
#include "core/plugin/describe.hpp"
#include "tests/unit/plugin/plugin_folder.hpp"

#include <dlfcn.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sporehost::plugin::test {
namespace {

constexpr uint32_t kPolicy = SPORE_KIND_MEMORY_POLICY;

const Plugin* find_plugin(const Registry& registry, const fs::path& path) {
  for (const Plugin* plugin : registry.plugins()) {
    if (plugin->path == path) return plugin;
  }
  return nullptr;
}

TEST(Registry, LoadsOnlyTheFileOfThatName) {
  PluginFolder folder;
  folder.put("good").put("plain").write("text.so", "text");
  Registry registry(only({folder.text()}), {});
  const auto found = registry.find(kPolicy, "good");
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->plugin->path, folder.file("good.so"));
  EXPECT_EQ(found->plugin->origin(), "plugin '" + folder.text() + "/good.so' (id 'good')");
  EXPECT_EQ(registry.plugins().size(), 1U) << "plain.so and text.so need not be touched";
}

TEST(Registry, ScansWhenNoFileHasTheName) {
  PluginFolder folder;
  folder.put("good").write("text.so", "text");
  Registry registry(only({folder.text()}), {});
  const auto found = registry.find(SPORE_KIND_IO_DEVICE, "good-port");
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->plugin->path, folder.file("good.so"));
  EXPECT_EQ(registry.plugins().size(), 2U);
}

TEST(Registry, OneBadPluginHindersNoOther) {
  PluginFolder first, second;
  first.write("good.so", "not a plugin");
  second.put("good");
  Registry registry(only({first.text(), second.text()}), {});
  const auto found = registry.find(kPolicy, "good");
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->plugin->path, second.file("good.so"));
  EXPECT_EQ(find_plugin(registry, first.file("good.so"))->state, LoadState::NotElf);
}

TEST(Registry, EveryFaultHasItsStateItsRuleAndItsSentence) {
  struct Case {
    const char* file;
    LoadState state;
    int rule;
    std::string reason;
  };
  const bool x86 = SPORE_ARCH_NATIVE == SPORE_ARCH_X86_64;
  const std::vector<Case> cases = {
      {"wrong-magic", LoadState::WrongMagic, 2,
       "what its entry returns is not a sporehost descriptor: the magic is wrong"},
      {"wrong-major", LoadState::AbiMajor, 3,
       "is built against SDK 2.0, this host speaks 1.0; rebuild it with this host's SDK"},
      {"wrong-arch", LoadState::WrongArchitecture, 3,
       x86 ? "its descriptor says it is built for arm64, this host is x86-64"
           : "its descriptor says it is built for x86-64, this host is arm64"},
      {"null-descriptor", LoadState::EntryFailed, 1, "sporehost_plugin_entry returned NULL"},
      {"wild-descriptor", LoadState::WrongMagic, 2, "its entry returns a pointer to memory that cannot be read"},
      {"entry-throws", LoadState::EntryFailed, 7, "sporehost_plugin_entry threw an exception"},
      {"no-entry", LoadState::NoEntry, 1, "does not export sporehost_plugin_entry; is it a sporehost plugin?"},
      {"twice", LoadState::BadDescriptor, 4, "two factories of one kind have the id 'twice'"},
  };
  PluginFolder folder;
  for (const Case& c : cases) folder.put(c.file);
  folder.put("good");
  Registry registry(only({folder.text()}), {});
  registry.scan();
  for (const Case& c : cases) {
    const Plugin* plugin = find_plugin(registry, folder.file(std::string(c.file) + ".so"));
    ASSERT_NE(plugin, nullptr) << c.file;
    EXPECT_EQ(name_of(plugin->state), name_of(c.state)) << c.file;
    EXPECT_EQ(plugin->rule, c.rule) << c.file;
    EXPECT_EQ(plugin->reason, c.reason);
  }
  EXPECT_EQ(find_plugin(registry, folder.file("good.so"))->state, LoadState::Loaded);
}

TEST(Registry, BindsEverySymbolWhenItLoads) {
  PluginFolder folder;
  folder.put("unresolved");
  Registry registry(only({folder.text()}), {});
  registry.scan();
  const Plugin* plugin = registry.plugins().at(0);
  EXPECT_EQ(plugin->state, LoadState::LoadFailed);
  EXPECT_NE(plugin->reason.find("the dynamic linker refused it: "), std::string::npos);
  EXPECT_NE(plugin->reason.find("undefined symbol: nowhere_to_be_found"), std::string::npos) << plugin->reason;
}

TEST(Registry, ATruncatedPluginIsRefusedBeforeItIsMapped) {
  PluginFolder folder;
  folder.write("cut.so", content_of(fixture("good")).substr(0, 9000));
  Registry registry(only({folder.text()}), {});
  registry.scan();
  EXPECT_EQ(registry.plugins().at(0)->state, LoadState::Truncated);
}

TEST(Registry, AcceptsANewerMinor) {
  PluginFolder folder;
  folder.put("newer-minor");
  Registry registry(only({folder.text()}), {});
  ASSERT_TRUE(registry.find(kPolicy, "newer-minor").ok());
  const auto unknown = registry.find(99, "unheard-of");
  ASSERT_TRUE(unknown.ok()) << unknown.error().text;
  EXPECT_EQ(unknown->plugin->descriptor.abi_minor, 7);
}

TEST(Registry, AnOlderMinorIsNoError) {
  PluginFolder folder;
  folder.put("old-minor");
  Registry registry(only({folder.text()}), {}, HostAbi{1, 5});
  const auto found = registry.find(kPolicy, "old-minor");
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->plugin->state, LoadState::AbiMinorOlder);
  EXPECT_EQ(found->plugin->reason,
            "is built against SDK 1.0, this host speaks 1.5; it works, newer services go unused");
}

TEST(Registry, TheFirstOfTwoWinsAndTheOtherIsListed) {
  PluginFolder first, second;
  first.put("good");
  second.put("good");
  Registry registry(only({first.text(), second.text()}), {});
  registry.scan();
  const auto found = registry.find(kPolicy, "good");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->plugin->path, first.file("good.so"));
  const Plugin* shadowed = find_plugin(registry, second.file("good.so"));
  EXPECT_EQ(shadowed->state, LoadState::DuplicateId);
  EXPECT_EQ(shadowed->reason, "memory-policy 'good' is taken from " + first.text() +
                                  "/good.so; io-device 'good-port' is taken from " + first.text() + "/good.so");
}

// A start, which stops at the file's name, and a list, which sees all, must not disagree.
TEST(Registry, AFileOfTheFactorysNameGoesBeforeOthers) {
  PluginFolder first, second;
  first.put("good", "acme");
  second.put("good");
  Registry lazy(only({first.text(), second.text()}), {});
  Registry eager(only({first.text(), second.text()}), {});
  eager.scan();
  EXPECT_EQ(lazy.find(kPolicy, "good")->plugin->path, second.file("good.so"));
  EXPECT_EQ(eager.find(kPolicy, "good")->plugin->path, second.file("good.so"));
  EXPECT_EQ(eager.find(SPORE_KIND_IO_DEVICE, "good-port")->plugin->path, first.file("acme.so"));
  const Plugin* acme = find_plugin(eager, first.file("acme.so"));
  EXPECT_EQ(acme->state, LoadState::Loaded);
  EXPECT_EQ(acme->reason, "memory-policy 'good' is taken from " + second.text() + "/good.so");
}

TEST(Registry, NotFoundSaysWhereAndWhatElse) {
  PluginFolder folder;
  folder.put("good").write("text.so", "text");
  Registry registry(only({folder.text(), "/nowhere/at-all"}), {});
  const auto missing = registry.find(kPolicy, "gud");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().status, SPORE_E_NOT_FOUND);
  EXPECT_EQ(missing.error().text,
            "no plugin offers a memory-policy 'gud'; there is good; searched " + folder.text() +
                " (--plugin-path), /nowhere/at-all (--plugin-path; does not exist); cannot be used: " + folder.text() +
                "/text.so is not a shared object: it is shorter than an ELF header");
  EXPECT_NE(registry.find(kPolicy, "godo").error().text.find("(did you mean 'good'?)"), std::string::npos);
}

TEST(Registry, NotFoundKnowsTheOtherKind) {
  PluginFolder folder;
  folder.put("good");
  Registry registry(only({folder.text()}), {});
  EXPECT_EQ(registry.find(kPolicy, "good-port").error().text.find("'good-port' is an io-device, not a memory-policy"),
            0U)
      << registry.find(kPolicy, "good-port").error().text;
}

TEST(Registry, AnIdIsNeverAPath) {
  PluginFolder folder;
  folder.put("good");
  Registry registry(only({folder.text() + "/sub"}), {});
  for (const char* id : {"../good", "", ".", "a/b", "GOOD"}) {
    const auto found = registry.find(kPolicy, id);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().status, SPORE_E_INVALID) << id;
  }
}

TEST(Registry, AFileNamedByItsPathTakesPartInNoChoice) {
  PluginFolder folder, elsewhere;
  folder.put("plain");
  elsewhere.put("good");
  Registry registry(only({folder.text()}), {});
  EXPECT_EQ(registry.load_file(elsewhere.file("good.so")).state, LoadState::Loaded);
  EXPECT_FALSE(registry.find(kPolicy, "good").ok());
  EXPECT_EQ(registry.load_file(elsewhere.file("absent.so")).state, LoadState::NotFound);
}

TEST(Registry, UnloadsWithTheRegistry) {
  PluginFolder folder;
  folder.put("good");
  const std::string file = folder.file("good.so").string();
  {
    Registry registry(only({folder.text()}), {});
    registry.scan();
    void* loaded = ::dlopen(file.c_str(), RTLD_NOLOAD | RTLD_NOW);
    EXPECT_NE(loaded, nullptr);
    ::dlclose(loaded);
  }
  EXPECT_EQ(::dlopen(file.c_str(), RTLD_NOLOAD | RTLD_NOW), nullptr);
}

TEST(Registry, TracesEachStep) {
  PluginFolder folder;
  folder.put("good").write("text.so", "text");
  std::vector<std::string> lines;
  Registry registry(only({folder.text()}), [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(registry.find(SPORE_KIND_IO_DEVICE, "good-port").ok());
  EXPECT_EQ(lines,
            (std::vector<std::string>{"folder " + folder.text() + " (--plugin-path): 2 files",
                                      "no good-port.so has the io-device 'good-port': looking into every file",
                                      "loads " + folder.text() + "/good.so", folder.text() + "/good.so: loaded",
                                      "loads " + folder.text() + "/text.so",
                                      folder.text() + "/text.so: not-elf: is not a shared object: it is shorter than "
                                                      "an ELF header"}));
}

// A child's word: the file's id and that of its factory, and nothing else.
Examination hearsay(const fs::path& file) {
  Examination found;
  found.state = LoadState::Loaded;
  found.descriptor.id = file.stem().string();
  found.descriptor.factories.resize(1);
  found.descriptor.factories[0].kind = kPolicy;
  found.descriptor.factories[0].id = file.stem() == "good" ? "good" : "somewhere";
  return found;
}

TEST(Registry, FilesThatAreNotAskedForByNameAreExaminedAndNotLoaded) {
  PluginFolder folder;
  folder.put("good").put("plain");
  Registry registry(only({folder.text()}), {}, {}, {hearsay, false});
  ASSERT_TRUE(registry.find(kPolicy, "plain").ok());
  registry.scan();
  EXPECT_NE(find_plugin(registry, folder.file("plain.so"))->library, nullptr);
  EXPECT_EQ(find_plugin(registry, folder.file("good.so"))->library, nullptr);
  EXPECT_TRUE(registry.find(kPolicy, "good").ok());
  EXPECT_NE(find_plugin(registry, folder.file("good.so"))->library, nullptr);
}

// What it said in the child it need not say here.
TEST(Registry, APluginThatOffersSomethingElseWhenItIsLoadedIsNotFound) {
  PluginFolder folder;
  folder.put("plain").put("wrong-magic");
  Registry registry(only({folder.text()}), {}, {}, {hearsay, false});
  const auto found = registry.find(kPolicy, "somewhere");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().status, SPORE_E_NOT_FOUND);
}

TEST(Registry, NothingIsLoadedForQuestions) {
  PluginFolder folder;
  folder.put("good");
  Registry registry(only({folder.text()}), {}, {}, {hearsay, true});
  const auto found = registry.find(kPolicy, "good");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->plugin->library, nullptr);
  const auto made = registry.create(*found, {}, "{}");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().status, SPORE_E_STATE);
}

TEST(Registry, TraceIsAskedForByTheEnvironment) {
  ::unsetenv("SPOREHOST_PLUGIN_TRACE");
  EXPECT_FALSE(trace_from_environment());
  ::setenv("SPOREHOST_PLUGIN_TRACE", "1", 1);
  EXPECT_TRUE(trace_from_environment());
  ::unsetenv("SPOREHOST_PLUGIN_TRACE");
}

TEST(Describe, ListsFoldersPluginsAndFactories) {
  PluginFolder folder;
  folder.put("good").put("wrong-major").write("text.so", "\xff");
  Registry registry(only({folder.text()}), {});
  registry.scan();
  const auto all = describe(registry);
  EXPECT_EQ(all["abi"], "1.0");
  EXPECT_EQ(all["folders"][0]["why"], "--plugin-path");
  EXPECT_EQ(all["folders"][0]["files"], (nlohmann::json{"good.so", "text.so", "wrong-major.so"}));
  const auto& good = all["plugins"][0];
  EXPECT_EQ(good["id"], "good");
  EXPECT_EQ(good["version"], "1.2.3");
  EXPECT_EQ(good["abi"], "1.0");
  EXPECT_EQ(good["state"], "loaded");
  EXPECT_EQ(good["path"], folder.text() + "/good.so");
  EXPECT_EQ(good["factories"][0]["kind"], "memory-policy");
  EXPECT_EQ(good["factories"][0]["schema"]["properties"]["refuse"]["default"], false);
  EXPECT_EQ(good["factories"][1]["id"], "good-port");
  EXPECT_EQ(all["plugins"][1]["state"], "not-elf");
  const auto& major = all["plugins"][2];
  EXPECT_EQ(major["rule"], "SDK-3");
  EXPECT_FALSE(major.contains("id"));
  EXPECT_FALSE(all.dump().empty());
}

} // namespace
} // namespace sporehost::plugin::test

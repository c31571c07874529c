// Each field of a descriptor that breaks a rule is named, and no pointer in it can take the host down.
#include "core/plugin/descriptor.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

namespace sporehost::plugin {
namespace {

spore_status make_nothing(const spore_host*, spore_string, spore_object*, spore_error*) {
  return SPORE_E_UNSUPPORTED;
}

class DescriptorTest : public ::testing::Test {
 protected:
  LoadFailure refused(HostAbi host = {}) {
    auto outcome = read_descriptor(&plugin_, host);
    if (auto* failure = std::get_if<LoadFailure>(&outcome)) return *failure;
    ADD_FAILURE() << "the descriptor was accepted";
    return {LoadState::Loaded, ""};
  }
  void expect_broken(int rule, const std::string& reason) {
    const LoadFailure failure = refused();
    EXPECT_EQ(failure.state, LoadState::BadDescriptor);
    EXPECT_EQ(failure.rule, rule);
    EXPECT_EQ(failure.reason, reason);
  }

  static spore_string text(const char* text) { return {text, std::strlen(text)}; }
  static spore_factory sound() {
    spore_factory factory{};
    factory.size = sizeof factory;
    factory.kind = SPORE_KIND_IO_DEVICE;
    factory.id = text("beeper");
    factory.summary = text("beeps");
    factory.options_schema = text(R"({"type":"object"})");
    factory.create = &make_nothing;
    return factory;
  }
  spore_plugin sound_plugin() {
    spore_plugin plugin{};
    plugin.magic = SPORE_PLUGIN_MAGIC;
    plugin.size = sizeof plugin;
    plugin.abi_major = SPORE_ABI_MAJOR;
    plugin.abi_minor = SPORE_ABI_MINOR;
    plugin.arch = SPORE_ARCH_NATIVE;
    plugin.factory_count = 1;
    plugin.id = text("beeper");
    plugin.version = text("1.0.0");
    plugin.factories = factories_;
    return plugin;
  }

  spore_factory factory_ = sound();
  spore_factory other_ = factory_;
  const spore_factory* factories_[2] = {&factory_, &other_};
  spore_plugin plugin_ = sound_plugin();
  const char* const wild_ = reinterpret_cast<const char*>(16);
};

TEST_F(DescriptorTest, CopiesASoundOne) {
  auto outcome = read_descriptor(&plugin_);
  ASSERT_TRUE(std::holds_alternative<Descriptor>(outcome));
  const Descriptor& read = std::get<Descriptor>(outcome);
  EXPECT_EQ(read.id, "beeper");
  EXPECT_EQ(read.version, "1.0.0");
  ASSERT_EQ(read.factories.size(), 1U);
  EXPECT_EQ(read.factories[0].kind, uint32_t{SPORE_KIND_IO_DEVICE});
  EXPECT_EQ(read.factories[0].summary, "beeps");
  EXPECT_EQ(read.factories[0].make, &make_nothing);
}

TEST_F(DescriptorTest, Magic) {
  plugin_.magic ^= 1;
  EXPECT_EQ(refused().state, LoadState::WrongMagic);
  auto outcome = read_descriptor(reinterpret_cast<const spore_plugin*>(wild_));
  EXPECT_EQ(std::get<LoadFailure>(outcome).reason, "its entry returns a pointer to memory that cannot be read");
}

TEST_F(DescriptorTest, MajorMustBeEqual) {
  plugin_.abi_major = 2;
  const LoadFailure failure = refused({1, 3});
  EXPECT_EQ(failure.state, LoadState::AbiMajor);
  EXPECT_EQ(failure.reason, "is built against SDK 2.0, this host speaks 1.3; rebuild it with this host's SDK");
}

TEST_F(DescriptorTest, AnyMinorIsAccepted) {
  for (const uint16_t minor : {0, 1, 65535}) {
    plugin_.abi_minor = minor;
    EXPECT_TRUE(std::holds_alternative<Descriptor>(read_descriptor(&plugin_, {1, 1}))) << minor;
  }
}

TEST_F(DescriptorTest, SizeOfThePlugin) {
  plugin_.size = 40;
  expect_broken(2, "size of the descriptor is 40, version 1.0 already has 64");
  plugin_.size = UINT32_MAX;
  expect_broken(2, "size of the descriptor is 4294967295, version 1.0 already has 64");
}

TEST_F(DescriptorTest, Architecture) {
  plugin_.arch = 7;
  EXPECT_EQ(refused().state, LoadState::WrongArchitecture);
  EXPECT_NE(refused().reason.find("its descriptor says it is built for architecture 7, this host is "),
            std::string::npos);
}

TEST_F(DescriptorTest, PluginId) {
  plugin_.id = {nullptr, 6};
  expect_broken(4, "plugin id is NULL");
  plugin_.id = {wild_, 6};
  expect_broken(4, "plugin id points to memory that cannot be read");
  const std::string longish(65, 'a');
  plugin_.id = text(longish.c_str());
  expect_broken(4, "plugin id is longer than 64 bytes");
  plugin_.id = {"beeper", UINT64_MAX};
  expect_broken(4, "plugin id is longer than 64 bytes");
  for (const char* bad : {"", "Beeper", "-beeper", "beeper-", "a--b", "a/b", "..", "a_b"}) {
    plugin_.id = text(bad);
    expect_broken(4, std::string("plugin id '") + bad + "' is not lower-case kebab (a-z, 0-9, single hyphens between)");
  }
}

TEST_F(DescriptorTest, Version) {
  plugin_.version = {};
  expect_broken(4, "plugin version is NULL");
  plugin_.version = text("1.0\nrm");
  expect_broken(4, "plugin version is not one line of text");
}

TEST_F(DescriptorTest, FactoryCount) {
  for (const uint32_t count : {0U, 65U, UINT32_MAX}) {
    plugin_.factory_count = count;
    expect_broken(5, "factory_count is " + std::to_string(count) + ", 1 to 64 are allowed");
  }
}

TEST_F(DescriptorTest, FactoryPointers) {
  plugin_.factories = nullptr;
  expect_broken(5, "factories is NULL or cannot be read");
  plugin_.factories = factories_;
  factories_[0] = nullptr;
  expect_broken(5, "factory 0 is NULL or cannot be read");
  factories_[0] = reinterpret_cast<const spore_factory*>(wild_);
  expect_broken(5, "factory 0 is NULL or cannot be read");
}

TEST_F(DescriptorTest, FactoryFields) {
  const spore_factory sound = factory_;
  const auto with = [&](auto change, int rule, const std::string& reason) {
    factory_ = sound;
    change(factory_);
    expect_broken(rule, reason);
  };
  with([](auto& f) { f.size = 79; }, 5, "factory 0: size is 79, version 1.0 already has 80");
  with([](auto& f) { f.id = {}; }, 4, "id of factory 0 is NULL");
  with([](auto& f) { f.id = text("Beeper"); }, 4,
       "id of factory 0 'Beeper' is not lower-case kebab (a-z, 0-9, single hyphens between)");
  with([](auto& f) { f.kind = 0; }, 5, "kind of factory 'beeper' is 0, which is none of SPORE_KIND_*");
  with([](auto& f) { f.summary = {}; }, 5, "summary of factory 'beeper' is NULL");
  with([](auto& f) { f.options_schema = {}; }, 6, "options_schema of factory 'beeper' is NULL");
  with([](auto& f) { f.options_schema = text("{"); }, 6,
       "options_schema of factory 'beeper' is not JSON: it goes wrong at byte 2");
  with([](auto& f) { f.options_schema = text("[]"); }, 6,
       R"(options_schema of factory 'beeper' is not the schema of an object: it lacks "type": "object")");
  with([](auto& f) { f.options_schema = text(R"({"type":"string"})"); }, 6,
       R"(options_schema of factory 'beeper' is not the schema of an object: it lacks "type": "object")");
  with([](auto& f) { f.uses_count = 1; }, 5, "uses of factory 'beeper' is NULL or cannot be read");
  with([](auto& f) { f.reserved = 1; }, 26, "the field 'reserved' of factory 'beeper' is not 0");
  with([](auto& f) { f.create = nullptr; }, 5, "create of factory 'beeper' is NULL");
}

TEST_F(DescriptorTest, AnUnknownKindIsFineInANewerPluginOnly) {
  factory_.kind = 99;
  EXPECT_EQ(refused().rule, 5);
  plugin_.abi_minor = SPORE_ABI_MINOR + 1;
  EXPECT_TRUE(std::holds_alternative<Descriptor>(read_descriptor(&plugin_)));
}

TEST_F(DescriptorTest, TwoFactoriesOfOneKindWithOneId) {
  plugin_.factory_count = 2;
  expect_broken(4, "two factories of one kind have the id 'beeper'");
  other_.kind = SPORE_KIND_MEMORY_POLICY;
  EXPECT_TRUE(std::holds_alternative<Descriptor>(read_descriptor(&plugin_))) << "of two kinds they may";
}

TEST_F(DescriptorTest, Uses) {
  const spore_string uses[] = {text("sporehost.elastic-memory/1"), text("sporehost.streams/1")};
  factory_.uses = uses;
  factory_.uses_count = 2;
  const auto outcome = read_descriptor(&plugin_);
  ASSERT_TRUE(std::holds_alternative<Descriptor>(outcome));
  EXPECT_EQ(std::get<Descriptor>(outcome).factories[0].uses,
            (std::vector<std::string>{"sporehost.elastic-memory/1", "sporehost.streams/1"}));
  factory_.uses_count = UINT32_MAX;
  EXPECT_EQ(refused().rule, 5);
}

// A text that runs into unmapped memory, and one that ends exactly before it.
TEST_F(DescriptorTest, TextsAtTheEndOfMemory) {
  constexpr size_t kPage = 65536;
  auto* pages =
      static_cast<char*>(::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(::munmap(pages + kPage, kPage), 0);
  char* const last = pages + kPage - 4;
  std::memcpy(last, "abcd", 4);
  plugin_.id = {last, 5};
  expect_broken(4, "plugin id points to memory that cannot be read");
  plugin_.id = {last, 4};
  EXPECT_TRUE(std::holds_alternative<Descriptor>(read_descriptor(&plugin_)));
  auto* const cut = reinterpret_cast<spore_plugin*>(pages + kPage - 16); // the struct itself runs off the page
  std::memcpy(static_cast<void*>(cut), &plugin_, 16);
  const auto outcome = read_descriptor(cut);
  EXPECT_EQ(std::get<LoadFailure>(outcome).reason, "the descriptor cannot be read to its end");
  ::munmap(pages, kPage);
}

} // namespace
} // namespace sporehost::plugin

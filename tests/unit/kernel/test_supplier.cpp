// How the program asks its supplier for a kernel: when it does, how the two talk, and what an answer is worth.
#include <gmock/gmock.h>

#include "core/kernel/cache_entry.hpp"
#include "core/kernel/sha256.hpp"
#include "core/kernel/supply_wire.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

KernelSettings odd_settings() {
  KernelSettings settings;
  settings.arch = "arm64";
  settings.sources = {"release", "cache"};
  settings.offline = true;
  settings.cache = "/a b/c=d\n/\xff";
  settings.initrd_cache = "/initrds";
  settings.agent = "/agent";
  settings.scripts = "/scripts";
  settings.release = {"https://example.org", "a/b", "v2", "6.6", std::string(64, 'a')};
  settings.flavour = "acpi";
  settings.ca_file = "/ca";
  return settings;
}

TEST(SupplyWire, ACallArrivesAsItWas) {
  const auto words = call_to_words({odd_settings(), Digests::compute_once});
  const auto call = call_from_words(words);
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call_to_words(*call), words);
  EXPECT_EQ(call->settings.cache, odd_settings().cache);
  EXPECT_EQ(call->settings.release.sha256, std::string(64, 'a'));
  EXPECT_THAT(call->settings.sources, ElementsAre("release", "cache"));
  EXPECT_TRUE(call->settings.offline);
  EXPECT_EQ(call->digests, Digests::compute_once);
}

TEST(SupplyWire, NothingButACallIsOne) {
  const auto good = call_to_words({odd_settings(), Digests::compute});
  EXPECT_FALSE(call_from_words({}));
  for (size_t i = 0; i < good.size(); ++i) {
    auto words = good;
    words.erase(words.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(call_from_words(words).has_value(), good[i].starts_with("source=")) << "without " << good[i];
    words = good;
    words[i] = "--help";
    EXPECT_FALSE(call_from_words(words)) << "instead of " << good[i];
  }
  for (const char* more : {"arch=x86_64", "unknown=1", "source=somewhere", "=", ""}) {
    auto words = good;
    words.emplace_back(more);
    EXPECT_FALSE(call_from_words(words)) << more;
  }
}

TEST(SupplyWire, AnAnswerArrivesAsItWas) {
  const KernelSettings settings = odd_settings();
  const SupplyAnswer good{"release", source_facts("release", settings).key, {"cache: nothing", "\xff"}};
  const auto answer = answer_from_json(answer_to_json(good), settings);
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ((*answer)->source, "release");
  EXPECT_EQ((*answer)->key, good.key);
  EXPECT_THAT((*answer)->notes, ElementsAre("cache: nothing", "\xef\xbf\xbd"));

  const auto refusal = answer_from_json(answer_to_json(spore::fail(SPORE_E_UNSUPPORTED, "no\nsuch")), settings);
  ASSERT_TRUE(refusal && !refusal->ok());
  EXPECT_EQ(refusal->error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(refusal->error().text, "no\nsuch");
}

TEST(SupplyWire, AnAnswerIsBounded) {
  const std::string much(1 << 20, '\x01'); // six bytes each in JSON
  const SupplyAnswer verbose{"release", source_facts("release", odd_settings()).key, {20, much}};
  for (const std::string& text : {answer_to_json(verbose), answer_to_json(spore::fail(SPORE_E_IO, much))}) {
    EXPECT_LT(text.size(), kMostAnswer);
    EXPECT_TRUE(answer_from_json(text, odd_settings()));
  }
}

TEST(SupplyWire, NothingButAnAnswerIsOne) {
  KernelSettings settings = odd_settings();
  settings.sources = {"cache", "release", "build"};
  const std::string release = source_facts("release", settings).key;
  const auto is_answer = [&](const std::string& text) { return answer_from_json(text, settings).has_value(); };
  const auto entry = [](const std::string& source, const std::string& key) {
    return R"({"format":1,"source":")" + source + R"(","key":")" + key + R"(","notes":[]})";
  };
  ASSERT_TRUE(is_answer(entry("release", release)));
  ASSERT_TRUE(is_answer(entry("build", "build-acpi-1234")));
  ASSERT_TRUE(is_answer(R"({"format":1,"status":4,"error":"x"})"));
  EXPECT_FALSE(is_answer(entry("release", release + "x")));
  EXPECT_FALSE(is_answer(entry("build", "build-acpi-/../../../../tmp")));
  EXPECT_FALSE(is_answer(entry("build", "../build-acpi-1234")));
  EXPECT_FALSE(is_answer(entry("build", "build-noacpi-1234"))) << "of another flavour";
  EXPECT_FALSE(is_answer(entry("build", "build-acpi-" + std::string(300, '1'))));
  EXPECT_FALSE(is_answer(entry("distribution", "distribution-debian-arm64-1"))) << "no source of this call";
  EXPECT_FALSE(is_answer(entry("cache", release)));
  for (const char* text : {"", "null", "[]", "7", "{", R"({"format":1})", R"({"format":2,"status":4,"error":"x"})",
                           R"({"format":"1","status":4,"error":"x"})", R"({"format":1,"status":0,"error":"x"})",
                           R"({"format":1,"status":13,"error":"x"})", R"({"format":1,"status":"4","error":"x"})",
                           R"({"format":1,"status":4,"error":""})", R"({"format":1,"status":4,"error":[]})",
                           R"({"status":4,"error":"x"})", R"({"format":1,"status":4.5,"error":"x"})"})
    EXPECT_FALSE(is_answer(text)) << text;
  for (const char* notes : {"null", "{}", "[1]", "[[]]", "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]"}) {
    std::string text = entry("release", release);
    text.replace(text.find("[]"), 2, notes);
    EXPECT_FALSE(is_answer(text)) << text;
  }
}

class SupplierTest : public ResolverTest {
 protected:
  SupplierTest() { settings_.supplier = SPORE_KERNEL_PROGRAM; }

  // A supplier that leaves a mark when it is started, and then does `body`.
  void play_supplier(const std::string& body) {
    settings_.supplier = folder_.path() / "supplier";
    put(settings_.supplier, "#!/bin/sh\ntouch '" + mark().string() + "'\n" + body + "\n");
    fs::permissions(settings_.supplier, fs::perms(0755));
  }
  [[nodiscard]] fs::path mark() const { return folder_.path() / "started"; }

  // In the program's own process, as sporehost does.
  spore::Result<ManagedKernel> resolve(Digests digests = Digests::compute) {
    return resolve_from_sources(settings_, digests);
  }
};

TEST_F(SupplierTest, IsAskedForAKernelThatIsNotThere) {
  const std::string image = make_image();
  publish(image, good_config());
  const auto kernel = resolve();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->image, (entry() / "vmlinux").string());
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_THAT(kernel->notes, ElementsAre(HasSubstr("cache: nothing in")));
}

TEST_F(SupplierTest, IsNotStartedForAKernelThatIsReady) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  play_supplier("exit 1");
  for (const Digests digests : {Digests::compute, Digests::compute_once}) {
    const auto kernel = resolve(digests);
    ASSERT_TRUE(kernel.ok()) << kernel.error().text;
    EXPECT_EQ(kernel->image, (entry() / "vmlinux").string());
  }
  EXPECT_FALSE(fs::exists(mark()));
}

TEST_F(SupplierTest, IsAskedToRepairAChangedKernel) {
  const std::string image = make_image();
  publish(image, good_config());
  ASSERT_TRUE(run().ok());
  fs::remove(entry() / "vmlinux");
  put(entry() / "vmlinux", "changed");
  const auto kernel = resolve(Digests::compute_once);
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(kernel->image), vmlinux_of(image));
  EXPECT_THAT(kernel->notes, Contains(HasSubstr("has been changed")));
}

TEST_F(SupplierTest, IsAskedToMakeTheInitrd) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  settings_.agent = SPORE_KERNEL_PROGRAM; // any program for this machine
  settings_.scripts = folder_.path() / "scripts";
  put(folder_.path() / "ready.cpio", make_cpio({"init"}));
  put(settings_.scripts / "build-initrd", "#!/bin/sh\ncp '" + (folder_.path() / "ready.cpio").string() + "' \"$6\"\n");
  fs::permissions(settings_.scripts / "build-initrd", fs::perms(0755));
  const auto kernel = resolve();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  ASSERT_TRUE(kernel->initrd);
  EXPECT_TRUE(fs::exists(*kernel->initrd));
  play_supplier("exit 1");
  const auto again = resolve();
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(again->initrd, kernel->initrd);
}

TEST_F(SupplierTest, ItsErrorsAreOurs) {
  publish(make_image(), changed_config("CONTIG_ALLOC"));
  const auto here = run();
  const auto there = resolve();
  ASSERT_FALSE(here.ok() || there.ok());
  EXPECT_EQ(there.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(there.error().text, here.error().text);
}

TEST_F(SupplierTest, WhatItSaysIsCheckedAgain) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  const fs::path kernel = entry() / "vmlinux";
  const std::string key = entry().filename().string();
  fs::remove(kernel);
  put(kernel, "changed");
  play_supplier(R"(printf '{"format":1,"source":"release","key":"%s","notes":[]}' )" + key);
  const auto changed = resolve();
  ASSERT_FALSE(changed.ok());
  EXPECT_TRUE(fs::exists(mark()));
  EXPECT_THAT(changed.error().text, HasSubstr("has been changed: 'vmlinux' has the SHA-256 " + sha256("changed")));
}

TEST_F(SupplierTest, WithoutAnAnswerItIsToldHowItEnded) {
  const auto told = [this](const std::string& body) {
    play_supplier(body);
    const auto kernel = resolve();
    return kernel.ok() ? std::string("accepted") : kernel.error().text;
  };
  const std::string name = "'" + (folder_.path() / "supplier").string() + "' ";
  EXPECT_THAT(told("exit 3"), HasSubstr(name + "ended with status 3 without an answer"));
  EXPECT_THAT(told("exit 200"), HasSubstr(name + "ended with status 200 without an answer"));
  EXPECT_THAT(told("kill -SEGV $$"),
              HasSubstr(name + "was ended by signal 11 before it had a kernel; what it has fetched is kept"));
  EXPECT_THAT(told("echo hello"), HasSubstr(name + "ended with status 0 with an answer of another kind"));
  EXPECT_THAT(told(R"(echo '{"format":2,"status":4,"error":"x"}')"), HasSubstr("of another version"));
  EXPECT_THAT(told("yes | head -c 10000000"), HasSubstr("an answer of another kind"));
  EXPECT_EQ(told(R"(echo '{"format":1,"status":4,"error":"the reason"}'; exit 1)"), "the reason");
  settings_.supplier = folder_.path() / "gone";
  EXPECT_THAT(resolve().error().text, HasSubstr("cannot start"));
  settings_.supplier.clear();
  EXPECT_THAT(resolve().error().text, HasSubstr("sporehost-kernel, which gets one, is neither beside the program"));
}

TEST_F(SupplierTest, OfAnotherVersionItRefusesTheCall) {
  play_supplier("exec '" SPORE_KERNEL_PROGRAM "' format=0");
  ::testing::internal::CaptureStderr();
  const auto kernel = resolve();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("the two are of different versions"));
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("ended with status 2 without an answer"));
}

} // namespace
} // namespace sporehost::kernel::testing

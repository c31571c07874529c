// The resolver against a server that behaves, and one that does not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "core/base/unique_fd.hpp"
#include "core/kernel/sha256.hpp"
#include "core/kernel/supply_wire.hpp"
#include "kernel_fixture.hpp"
#include "tools/managed-kernel/supply.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ResolverTest, AcceptsAGoodRelease) {
  const std::string image = make_image();
  publish(image, good_config());
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->image, (entry() / "vmlinux").string());
  EXPECT_EQ(get(kernel->image), vmlinux_of(image));
  EXPECT_EQ(kernel->sha256, sha256(vmlinux_of(image)));
  ASSERT_TRUE(kernel->packed);
  EXPECT_EQ(kernel->packed->path, (entry() / "bzImage").string());
  EXPECT_EQ(kernel->packed->sha256, sha256(image));
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_EQ(kernel->release, "6.1.1");
  EXPECT_EQ(kernel->source, "release acme/kernels v1");
  EXPECT_TRUE(kernel->can_grow);
  EXPECT_TRUE(kernel->stand_ins.empty());
  EXPECT_EQ(kernel->cmdline, "");
  EXPECT_FALSE(kernel->config.built_in("CONFIG_ACPI"));
  EXPECT_THAT(files_below(entry()), ElementsAre("bzImage", "config", "release", "sha256", "source", "vmlinux"));
  for (const char* name : {"bzImage", "config", "release", "sha256", "source", "vmlinux"})
    EXPECT_EQ(fs::status(entry() / name).permissions() & fs::perms::mask, fs::perms(0444)) << name;
  EXPECT_EQ(progress_.last_done, image.size());
  EXPECT_EQ(progress_.last_total, image.size());
}

TEST_F(ResolverTest, ACacheHitAsksNobody) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  const size_t before = server_.seen().size();
  const auto again = run();
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(server_.seen().size(), before);
}

TEST_F(ResolverTest, RefusesAWrongDigestAndKeepsNothing) {
  publish(make_image(), good_config());
  server_.set(asset_ + ".sha256", sha256("something else") + "\n");
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_INVALID);
  EXPECT_THAT(kernel.error().text, HasSubstr("SHA-256"));
  EXPECT_THAT(kernel.error().text, HasSubstr(sha256("something else")));
  EXPECT_THAT(kernel.error().text, HasSubstr("release acme/kernels v1"));
  EXPECT_THAT(files_below(settings_.cache), ElementsAre());
}

TEST_F(ResolverTest, AWrongDigestIsNotPassedOver) {
  publish(make_image(), good_config());
  server_.set(asset_ + ".sha256", sha256("something else") + "\n");
  settings_.sources = {"cache", "release", "distribution"};
  settings_.scripts = "/nonexistent"; // the distribution would say so, were it asked
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, Not(HasSubstr("nonexistent")));
}

TEST_F(ResolverTest, RefusesADigestOfAnotherFile) {
  const std::string image = make_image();
  publish(image, good_config());
  server_.set(asset_ + ".sha256", sha256(image) + "  other-kernel\n");
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("is not the SHA-256 digest of sporevm-x86_64-linux-6.1.1-bzImage"));
  server_.set(asset_ + ".sha256", "<html>");
  EXPECT_FALSE(run().ok());
}

TEST_F(ResolverTest, AnOwnDigestOverrulesTheRelease) {
  const std::string image = make_image();
  publish(image, good_config());
  settings_.release.sha256 = sha256("expected");
  const auto refused = run();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text, HasSubstr("kernel.release.sha256 demands " + sha256("expected")));
  settings_.release.sha256 = sha256(image);
  EXPECT_TRUE(run().ok());
  settings_.release.sha256 = sha256("changed later");
  EXPECT_FALSE(run().ok()); // the cached one is checked against it too
}

TEST_F(ResolverTest, ResumesATruncatedBody) {
  const std::string image = make_image({}, 300'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stop_after = 100'000}, Reply{.body = image}});
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(entry() / "bzImage"), image);
  std::vector<std::string> ranges;
  for (const Seen& request : server_.seen())
    if (request.path == asset_) ranges.push_back(request.range);
  EXPECT_THAT(ranges, ElementsAre("", "bytes=100000-"));
  EXPECT_TRUE(progress_.said("ended after 100000 of"));
}

TEST_F(ResolverTest, StartsOverWhereTheServerCannotResume) {
  const std::string image = make_image({}, 300'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stop_after = 1000}, Reply{.body = image, .ranges = false}});
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(entry() / "bzImage"), image);
}

TEST_F(ResolverTest, GivesUpOnABodyThatIsAlwaysTruncated) {
  const std::string image = make_image();
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stop_after = 10, .ranges = false}});
  http_.attempts = 3;
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(kernel.error().text, HasSubstr("ended after 10 of " + std::to_string(image.size()) + " bytes"));
  EXPECT_EQ(server_.count(asset_), 3u);
  EXPECT_FALSE(fs::exists(entry()));
}

TEST_F(ResolverTest, A404IsFinal) {
  publish(make_image(), good_config());
  server_.set(asset_ + ".sha256", {Reply{.status = 404}});
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(kernel.error().text, HasSubstr("the server answers 404"));
  EXPECT_THAT(kernel.error().text, HasSubstr(asset_ + ".sha256"));
  EXPECT_EQ(server_.count(asset_ + ".sha256"), 1u);
}

TEST_F(ResolverTest, A500IsTriedAgain) {
  const std::string image = make_image();
  publish(image, good_config());
  server_.set(asset_, {Reply{.status = 500}, Reply{.status = 503}, Reply{.body = image}});
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(server_.count(asset_), 3u);
  EXPECT_TRUE(progress_.said("500"));
}

TEST_F(ResolverTest, ASlowServerTimesOutAndIsResumed) {
  const std::string image = make_image({}, 200'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stall_after = 50'000}, Reply{.body = image}});
  http_.silence_timeout = std::chrono::milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, http_.silence_timeout);
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_TRUE(progress_.said("stopped sending"));
}

TEST_F(ResolverTest, AServerThatNeverAnswersIsATimeout) {
  publish(make_image(), good_config());
  server_.set(asset_ + ".sha256", {Reply{.body = "x", .delay = std::chrono::milliseconds(600)}});
  http_.attempts = 1;
  http_.silence_timeout = std::chrono::milliseconds(300);
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("does not answer in time"));
}

TEST_F(ResolverTest, NobodyListensIsNotFoundWithTheAddress) {
  settings_.release.base_url = "http://127.0.0.1:1";
  http_.attempts = 2;
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(kernel.error().text, HasSubstr("http://127.0.0.1:1/acme/kernels/releases/download/v1/"));
}

TEST_F(ResolverTest, FollowsRedirects) {
  const std::string image = make_image();
  publish(image, good_config());
  server_.set("/moved/bzImage", image);
  server_.set(asset_, {Reply{.status = 302, .location = "/moved/bzImage"}});
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(server_.count("/moved/bzImage"), 1u);
}

TEST_F(ResolverTest, RefusesEndlessRedirects) {
  publish(make_image(), good_config());
  server_.set(asset_, {Reply{.status = 302, .location = asset_}});
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("more than 5 redirects"));
}

TEST_F(ResolverTest, RefusesPlainHttpElsewhere) {
  settings_.release.base_url = "http://kernels.invalid";
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_INVALID);
  EXPECT_THAT(kernel.error().text, HasSubstr("https only"));
  publish(make_image(), good_config());
  settings_.release.base_url = server_.url();
  server_.set(asset_, {Reply{.status = 302, .location = "http://kernels.invalid/bzImage"}});
  EXPECT_THAT(run().error().text, HasSubstr("https only"));
}

TEST_F(ResolverTest, AMissingConfigNeedsAnEmbeddedOne) {
  publish(make_image(), good_config());
  server_.set(asset_ + ".config", {Reply{.status = 404}});
  const auto without = run();
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_THAT(without.error().text, HasSubstr("has no configuration"));
  EXPECT_THAT(without.error().text, HasSubstr(server_.url() + asset_));
  EXPECT_THAT(files_below(settings_.cache), ElementsAre());

  publish(make_image(good_config()), good_config());
  server_.set(asset_ + ".config", {Reply{.status = 404}});
  const auto with = run();
  ASSERT_TRUE(with.ok()) << with.error().text;
  EXPECT_TRUE(with->config.built_in("CONFIG_VIRTIO_MEM"));
  // It is taken out, so that no start has to look inside.
  EXPECT_EQ(get(entry() / "config"), good_config());
  EXPECT_THAT(get(entry() / "sha256"), HasSubstr(sha256(good_config()) + "  config\n"));
  EXPECT_TRUE(run().ok()); // and so from the cache
}

TEST_F(ResolverTest, TheEmbeddedConfigurationCannotBeContradicted) {
  publish(make_image(changed_config("VIRTIO_MEM")), good_config());
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("CONFIG_VIRTIO_MEM is n inside the kernel, y in the file"));
}

TEST_F(ResolverTest, NamesAMissingSymbol) {
  publish(make_image(), changed_config("CONTIG_ALLOC"));
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_EQ(kernel.error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(kernel.error().text,
            "managed kernel '" + server_.url() + asset_ +
                "' (release acme/kernels v1) cannot be accepted: CONFIG_CONTIG_ALLOC is not set "
                "(virtio-mem needs it); take another managed kernel (kernel.sources, --source), or "
                "name this one as boot.kernel: it then runs with fixed memory");
  EXPECT_THAT(files_below(settings_.cache), ElementsAre());
}

TEST_F(ResolverTest, AModuleNeedsAnInitrdThatCarriesIt) {
  publish(make_image(), changed_config("VIRTIO_MEM", "CONFIG_VIRTIO_MEM=m"));
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text,
              HasSubstr("CONFIG_VIRTIO_MEM is m and no managed initrd carries the module virtio_mem"));
}

TEST_F(ResolverTest, AReleaseHasNoStandInForDefaultOnline) {
  publish(make_image(), changed_config("MEMORY_HOTPLUG_DEFAULT_ONLINE"));
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE is not set"));
}

TEST_F(ResolverTest, RefusesAConfigurationOfAnotherArchitecture) {
  publish(make_image(), changed_config("X86_64", "CONFIG_ARM64=y"));
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("CONFIG_X86_64 is not set (the kernel is for x86-64)"));
}

TEST_F(ResolverTest, RefusesWhatIsNoKernel) {
  publish("<html>not a kernel</html>", good_config());
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("is not a kernel image for x86_64"));
  publish(make_image(), "<html>not a configuration</html>");
  EXPECT_THAT(run().error().text, HasSubstr("is no configuration"));
}

class TamperedFile : public ResolverTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TamperedFile, IsFoundInTheCache) {
  const std::string name = GetParam();
  const std::string image = make_image();
  publish(image, good_config());
  ASSERT_TRUE(run().ok());
  fs::permissions(entry() / name, fs::perms::owner_write, fs::perm_options::add);
  std::fstream(entry() / name, std::ios::in | std::ios::out | std::ios::binary).seekp(2000) << "X";

  settings_.offline = true;
  const auto offline = run();
  ASSERT_FALSE(offline.ok());
  EXPECT_EQ(offline.error().status, SPORE_E_INVALID);
  EXPECT_THAT(offline.error().text, HasSubstr("has been changed: '" + name + "' has the SHA-256"));

  settings_.offline = false;
  const auto online = run();
  ASSERT_TRUE(online.ok()) << online.error().text;
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_THAT(online->notes, Contains(HasSubstr("has been changed")));
  EXPECT_TRUE(progress_.said("fetching it again"));
}

INSTANTIATE_TEST_SUITE_P(Images, TamperedFile, ::testing::Values("bzImage", "vmlinux"),
                         [](const auto& image) { return std::string(image.param); });

TEST_F(ResolverTest, FindsATamperedConfigurationInTheCache) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  fs::remove(entry() / "config");
  put(entry() / "config", good_config() + "CONFIG_ACPI=y\n");
  settings_.offline = true;
  const auto kernel = run();
  ASSERT_FALSE(kernel.ok());
  EXPECT_THAT(kernel.error().text, HasSubstr("'config' has the SHA-256"));
}

TEST_F(ResolverTest, AStampSavesTheHashButNotFromAChange) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  const fs::path stamps = settings_.cache / "verified";
  ASSERT_TRUE(run(Digests::compute_once).ok());
  EXPECT_FALSE(fs::exists(stamps)) << "a file this young must not be trusted to its ctime";
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));
  ASSERT_TRUE(run(Digests::compute_once).ok());
  ASSERT_EQ(std::distance(fs::directory_iterator(stamps), {}), 2); // kernel and configuration

  // The same size, and the old times put back: ctime tells.
  const auto written = fs::last_write_time(entry() / "vmlinux");
  fs::permissions(entry() / "vmlinux", fs::perms::owner_write, fs::perm_options::add);
  std::fstream(entry() / "vmlinux", std::ios::in | std::ios::out | std::ios::binary).seekp(2000) << "X";
  fs::last_write_time(entry() / "vmlinux", written);
  settings_.offline = true;
  EXPECT_THAT(run(Digests::compute_once).error().text, HasSubstr("has been changed"));
}

TEST_F(ResolverTest, TwoResolversFetchOnce) {
  const std::string image = make_image({}, 400'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .delay = std::chrono::milliseconds(200)}});
  std::vector<std::string> errors(4);
  std::vector<std::thread> threads;
  for (std::string& error : errors)
    threads.emplace_back([&error, this] {
      RecordingProgress progress;
      const auto kernel = supply::supply_kernel(settings_, http_, Digests::compute, progress);
      error = kernel.ok() ? "" : kernel.error().text;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(errors, ElementsAre("", "", "", ""));
  EXPECT_EQ(server_.count(asset_), 1u);
  EXPECT_EQ(get(entry() / "bzImage"), image);
}

// The program by itself, with this process for its parent.
class StartedSupplier {
 public:
  explicit StartedSupplier(const KernelSettings& settings) {
    std::vector<std::string> words = call_to_words({settings, Digests::compute});
    words.insert(words.begin(), SPORE_KERNEL_PROGRAM);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) { // nothing but exec: this process has other threads
      ::dup2(ends[0], STDIN_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(ends[0]);
    life_.reset(ends[1]);
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  // As when its parent is gone.
  void leave_alone() { life_.reset(); }
  [[nodiscard]] int signal_that_ended_it() const {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
  UniqueFd life_;
};

TEST_F(ResolverTest, TheSupplierEndsWithItsParent) {
  const std::string image = make_image({}, 600'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stall_after = 300'000}});
  StartedSupplier supplier(settings_);
  EXPECT_TRUE(server_.wait_for_stall(std::chrono::seconds(20)));
  supplier.leave_alone();
  EXPECT_EQ(supplier.signal_that_ended_it(), SIGTERM);
}

TEST_F(ResolverTest, AKilledDownloadIsTakenUpAgain) {
  const std::string image = make_image({}, 600'000);
  publish(image, good_config());
  server_.set(asset_, {Reply{.body = image, .stall_after = 300'000}, Reply{.body = image}});
  StartedSupplier supplier(settings_);
  EXPECT_TRUE(server_.wait_for_stall(std::chrono::seconds(20)));
  const fs::path part = entry().parent_path() / (".partial-" + entry().filename().string()) / "bzImage.part";
  for (int i = 0; i < 400 && (!fs::exists(part) || fs::file_size(part) < 100'000); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  supplier.kill();
  EXPECT_EQ(supplier.signal_that_ended_it(), SIGKILL);
  EXPECT_FALSE(fs::exists(entry()));

  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_THAT(server_.seen(), Contains(::testing::Field(&Seen::range, HasSubstr("bytes="))));
  EXPECT_THAT(files_below(entry().parent_path()), Not(Contains(HasSubstr("partial"))));
}

TEST_F(ResolverTest, WhatAnEarlierAttemptUnpackedIsNotUsed) {
  const std::string image = make_image();
  publish(image, good_config());
  put(entry().parent_path() / (".partial-" + entry().filename().string()) / "vmlinux", "of another release");
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(kernel->image), vmlinux_of(image));
}

TEST_F(ResolverTest, WhatOnlyTheGuestCanUnpackStaysPacked) {
  publish(make_image_packed_by_bzip2(), good_config());
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(kernel->image, (entry() / "bzImage").string());
  EXPECT_FALSE(kernel->packed);
}

// The pin is of the published file, not of what was unpacked from it.
TEST_F(ResolverTest, APinFitsAnUnpackedKernelInTheCache) {
  const std::string image = make_image();
  publish(image, good_config());
  settings_.release.sha256 = sha256(image);
  ASSERT_TRUE(run().ok());
  ASSERT_TRUE(run().ok()) << "from the cache";
  settings_.release.sha256 = sha256("another");
  settings_.offline = true;
  EXPECT_THAT(run().error().text, HasSubstr("bzImage' (release acme/kernels v1) has the SHA-256 " + sha256(image)));
}

TEST_F(ResolverTest, APartOfAnotherFileIsNotUsed) {
  const std::string image = make_image({}, 100'000);
  publish(image, good_config());
  const fs::path partial = entry().parent_path() / (".partial-" + entry().filename().string());
  put(partial / "bzImage.part", std::string(50'000, 'x'));
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok()) << kernel.error().text;
  EXPECT_EQ(get(entry() / "bzImage"), image);
  EXPECT_EQ(server_.count(asset_), 2u);
}

// File access as a user who is not root, where the test runs as root.
class AsNobody {
 public:
  AsNobody() : before_(::setfsuid(65534)) {}
  ~AsNobody() { ::setfsuid(static_cast<uid_t>(before_)); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  const int before_;
};

TEST_F(ResolverTest, AReadOnlyCacheServesHitsAndRefusesMisses) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  fs::permissions(folder_.path(), fs::perms(0755));
  for (const auto& item : fs::recursive_directory_iterator(settings_.cache))
    if (item.is_directory()) fs::permissions(item.path(), fs::perms(0555));
  fs::permissions(settings_.cache, fs::perms(0555));
  {
    const AsNobody nobody;
    const auto hit = run(Digests::compute_once);
    EXPECT_TRUE(hit.ok()) << hit.error().text;
    settings_.release.tag = "v2";
    const auto miss = run();
    ASSERT_FALSE(miss.ok());
    EXPECT_THAT(miss.error().text, HasSubstr("Permission denied"));
    EXPECT_THAT(miss.error().text, HasSubstr("SPOREHOST_CACHE"));
  }
  for (const auto& item : fs::recursive_directory_iterator(settings_.cache))
    if (item.is_directory()) fs::permissions(item.path(), fs::perms(0755));
}

TEST_F(ResolverTest, OfflineTakesWhatIsThereAndNothingElse) {
  publish(make_image(), good_config());
  settings_.offline = true;
  const auto nothing = run();
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(nothing.error().text, HasSubstr("release acme/kernels v1: it is not in the cache"));
  EXPECT_TRUE(server_.seen().empty());
  settings_.offline = false;
  ASSERT_TRUE(run().ok());
  settings_.offline = true;
  EXPECT_TRUE(run().ok());
}

TEST_F(ResolverTest, WithoutTheCacheItIsFetchedAnew) {
  publish(make_image(), good_config());
  ASSERT_TRUE(run().ok());
  settings_.sources = {"release"};
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(server_.count(asset_), 1u); // the entry was there when the lock was held; it is checked, not fetched
}

TEST(HttpsResolver, ChecksCertificates) {
  const TempFolder folder;
  const Certificate good = Certificate::make(folder.path());
  if (good.key.empty()) GTEST_SKIP() << "no command openssl here to make a certificate with";
  TestServer server(good);
  server.set("/file", "content");
  supply::HttpOptions options;
  const auto refused = supply::fetch_text(server.url() + "/file", 100, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, SPORE_E_PERMISSION) << refused.error().text;
  EXPECT_THAT(refused.error().text, HasSubstr("certificate"));
  EXPECT_TRUE(server.seen().empty());
  options.ca_file = good.certificate;
  const auto accepted = supply::fetch_text(server.url() + "/file", 100, options);
  ASSERT_TRUE(accepted.ok()) << accepted.error().text;
  EXPECT_EQ(*accepted, "content");

  // Downgrades are refused although plain http to this machine would do.
  server.set("/down", {Reply{.status = 302, .location = "http://127.0.0.1:1/file"}});
  EXPECT_THAT(supply::fetch_text(server.url() + "/down", 100, options).error().text,
              HasSubstr("redirects from https to http"));
}

TEST(HttpsResolver, ResolvesAWholeRelease) {
  const TempFolder folder;
  const Certificate good = Certificate::make(folder.path());
  if (good.key.empty()) GTEST_SKIP() << "no command openssl here to make a certificate with";
  TestServer server(good);
  const std::string image = make_image({}, 200'000);
  const std::string asset = "/a/b/releases/download/v1/sporevm-x86_64-linux-6.1-bzImage";
  server.set(asset, {Reply{.body = image, .stop_after = 50'000}, Reply{.body = image}});
  server.set(asset + ".sha256", sha256(image));
  server.set(asset + ".config", good_config());
  KernelSettings settings;
  settings.arch = "x86_64";
  settings.sources = {"cache", "release"};
  settings.cache = folder.path() / "cache";
  settings.release = {server.url(), "a/b", "v1", "6.1", {}};
  supply::HttpOptions http;
  http.first_pause = std::chrono::milliseconds(1);
  NoProgress silent;
  const auto untrusted = supply::supply_kernel(settings, http, Digests::compute, silent);
  ASSERT_FALSE(untrusted.ok());
  EXPECT_THAT(untrusted.error().text, HasSubstr("certificate is not good"));
  http.ca_file = good.certificate;
  const auto supplied = supply::supply_kernel(settings, http, Digests::compute, silent);
  ASSERT_TRUE(supplied.ok()) << supplied.error().text;
  EXPECT_EQ(get(supplied->kernel.image), vmlinux_of(image));
}

TEST(HttpsResolver, ChecksTheServersName) {
  const TempFolder folder;
  const Certificate other = Certificate::make(folder.path(), "DNS:elsewhere.invalid");
  if (other.key.empty()) GTEST_SKIP() << "no command openssl here to make a certificate with";
  TestServer server(other);
  server.set("/file", "content");
  supply::HttpOptions options;
  options.ca_file = other.certificate;
  const auto refused = supply::fetch_text(server.url() + "/file", 100, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, SPORE_E_PERMISSION) << refused.error().text;
}

TEST(HttpsResolver, BoundsWhatItTakes) {
  TestServer server;
  server.set("/file", std::string(101, 'x'));
  const auto refused = supply::fetch_text(server.url() + "/file", 100, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, SPORE_E_RANGE);
}

TEST_F(ResolverTest, AnsweringWithDescriptions) {
  publish(make_image(), good_config());
  const auto kernel = run();
  ASSERT_TRUE(kernel.ok());
  EXPECT_EQ(describe(*kernel), "kernel: " + kernel->image +
                                   "\nrelease: 6.1.1\nsource: release acme/kernels v1\nsha256: " + kernel->sha256 +
                                   "\nunpacked from: " + (entry() / "bzImage").string() + ", sha256 " +
                                   kernel->packed->sha256 + "\ninitrd: none\nnote: cache: nothing in '" +
                                   entry().parent_path().string() + "'\n");
  EXPECT_THAT(describe_json(*kernel), HasSubstr("\"sha256\": \"" + kernel->sha256 + "\""));
  EXPECT_THAT(describe_json(*kernel), HasSubstr("\"sha256\": \"" + kernel->packed->sha256 + "\""));
}

} // namespace
} // namespace sporehost::kernel::testing

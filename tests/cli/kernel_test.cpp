// Where a managed kernel comes from: the cache, read by the program itself, or the supplier, which it starts and ends.
#include <Poco/SHA2Engine.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "fixture.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class ManagedKernelTest : public CliTest {
 protected:
  // A supplier that leaves its number in the file `started` and then does `body`.
  void play_supplier(const std::string& body) {
    environment_["SPOREHOST_KERNEL_PROGRAM"] =
        write("supplier", "#!/bin/sh\necho $$ >" + path("started") + "\n" + body + "\n");
    fs::permissions(path("supplier"), fs::perms(0755));
  }

  // An entry of the cache that holds a kernel, its digests and an initrd.
  void fill_cache() const {
    const fs::path from = managed_folder(), entry = path("cache/managed/x86_64/build-noacpi-1");
    fs::create_directories(entry);
    for (const char* name : {"vmlinux", "config", "release", "initrd.cpio"}) fs::copy_file(from / name, entry / name);
    write("cache/managed/x86_64/build-noacpi-1/sha256", digest_line("vmlinux") + digest_line("config"));
  }

  // Whether the supplier that left its number is still there.
  [[nodiscard]] bool supplier_is_there() const {
    pid_t pid = 0;
    std::ifstream(path("started")) >> pid;
    EXPECT_GT(pid, 0) << "it was not started";
    for (int i = 0; i < 500 && pid > 0 && ::kill(pid, 0) == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return pid > 0 && ::kill(pid, 0) == 0;
  }

  std::map<std::string, std::string> environment_ = {{"SPOREHOST_CACHE", path("cache")},
                                                     {"SPOREHOST_KERNEL_SOURCES", "cache,build"},
                                                     {"SPOREHOST_KERNEL_FLAVOUR", "noacpi"},
                                                     {"SPOREHOST_OFFLINE", "1"}};

 private:
  [[nodiscard]] std::string digest_line(const std::string& name) const {
    std::ifstream file(path("managed/" + name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
    engine.update(bytes.data(), bytes.size());
    return Poco::DigestEngine::digestToHex(engine.digest()) + "  " + name + "\n";
  }
};

TEST_F(ManagedKernelTest, OneThatIsReadyIsReadWithoutTheSupplier) {
  fill_cache();
  play_supplier("exit 1");
  const std::vector<std::vector<std::string>> commands = {{"plan", "--config", machine("")},
                                                          {"kernel", "resolve", "--arch", "x86_64"}};
  for (const auto& words : commands) {
    const Output output = run({words, environment_});
    EXPECT_EQ(output.status, 0) << output.err;
    EXPECT_THAT(output.out, HasSubstr("kernel: " + path("cache/managed/x86_64/build-noacpi-1/vmlinux") + "\n"));
  }
  EXPECT_FALSE(fs::exists(path("started")));
}

TEST_F(ManagedKernelTest, OneThatWasChangedIsNot) {
  fill_cache();
  write("cache/managed/x86_64/build-noacpi-1/vmlinux", "changed");
  play_supplier(R"(echo '{"format":1,"status":4,"error":"no other is to be had"}'; exit 1)");
  const Output output = run({{"plan", "--config", machine("")}, environment_});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: no other is to be had");
  EXPECT_TRUE(fs::exists(path("started")));
}

// The program's own supplier, which has nothing either.
TEST_F(ManagedKernelTest, WithoutOneEachSourceIsNamed) {
  environment_["SPOREHOST_KERNEL_SOURCES"] = "cache,release";
  const Output output = run({{"kernel", "resolve", "--arch", "x86_64"}, environment_});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              AllOf(HasSubstr("sporehost: no source has a managed kernel for x86_64:\n  cache: nothing"),
                    HasSubstr("it is not in the cache, and the resolver is offline")));
}

TEST_F(ManagedKernelTest, ThatTheSupplierIsAskedIsInTheLog) {
  play_supplier("exit 1");
  const Output output = run({{"plan", "--config", machine(""), "--log", "debug"}, environment_});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.err, HasSubstr("managed kernel: none is ready in the cache; asking " + path("supplier")));
}

TEST_F(ManagedKernelTest, ASignalEndsTheSupplierAndThenUs) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why; // a run asks its backend first
  for (const std::string name : {"INT", "TERM", "HUP"}) {
    play_supplier("kill -" + name + " $PPID\nexec sleep 1000");
    Call call{{"--config", machine("report: json\n"), "--backend", "kvm"}, environment_, false, ">&1"};
    // Whoever runs the tests may ignore signals; the shell tells by which one it ended.
    call.before = "env --default-signal=INT,TERM,HUP \"$@\"; kill -l $?; exit 0; ";
    const Output output = run(call);
    EXPECT_EQ(output.out, name + "\n") << output.err;
    EXPECT_FALSE(supplier_is_there()) << name;
    fs::remove(path("started"));
  }
}

TEST_F(ManagedKernelTest, TheTimeOfARunIncludesTheSupplier) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why; // a run asks its backend first
  play_supplier("exec sleep 1000");
  const Output output =
      run({{"--config", machine("lifecycle: {run-timeout: 500ms}\n"), "--backend", "kvm"}, environment_});
  EXPECT_EQ(output.status, 124) << output.err;
  EXPECT_EQ(output.message(),
            "sporehost: the run took longer than 500ms (lifecycle.run-timeout); there was no machine yet");
  EXPECT_FALSE(supplier_is_there());
}

// One that does not listen is killed after a while.
TEST_F(ManagedKernelTest, ASupplierThatStaysIsKilled) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why; // a run asks its backend first
  play_supplier("trap '' TERM\nwhile :; do sleep 1; done");
  const Output output =
      run({{"--config", machine("lifecycle: {run-timeout: 500ms}\n"), "--backend", "kvm"}, environment_});
  EXPECT_EQ(output.status, 124) << output.err;
  EXPECT_FALSE(supplier_is_there());
}

} // namespace
} // namespace cli

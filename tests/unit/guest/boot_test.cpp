// The managed initrd and its agent on a real Linux under QEMU's emulation.
//
// SPOREHOST_TEST_KERNEL_DIR names a kernel directory (vmlinuz, release, modules/) of this machine's architecture.
// QEMU's virtio devices sit on PCI here, so the initrd carries virtio_pci too.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "tests/unit/guest/talk.hpp"

namespace sporehost::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr seconds kBootLimit{100};

UniqueFd connect_to(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  for (int attempt = 0; attempt < 200; ++attempt) {
    UniqueFd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return {};
}

class BootTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "written for qemu-system-x86_64";
#endif
    const char* kernel = std::getenv("SPOREHOST_TEST_KERNEL_DIR");
    if (kernel == nullptr) GTEST_SKIP() << "SPOREHOST_TEST_KERNEL_DIR does not name a kernel directory";
    if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0) GTEST_SKIP() << "no qemu-system-x86_64";
    kernel_ = kernel;
    std::string pattern = (fs::temp_directory_path() / "spore-boot-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (qemu_ > 0) {
      kill(qemu_, SIGKILL);
      waitpid(qemu_, nullptr, 0);
    }
    if (HasFailure() && !folder_.empty()) std::cerr << "guest console:\n" << console();
    talk_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void boot(const std::string& machine, const std::string& append, std::vector<std::string> more) {
    const fs::path initrd = folder_ / "initrd";
    const bool modules = fs::exists(kernel_ / "modules");
    const std::string build = std::string(SPORE_BUILD_INITRD) + " --kernel-dir " + kernel_.string() + " --agent " +
                              SPORE_AGENT + " --output " + initrd.string() +
                              (modules ? " --channel-module virtio_pci" : "") + " > /dev/null";
    ASSERT_EQ(std::system(build.c_str()), 0);
    std::vector<std::string> argv{"qemu-system-x86_64",
                                  "-accel",
                                  "tcg",
                                  "-machine",
                                  machine,
                                  "-cpu",
                                  "max,la57=off",
                                  "-nodefaults",
                                  "-no-user-config",
                                  "-display",
                                  "none",
                                  "-no-reboot",
                                  "-kernel",
                                  (kernel_ / "vmlinuz").string(),
                                  "-initrd",
                                  initrd.string(),
                                  "-append",
                                  "console=ttyS0 quiet panic=-1 " + append,
                                  "-serial",
                                  "file:" + (folder_ / "console").string(),
                                  "-chardev",
                                  "socket,id=agent,server=on,wait=off,path=" + (folder_ / "agent").string(),
                                  "-qmp",
                                  "unix:" + (folder_ / "qmp").string() + ",server=on,wait=off"};
    argv.insert(argv.end(), more.begin(), more.end());
    begin_ = std::chrono::steady_clock::now();
    qemu_ = fork();
    if (qemu_ == 0) {
      std::vector<char*> raw;
      for (std::string& text : argv) raw.push_back(text.data());
      raw.push_back(nullptr);
      execvp(raw[0], raw.data());
      _exit(126);
    }
    UniqueFd socket = connect_to(folder_ / "agent");
    ASSERT_TRUE(socket) << "QEMU did not start";
    fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    talk_ = std::make_unique<Conversation>(std::move(socket));
  }

  static std::vector<std::string> pci_port() {
    return {"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=sporehost.agent"};
  }

  Recorder& seen() {
    return talk_->seen();
  }

  // HELLO, then the command; reports how long each took.
  void run(guest::Run request) {
    seen().hello_hook = [this, request] {
      note("HELLO");
      const auto result = talk_->channel().run(request);
      EXPECT_TRUE(result.ok());
    };
    ASSERT_TRUE(talk_->until([this] { return seen().ready || seen().exit; }, kBootLimit)) << seen().error;
    note("READY");
  }

  void note(const std::string& what) {
    const auto passed = std::chrono::steady_clock::now() - begin_;
    RecordProperty(what + "_ms", static_cast<int>(passed / std::chrono::milliseconds(1)));
    std::cout << what << " after " << passed / std::chrono::milliseconds(1) << " ms\n";
  }

  // The guest ends by itself, and QEMU with it.
  void expect_end(int limit_s = 30) {
    for (int i = 0; i < limit_s * 20; ++i) {
      if (waitpid(qemu_, nullptr, WNOHANG) == qemu_) {
        qemu_ = -1;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "the guest is still there";
  }

  std::string console() const {
    std::ifstream file(folder_ / "console");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path kernel_;
  fs::path folder_;
  pid_t qemu_ = -1;
  std::unique_ptr<Conversation> talk_;
  std::chrono::steady_clock::time_point begin_;
};

TEST_F(BootTest, TrueRunsAndTheGuestPowersOff) {
  auto more = pci_port();
  more.insert(more.end(), {"-m", "512M"});
  boot("q35", "", more);
  ASSERT_NO_FATAL_FAILURE(run(command({"/bin/true"})));
  ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); }));
  EXPECT_EQ(seen().exit->kind, guest::ExitKind::kExited) << seen().exit->message;
  EXPECT_EQ(seen().exit->code, 0);
  std::cout << "kernel " << seen().hello->kernel_release << ", MemTotal " << seen().hello->mem_total_kib
            << " kB, HELLO at " << seen().hello->boot_ns / 1'000'000 << " ms of the guest's clock, modules "
            << seen().hello->modules_loaded << "\n";
  for (const auto& text : seen().logs) std::cout << "log: " << text << "\n";
  ASSERT_TRUE(talk_->channel().power_off().ok());
  ASSERT_TRUE(talk_->until([this] { return seen().bye.has_value(); }));
  EXPECT_EQ(*seen().bye, guest::PowerOff::kOff);
  EXPECT_THAT(seen().events, ElementsAre("hello", "started", "ready", "exit", "bye"));
  expect_end();
}

TEST_F(BootTest, AShellSeesAUsableSystemAndItsOutputArrivesWhole) {
  auto more = pci_port();
  more.insert(more.end(), {"-m", "512M", "-smp", "2"});
  boot("q35", "", more);
  ASSERT_NO_FATAL_FAILURE(run(
      command({"sh", "-c",
               "cd /; mount | cut -d' ' -f3 | sort | tr '\\n' ' '; echo; echo hi > /tmp/x && cat /tmp/x; echo e >&2; "
               "ls /sys/bus/virtio/drivers | tr '\\n' ' '; echo; yes 0123456789abcde | head -c 8388608; exit 9"})));
  ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); }, kBootLimit));
  EXPECT_EQ(seen().exit->code, 9);
  EXPECT_THAT(seen().out, HasSubstr("/dev /dev/pts /dev/shm /proc /run /sys /tmp"));
  EXPECT_THAT(seen().out, HasSubstr("hi\n"));
  EXPECT_THAT(seen().out, HasSubstr("virtio_console"));
  EXPECT_EQ(seen().err, "e\n");
  const auto flood = seen().out.find("0123456789abcde\n");
  ASSERT_NE(flood, std::string::npos);
  EXPECT_EQ(seen().out.size() - flood, 8388608u);
  ASSERT_TRUE(talk_->channel().power_off().ok());
  EXPECT_TRUE(talk_->until([this] { return seen().bye.has_value(); }));
  expect_end();
}

TEST_F(BootTest, PluggedMemoryIsReported) {
  auto more = pci_port();
  more.insert(more.end(), {"-m", "512M,slots=1,maxmem=4G", "-object", "memory-backend-ram,id=region,size=1G", "-device",
                           "virtio-mem-pci,id=vm0,memdev=region,requested-size=0"});
  boot("q35", "memhp_default_state=online", more);
  ASSERT_NO_FATAL_FAILURE(run(command({"sleep", "600"})));
  const std::uint64_t before = seen().hello->mem_total_kib;
  UniqueFd qmp = connect_to(folder_ / "qmp");
  auto request = [&](const std::string& size) {
    const std::string text = R"({"execute":"qom-set","arguments":{"path":"/machine/peripheral/vm0",)"
                             R"("property":"requested-size","value":)" +
                             size + "}}\n";
    ASSERT_EQ(write(qmp.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  const std::string hello = "{\"execute\":\"qmp_capabilities\"}\n";
  ASSERT_EQ(write(qmp.get(), hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  request("1073741824");
  ASSERT_TRUE(talk_->until(
      [&] { return !seen().memory.empty() && seen().memory.back().total_kib >= before + 1'000'000; }, kBootLimit));
  note("PLUGGED");
  std::cout << "MemTotal " << before << " -> " << seen().memory.back().total_kib << " kB in " << seen().memory.size()
            << " report(s)\n";
  request("0");
  ASSERT_TRUE(talk_->until([&] { return seen().memory.back().total_kib == before; }, kBootLimit));
  note("UNPLUGGED");
  ASSERT_TRUE(talk_->channel().stop(std::chrono::seconds(5)).ok());
  ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); }));
  EXPECT_EQ(seen().exit->kind, guest::ExitKind::kSignalled);
  ASSERT_TRUE(talk_->channel().power_off().ok());
  expect_end();
}

TEST_F(BootTest, WithoutAcpiTheGuestEndsByReset) {
  auto more = pci_port();
  more.insert(more.end(), {"-m", "512M"});
  boot("q35", "acpi=off", more);
  ASSERT_NO_FATAL_FAILURE(run(command({"/bin/true"})));
  ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); }));
  ASSERT_TRUE(talk_->channel().power_off().ok());
  ASSERT_TRUE(talk_->until([this] { return seen().bye.has_value(); }));
  EXPECT_EQ(*seen().bye, guest::PowerOff::kReset);
  expect_end(); // -no-reboot turns the reset into QEMU's end
}

TEST_F(BootTest, WithoutThePortTheAgentSaysSoAndPowersOff) {
  boot("q35", "", {"-m", "512M"});
  expect_end(90);
  EXPECT_THAT(console(),
              HasSubstr("no guest channel, so the workload cannot run: the kernel has found no virtio device"));
}

TEST_F(BootTest, VirtioMmioOnMicrovm) {
  // The kernel would measure its TSC against the emulated PIT, which fails on a busy machine and leaves it without a
  // clock.
  boot("microvm,acpi=on,rtc=on,auto-kernel-cmdline=off", "tsc_early_khz=2000000",
       {"-m", "512M", "-global", "virtio-mmio.force-legacy=false", "-device", "virtio-serial-device", "-device",
        "virtserialport,chardev=agent,name=sporehost.agent"});
  ASSERT_NO_FATAL_FAILURE(run(command({"/bin/true"})));
  ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); }));
  EXPECT_EQ(seen().exit->code, 0);
  ASSERT_TRUE(talk_->channel().power_off().ok());
  ASSERT_TRUE(talk_->until([this] { return seen().bye.has_value(); }));
  expect_end();
}

} // namespace
} // namespace sporehost::test

// Backends that cannot be used, and what the probe says.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BackendTest : public CliTest {
 protected:
  // A run on `device`; it never gets as far as the kernel.
  [[nodiscard]] Output run_on(const std::string& device, bool unprivileged) const {
    const std::string config = machine("backend: {plugin: kvm, options: {device: " + device +
                                       "}}\ndevices: [virtio-console]\n" + "log: {level: error}\n");
    std::filesystem::permissions(config, std::filesystem::perms(0644));
    return run(
        {{"--config", config, "--kernel", path("none"), "--initrd", "none", "--memory", "64MiB"}, {}, unprivileged});
  }
};

TEST_F(BackendTest, MissingDevice) {
  const Output output = run_on("/nonexistent/kvm", false);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("backend 'kvm' cannot be used here: cannot open /nonexistent/kvm: No such "
                                          "file or directory; load the module (modprobe kvm_amd, or modprobe "
                                          "kvm_intel) and see that virtualization is enabled in the firmware; in a "
                                          "container, pass the device in"));
}

TEST_F(BackendTest, NoPermissionOnADevice) {
  if (const std::string why = why_not_unprivileged(); !why.empty()) GTEST_SKIP() << why;
  const std::string device = write("kvm", "");
  std::filesystem::permissions(device, std::filesystem::perms::none);
  const Output output = run_on(device, ::geteuid() == 0);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              HasSubstr("backend 'kvm' cannot be used here: cannot open " + device +
                        ": Permission denied; join the group that owns it (usermod -aG kvm USER, then log in again)"));
}

TEST_F(BackendTest, NoPermissionOnDevKvm) {
  if (const std::string why = why_not_unprivileged(); !why.empty()) GTEST_SKIP() << why;
  if (::access("/dev/kvm", F_OK) != 0) GTEST_SKIP() << "there is no /dev/kvm here";
  if (::geteuid() != 0 && ::access("/dev/kvm", R_OK | W_OK) == 0) GTEST_SKIP() << "this user may use /dev/kvm";
  const Output output = run_on("/dev/kvm", ::geteuid() == 0);
  if (output.message().find("Permission denied") == std::string::npos &&
      (std::filesystem::status("/dev/kvm").permissions() & std::filesystem::perms::others_write) !=
          std::filesystem::perms::none)
    GTEST_SKIP() << "everybody may use /dev/kvm here";
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("cannot open /dev/kvm: Permission denied; join the group that owns it"));
}

TEST_F(BackendTest, AFileThatIsNoKvmDevice) {
  const Output output = run_on("/dev/null", false);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("/dev/null is not a KVM device"));
}

TEST_F(BackendTest, UnknownBackend) {
  const Output output = run({{"--config", machine("log: {level: error}\n"), "--kernel", "x", "--initrd", "none",
                              "--memory", "64MiB", "--backend", "kmv"},
                             {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("no plugin offers a backend 'kmv' (did you mean 'kvm'?)"));
}

TEST_F(BackendTest, ProbeAnswersInJson) {
  const Output output = run({{"backend", "probe", "--json", "--no-measure"}, {}});
  ASSERT_EQ(output.status, 0) << output.err;
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_array()) << output.out;
  const auto kvm = std::find_if(json.begin(), json.end(), [](const auto& one) { return one["id"] == "kvm"; });
  ASSERT_NE(kvm, json.end());
  EXPECT_TRUE((*kvm)["usable"].is_boolean());
  EXPECT_TRUE((*kvm)["fit_for_linux"].is_boolean());
  EXPECT_FALSE((*kvm)["summary"].get<std::string>().empty());
  EXPECT_EQ((*kvm)["usable"].get<bool>(), why_no_kvm().empty());
}

TEST_F(BackendTest, ProbeOfAnUnprivilegedUserIsAnAnswerAndNoFailure) {
  if (const std::string why = why_not_unprivileged(); !why.empty()) GTEST_SKIP() << why;
  if (::geteuid() != 0) GTEST_SKIP() << "covered by ProbeAnswersInJson";
  const Output output = run({{"backend", "probe", "--no-measure"}, {}, true});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, StartsWith("kvm: usable: "));
}

} // namespace
} // namespace cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/config/machine_config.hpp"

namespace sporehost {
namespace {

using ::testing::ElementsAre;

MachineConfig base(const std::string& extra = "") {
  auto result = parse_machine_config("version: 1\n" + extra, "m.yaml");
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().text);
  return *result;
}

MachineConfig applied(const std::string& extra, const Overrides& overrides, const Environment& environment = {}) {
  auto result = apply_overrides(base(extra), overrides, environment);
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().text);
  return result ? *result : MachineConfig{};
}

std::string error_of(const Overrides& overrides) {
  auto result = apply_overrides(base(), overrides);
  return result ? "accepted" : result.error().text;
}

TEST(Overrides, NothingChangesNothing) {
  const MachineConfig config = applied("memory: 2GiB\nbackend: kvm\n", {});
  EXPECT_EQ(config.memory.size, uint64_t{2} << 30);
  EXPECT_EQ(config.backend->plugin, "kvm");
  EXPECT_EQ(config.report, ReportFormat::text);
}

TEST(Overrides, KernelPrecedenceIsOptionThenEnvironmentThenFile) {
  const Environment environment{"/env/kernel"};
  Overrides option;
  option.kernel = "opt/kernel";
  const std::string file = "boot: {kernel: file/kernel}\n";
  EXPECT_EQ(applied(file, {}).boot.kernel.origin, ArtifactOrigin::custom_config);
  EXPECT_EQ(applied(file, {}, environment).boot.kernel.origin, ArtifactOrigin::custom_environment);
  EXPECT_EQ(applied(file, {}, environment).boot.kernel.path, "/env/kernel");
  EXPECT_EQ(applied(file, option, environment).boot.kernel.origin, ArtifactOrigin::custom_option);
  EXPECT_EQ(applied(file, option, environment).boot.kernel.path, "opt/kernel");
  EXPECT_EQ(applied("", {}, environment).boot.kernel.origin, ArtifactOrigin::custom_environment);
  option.kernel = "managed";
  EXPECT_EQ(applied(file, option, environment).boot.kernel.origin, ArtifactOrigin::managed);
  EXPECT_EQ(applied(file, option, environment).boot.kernel.path, "");
  EXPECT_EQ(applied("", {}, Environment{""}).boot.kernel.origin, ArtifactOrigin::managed);
}

TEST(Overrides, InitrdOrigins) {
  Overrides overrides;
  overrides.initrd = "none";
  EXPECT_EQ(applied("", overrides).boot.initrd.origin, ArtifactOrigin::none);
  overrides.initrd = "x.img";
  EXPECT_EQ(applied("", overrides).boot.initrd.origin, ArtifactOrigin::custom_option);
  overrides.initrd = "managed";
  EXPECT_EQ(applied("boot: {initrd: y.img}\n", overrides).boot.initrd.origin, ArtifactOrigin::managed);
}

TEST(Overrides, EachValueReplacesTheFiles) {
  Overrides overrides;
  overrides.memory = "1GiB";
  overrides.capture = "out";
  overrides.resume = "in";
  overrides.cpus = "4";
  overrides.argv = {"/bin/ls", "-l"};
  overrides.json = true;
  const MachineConfig config = applied("memory: auto\ncapture: /x\nworkload: {argv: [a], cwd: /tmp}\n", overrides);
  EXPECT_EQ(config.memory.size, uint64_t{1} << 30);
  EXPECT_EQ(config.capture, "out");
  EXPECT_EQ(config.resume, "in");
  EXPECT_EQ(config.cpus, 4u);
  EXPECT_THAT(config.workload.argv, ElementsAre("/bin/ls", "-l"));
  EXPECT_EQ(config.workload.cwd, "/tmp");
  EXPECT_EQ(config.report, ReportFormat::json);
  overrides.memory = "auto";
  EXPECT_FALSE(applied("memory: 2GiB\n", overrides).memory.size);
}

TEST(Overrides, BackendKeepsItsOptionsOnlyIfItIsTheSame) {
  const std::string file = "backend: {plugin: kvm, options: {a: 1}}\n";
  Overrides overrides;
  overrides.backend = "kvm";
  EXPECT_EQ(applied(file, overrides).backend->options.value.size(), 1u);
  overrides.backend = "hvf";
  EXPECT_EQ(applied(file, overrides).backend->plugin, "hvf");
  EXPECT_TRUE(applied(file, overrides).backend->options.value.empty());
  overrides.backend = "auto";
  EXPECT_FALSE(applied(file, overrides).backend.has_value());
}

TEST(Overrides, ErrorsNameTheOption) {
  const auto with = [](auto set) {
    Overrides overrides;
    set(overrides);
    return error_of(overrides);
  };
  EXPECT_EQ(with([](Overrides& o) { o.memory = "2GB"; }),
            "--memory: '2GB' is not a size: unit 'GB' is not accepted; write 2GiB");
  EXPECT_EQ(with([](Overrides& o) { o.memory = "0"; }),
            "--memory: a machine needs memory; write auto or a size such as 512MiB");
  EXPECT_EQ(with([](Overrides& o) { o.kernel = "none"; }),
            "--kernel: a machine needs a kernel; give managed or a path");
  EXPECT_EQ(with([](Overrides& o) { o.initrd = ""; }), "--initrd: the path is empty");
  EXPECT_EQ(with([](Overrides& o) { o.capture = ""; }), "--capture: the path is empty");
  EXPECT_EQ(with([](Overrides& o) { o.resume = ""; }), "--resume: the path is empty");
  EXPECT_EQ(with([](Overrides& o) { o.cpus = "65"; }), "--cpus: expected a whole number from 1 to 64, got '65'");
  EXPECT_EQ(with([](Overrides& o) { o.cpus = "2x"; }), "--cpus: expected a whole number from 1 to 64, got '2x'");
  EXPECT_EQ(with([](Overrides& o) { o.backend = "KVM"; }),
            "--backend: 'KVM' is not a plugin's id; an id has lower-case letters and digits, with single hyphens "
            "between, such as virtio-rng");
  EXPECT_EQ(with([](Overrides& o) { o.argv = {""}; }), "the command: the program's name is empty");
}

TEST(Overrides, ReadsTheEnvironment) {
  ::setenv("SPOREVM_KERNEL_IMAGE", "/k", 1);
  EXPECT_EQ(read_environment().kernel_image, "/k");
  ::setenv("SPOREVM_KERNEL_IMAGE", "", 1);
  EXPECT_FALSE(read_environment().kernel_image.has_value());
  ::unsetenv("SPOREVM_KERNEL_IMAGE");
  EXPECT_FALSE(read_environment().kernel_image.has_value());
}

TEST(Overrides, SomethingMustRun) {
  EXPECT_EQ(check_runnable(base()).error().text,
            "m.yaml: there is nothing to run; add workload: {argv: [\"/bin/true\"]}, or give a command after -- on the "
            "command line");
  EXPECT_TRUE(check_runnable(base("workload: {argv: [a]}\n")).ok());
  EXPECT_TRUE(check_runnable(base("boot: {initrd: x.img}\n")).ok());
  EXPECT_TRUE(check_runnable(base("resume: x\n")).ok());
}

TEST(Overrides, OriginsHaveNames) {
  EXPECT_EQ(to_string(ArtifactOrigin::managed), "managed");
  EXPECT_EQ(to_string(ArtifactOrigin::custom_config), "custom (machine description)");
  EXPECT_EQ(to_string(ArtifactOrigin::custom_option), "custom (command line)");
  EXPECT_EQ(to_string(ArtifactOrigin::custom_environment), "custom (SPOREVM_KERNEL_IMAGE)");
  EXPECT_EQ(to_string(ArtifactOrigin::none), "none");
  EXPECT_EQ(to_string(LogLevel::warn), "warn");
}

} // namespace
} // namespace sporehost

// The memory contract, decided before anything exists: what `sporehost plan` answers for every kind of run.
#include <nlohmann/json.hpp>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::HasSubstr;

struct Case {
  const char* name;
  std::vector<std::string> arguments; // KERNEL and INITRD stand for files
  const char* image;                  // SPOREVM_KERNEL_IMAGE
  const char* config;                 // lines of the machine description
  int ram_mib;
  int virtio_mem_mib;
  const char* reason;
};

class Plan : public CliTest, public testing::WithParamInterface<Case> {};

TEST_P(Plan, FollowsTheContractAndSaysWhy) {
  const Case& one = GetParam();
  std::vector<std::string> arguments{"plan", "--json", "--config", machine(one.config)};
  for (const std::string& argument : one.arguments)
    arguments.push_back(argument == "KERNEL"   ? write("own-vmlinux", "any")
                        : argument == "INITRD" ? write("own-initrd", "any")
                                               : argument);
  const Output output =
      run({arguments, {{"SPOREHOST_MANAGED_DIR", managed_folder()}, {"SPOREVM_KERNEL_IMAGE", one.image}}});
  ASSERT_EQ(output.status, 0) << output.err;
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << output.out;
  EXPECT_EQ(json["ram_mib"], one.ram_mib);
  EXPECT_EQ(json["virtio_mem_mib"], one.virtio_mem_mib);
  EXPECT_EQ(json["requested_mib"], 0);
  EXPECT_EQ(json["reason"], one.reason);
}

INSTANTIATE_TEST_SUITE_P(
    Contract, Plan,
    testing::Values(
        Case{"FreshManagedRun",
             {},
             "",
             "",
             512,
             15872,
             "512 MiB at boot and a region of 15872 MiB: a fresh managed run, which grows when the guest is ready"},
        Case{"AutoByOption",
             {"--memory", "auto"},
             "",
             "memory: 2GiB\n",
             512,
             15872,
             "512 MiB at boot and a region of 15872 MiB: a fresh managed run, which grows when the guest is ready"},
        Case{"ManagedByOption",
             {"--kernel", "managed"},
             "/somewhere/vmlinux",
             "",
             512,
             15872,
             "512 MiB at boot and a region of 15872 MiB: a fresh managed run, which grows when the guest is ready"},
        Case{"ExplicitSize", {}, "", "memory: 2GiB\n", 2048, 0, "fixed 2048 MiB: the size is given explicitly"},
        Case{"ExplicitByOption", {"--memory", "512MiB"}, "", "", 512, 0, "fixed 512 MiB: the size is given explicitly"},
        Case{"ExplicitMaximum",
             {"--memory", "16GiB"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the size is given explicitly"},
        Case{"KernelByOption",
             {"--kernel", "KERNEL"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the kernel is custom (--kernel), so nothing may depend on hotplug"},
        Case{"KernelByDescription",
             {},
             "",
             "boot: {kernel: ./own-vmlinux}\n",
             16384,
             0,
             "fixed 16384 MiB: the kernel is custom (`kernel` in the machine description), so nothing may depend on "
             "hotplug"},
        Case{"KernelByEnvironment",
             {},
             "/somewhere/vmlinux",
             "",
             16384,
             0,
             "fixed 16384 MiB: the kernel is custom (SPOREVM_KERNEL_IMAGE), so nothing may depend on hotplug"},
        Case{"KernelByOptionBeforeEnvironment",
             {"--kernel", "KERNEL"},
             "/somewhere/vmlinux",
             "",
             16384,
             0,
             "fixed 16384 MiB: the kernel is custom (--kernel), so nothing may depend on hotplug"},
        Case{"InitrdByOption",
             {"--initrd", "INITRD"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the initrd is custom (--initrd), so nothing may depend on hotplug"},
        Case{"InitrdByDescription",
             {},
             "",
             "boot: {initrd: ./own-initrd}\n",
             16384,
             0,
             "fixed 16384 MiB: the initrd is custom (`initrd` in the machine description), so nothing may depend on "
             "hotplug"},
        Case{"NoInitrd",
             {"--initrd", "none"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: there is no managed initrd, so nothing may depend on hotplug"},
        Case{"Capture",
             {"--capture", "state"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the machine is captured, so nothing may depend on hotplug"},
        Case{"CaptureByDescription",
             {},
             "",
             "capture: state\n",
             16384,
             0,
             "fixed 16384 MiB: the machine is captured, so nothing may depend on hotplug"},
        Case{"Resume",
             {"--resume", "state"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the machine resumes from a capture, so nothing may depend on hotplug"},
        Case{"Everything",
             {"--kernel", "KERNEL", "--initrd", "INITRD", "--capture", "a", "--resume", "b"},
             "",
             "",
             16384,
             0,
             "fixed 16384 MiB: the kernel is custom (--kernel), the initrd is custom (--initrd), the machine is "
             "captured and the machine resumes from a capture, so nothing may depend on hotplug"},
        Case{"ExplicitSizeWithACustomKernel",
             {"--kernel", "KERNEL", "--memory", "1GiB"},
             "",
             "",
             1024,
             0,
             "fixed 1024 MiB: the size is given explicitly"},
        Case{"NoDeviceThatPlugs",
             {},
             "",
             "devices: [virtio-console]\n",
             16384,
             0,
             "fixed 16384 MiB: the machine has no virtio-mem device, so the guest could not grow"},
        Case{"PolicyOptions",
             {},
             "",
             "memory: {policy: {plugin: memory-policy-auto, options: {boot: 1GiB, maximum: 4GiB}}}\n",
             1024,
             3072,
             "1024 MiB at boot and a region of 3072 MiB: a fresh managed run, which grows when the guest is ready"},
        Case{
            "PartOfAMemoryBlockIsLeftOut",
            {},
            "",
            "memory: {policy: {plugin: memory-policy-auto, options: {boot: 512MiB, maximum: 700MiB}}}\n",
            512,
            128,
            "512 MiB at boot and a region of 128 MiB: a fresh managed run, which grows when the guest is ready; 60 MiB "
            "of the maximum are left out, since Linux adds memory in blocks of 128 MiB"}),
    [](const auto& test) { return std::string(test.param.name); });

using PlanText = CliTest;

TEST_F(PlanText, ForPeopleShowsTheFilesToo) {
  const std::string folder = managed_folder();
  const Output output = run({{"plan", "--config", machine("")}, {{"SPOREHOST_MANAGED_DIR", folder}}});
  ASSERT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.out,
            "ram_mib=512 virtio_mem_mib=15872\n"
            "reason: 512 MiB at boot and a region of 15872 MiB: a fresh managed run, which grows when the guest is "
            "ready\nkernel: " +
                folder + "/vmlinux\ninitrd: " + folder + "/initrd.cpio\n");
}

// The region to plug has one owner: two drivers would plug and unplug each other's blocks.
TEST_F(PlanText, TwoDevicesForOneRegionAreRefusedWithTheirPlace) {
  const std::string text = "devices: [virtio-console, virtio-mem, {plugin: virtio-mem, name: more}]\n";
  const Output planned = run({{"plan", "--config", machine(text)}, {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  const std::string words =
      ":3:39: device 'more' wants the region to plug, which device 'virtio-mem' has; a machine has "
      "one region, so remove one of the two";
  EXPECT_EQ(planned.status, kNothingRun);
  EXPECT_EQ(planned.message(), "sporehost: " + path("m.yaml") + words);
  const Output checked = run({{"check", "--config", machine(text)}, {}});
  EXPECT_EQ(checked.status, kNothingRun);
  EXPECT_EQ(checked.message(), "sporehost: " + path("m.yaml") + words);
}

// A managed kernel that could not grow is no managed kernel at all.
TEST_F(PlanText, AKernelWithoutVirtioMemIsNotAccepted) {
  const std::string folder = managed_folder();
  write("managed/config", "CONFIG_X86_64=y\nCONFIG_ACPI=y\n");
  const Output output = run({{"plan", "--config", machine("")}, {{"SPOREHOST_MANAGED_DIR", folder}}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("CONFIG_VIRTIO_MEM"));
}

} // namespace
} // namespace cli

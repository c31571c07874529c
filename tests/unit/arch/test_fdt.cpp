// The device tree, read back with libfdt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libfdt.h>

#include "core/arch/aarch64/fdt.hpp"

namespace sporehost::arch::aarch64 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FdtTest : public ::testing::Test {
 protected:
  FdtTest() {
    info_.ram = {kRamStart, 512 * kMiB};
    info_.bootargs = "console=ttyAMA0 quiet";
    info_.devices = {*virtio_slot(0), *virtio_slot(1)};
    info_.rng_seed.fill(0x5a);
    info_.kaslr_seed = 0x1122334455667788;
  }

  void make() {
    info_.gic = gic_places({}, info_.vcpus).value();
    auto made = make_fdt(info_);
    ASSERT_TRUE(made.ok()) << made.error().text;
    fdt_ = std::move(made).value();
    ASSERT_EQ(fdt_check_full(fdt_.data(), fdt_.size()), 0);
  }
  [[nodiscard]] int node(const char* path) const { return fdt_path_offset(fdt_.data(), path); }
  [[nodiscard]] std::string raw(const char* path, const char* name) const {
    int length = 0;
    const void* value = fdt_getprop(fdt_.data(), node(path), name, &length);
    return value != nullptr ? std::string(static_cast<const char*>(value), static_cast<size_t>(length)) : "(absent)";
  }
  [[nodiscard]] std::string text(const char* path, const char* name) const { return raw(path, name).c_str(); }
  [[nodiscard]] std::vector<uint32_t> cells(const char* path, const char* name) const {
    const std::string bytes = raw(path, name);
    std::vector<uint32_t> values;
    for (size_t i = 0; i + 4 <= bytes.size(); i += 4)
      values.push_back(fdt32_ld(reinterpret_cast<const fdt32_t*>(bytes.data() + i)));
    return values;
  }

  FdtInfo info_;
  std::vector<uint8_t> fdt_;
};

TEST_F(FdtTest, MemoryAndChosen) {
  info_.initrd = {0x5f000000, 0x123456};
  make();
  EXPECT_THAT(cells("/memory@40000000", "reg"), ElementsAre(0, 0x40000000, 0, 0x20000000));
  EXPECT_EQ(text("/memory@40000000", "device_type"), "memory");
  EXPECT_EQ(text("/chosen", "bootargs"), "console=ttyAMA0 quiet");
  EXPECT_THAT(cells("/chosen", "linux,initrd-start"), ElementsAre(0, 0x5f000000));
  EXPECT_THAT(cells("/chosen", "linux,initrd-end"), ElementsAre(0, 0x5f123456));
  EXPECT_EQ(raw("/chosen", "rng-seed"), std::string(32, '\x5a'));
  EXPECT_THAT(cells("/chosen", "kaslr-seed"), ElementsAre(0x11223344, 0x55667788));
}

TEST_F(FdtTest, NothingIsDescribedThatIsNotThere) {
  info_.devices.clear();
  make();
  EXPECT_EQ(raw("/chosen", "linux,initrd-start"), "(absent)");
  EXPECT_EQ(raw("/chosen", "stdout-path"), "(absent)");
  EXPECT_LT(node("/pl011@9000000"), 0);
  EXPECT_LT(node("/virtio_mmio@a000000"), 0);
}

IoNode serial() {
  return {"ARMH0011", "arm,pl011", {{false, {kPl011, kPl011Size}}}, {{kPl011Gsi, false}}};
}

TEST_F(FdtTest, SerialPortWithItsClock) {
  info_.serial = true;
  info_.io_devices = {serial()};
  make();
  EXPECT_EQ(text("/chosen", "stdout-path"), "/pl011@9000000");
  EXPECT_THAT(cells("/pl011@9000000", "reg"), ElementsAre(0, 0x09000000, 0, 0x1000));
  EXPECT_THAT(cells("/pl011@9000000", "interrupts"), ElementsAre(0, 1, 1));
  const auto clocks = cells("/pl011@9000000", "clocks");
  ASSERT_EQ(clocks.size(), 2u);
  EXPECT_EQ(fdt_node_offset_by_phandle(fdt_.data(), clocks[0]), node("/apb-pclk"));
  EXPECT_EQ(raw("/pl011@9000000", "compatible"), std::string("arm,pl011\0arm,primecell\0", 24));
}

TEST_F(FdtTest, IoDevicesHaveWindowsAndLines) {
  info_.io_devices = {{"PNP0B00", "", {{false, {0x10000000, 0x1000}}}, {}}, // for ACPI alone
                      {"", "arm,pl031", {{false, {0x10001000, 0x1000}}}, {{223, true}}},
                      {"", "acme,two-windows", {{false, {0x10002000, 8}}, {false, {0x2000000000, 16}}}, {{222, false}}},
                      {"", "acme,line", {}, {{221, true}}},
                      {"", "acme,9", {{false, {0x10003000, 8}}}, {}}};
  make();
  EXPECT_LT(node("/device@10000000"), 0);
  EXPECT_EQ(raw("/pl031@10001000", "compatible"), std::string("arm,pl031\0arm,primecell\0", 24));
  EXPECT_EQ(raw("/pl031@10001000", "clock-names"), std::string("apb_pclk\0", 9));
  EXPECT_EQ(fdt_node_offset_by_phandle(fdt_.data(), cells("/pl031@10001000", "clocks").at(0)), node("/apb-pclk"));
  EXPECT_THAT(cells("/pl031@10001000", "interrupts"), ElementsAre(0, 223, 4));
  EXPECT_EQ(text("/two-windows@10002000", "compatible"), "acme,two-windows");
  EXPECT_EQ(raw("/two-windows@10002000", "clocks"), "(absent)");
  EXPECT_THAT(cells("/two-windows@10002000", "reg"), ElementsAre(0, 0x10002000, 0, 8, 0x20, 0, 0, 16));
  EXPECT_THAT(cells("/two-windows@10002000", "interrupts"), ElementsAre(0, 222, 1));
  EXPECT_EQ(raw("/line-3", "reg"), "(absent)");
  EXPECT_THAT(cells("/line-3", "interrupts"), ElementsAre(0, 221, 4));
  EXPECT_EQ(text("/device@10003000", "compatible"), "acme,9");
  EXPECT_EQ(raw("/chosen", "stdout-path"), "(absent)");
}

TEST_F(FdtTest, RefusesIoDevicesThatTheTreeCannotHave) {
  const auto refused = [&](const IoNode& node) {
    info_.io_devices = {node};
    const auto made = make_fdt(info_);
    return made ? "(made)" : made.error().text;
  };
  EXPECT_THAT(refused({"", "a/b", {}, {}}), HasSubstr("SDK-25"));
  EXPECT_THAT(refused({"", "acme,x", {{true, {0x3f8, 8}}}, {}}), HasSubstr("ports"));
  EXPECT_THAT(refused({"", "acme,x", {}, {{kSpis, false}}}), HasSubstr("interrupt 224"));
}

TEST_F(FdtTest, InterruptControllerAndTimer) {
  info_.vcpus = 3;
  make();
  EXPECT_EQ(text("/intc@8000000", "compatible"), "arm,gic-v3");
  EXPECT_THAT(cells("/intc@8000000", "reg"), ElementsAre(0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0x60000));
  EXPECT_EQ(fdt_node_offset_by_phandle(fdt_.data(), cells("/", "interrupt-parent").at(0)), node("/intc@8000000"));
  EXPECT_THAT(cells("/timer", "interrupts"), ElementsAre(1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4));
}

TEST_F(FdtTest, EveryVcpuIsNamedByItsAffinityAndStartedByPsci) {
  info_.vcpus = 18;
  make();
  EXPECT_THAT(cells("/cpus/cpu@0", "reg"), ElementsAre(0));
  EXPECT_THAT(cells("/cpus/cpu@f", "reg"), ElementsAre(15));
  EXPECT_THAT(cells("/cpus/cpu@101", "reg"), ElementsAre(0x101));
  EXPECT_LT(node("/cpus/cpu@102"), 0);
  EXPECT_EQ(text("/cpus/cpu@101", "enable-method"), "psci");
  EXPECT_EQ(text("/psci", "method"), "hvc");
  EXPECT_EQ(text("/psci", "compatible"), "arm,psci-1.0");
}

TEST_F(FdtTest, VirtioDevicesHaveWindowAndEdge) {
  make();
  EXPECT_EQ(text("/virtio_mmio@a001000", "compatible"), "virtio,mmio");
  EXPECT_THAT(cells("/virtio_mmio@a001000", "reg"), ElementsAre(0, 0x0a001000, 0, 0x1000));
  EXPECT_THAT(cells("/virtio_mmio@a001000", "interrupts"), ElementsAre(0, 17, 1));
  EXPECT_EQ(raw("/virtio_mmio@a001000", "dma-coherent"), "");
}

TEST_F(FdtTest, AFullBoardFits) {
  info_.vcpus = kMaxVcpus;
  info_.serial = true;
  info_.io_devices = {serial()};
  info_.bootargs.assign(2047, 'x');
  info_.devices.clear();
  for (uint32_t i = 0; i < kMaxVirtioDevices; ++i) info_.devices.push_back(*virtio_slot(i));
  make();
  EXPECT_LT(fdt_.size(), kFdtRoom / 4);
}

TEST_F(FdtTest, WhatDoesNotFitIsAnError) {
  info_.vcpus = kMaxVcpus + 1;
  EXPECT_THAT(make_fdt(info_).error().text, HasSubstr("1 to 123 vCPUs"));
  info_.vcpus = 1;
  info_.bootargs.assign(kFdtRoom, 'x');
  EXPECT_THAT(make_fdt(info_).error().text, HasSubstr("device tree cannot be made"));
}

} // namespace
} // namespace sporehost::arch::aarch64

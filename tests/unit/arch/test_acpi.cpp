#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/arch/x86_64/acpi.hpp"
#include "core/arch/x86_64/table_bytes.hpp"
#include "tests/unit/arch/fake_guest.hpp"

namespace sporehost::arch::x86_64 {
namespace {

using testing::at;
using ::testing::HasSubstr;

std::vector<MmioSlot> slots(unsigned count) {
  std::vector<MmioSlot> devices;
  for (unsigned i = 0; i < count; ++i) devices.push_back(*virtio_slot(i));
  return devices;
}

IoNode com1() {
  return {"PNP0501", "", {{true, {kCom1Port, kCom1Ports}}}, {{kCom1Gsi, false}}};
}

// The tables as a guest finds them: from the RSDP by addresses alone.
class Tables {
 public:
  explicit Tables(const AcpiConfig& config) {
    auto made = make_acpi(config);
    EXPECT_TRUE(made.ok());
    image_ = std::move(made).value();
    const uint64_t xsdt = at<uint64_t>(image_, 24);
    keep(xsdt);
    for (size_t offset = 36; offset + 8 <= by_name_["XSDT"].size(); offset += 8) {
      keep(at<uint64_t>(by_name_["XSDT"], offset));
    }
    keep(at<uint64_t>(by_name_["FACP"], 140));
  }
  std::span<const uint8_t> image() const { return image_; }
  const Table& operator[](const std::string& name) { return by_name_[name]; }
  const std::map<std::string, Table>& all() const { return by_name_; }

 private:
  void keep(uint64_t gpa) {
    ASSERT_GE(gpa, kAcpiTables);
    const std::span<const uint8_t> rest = std::span<const uint8_t>(image_).subspan(gpa - kAcpiTables);
    const std::string name(rest.begin(), rest.begin() + 4);
    const uint32_t size = at<uint32_t>(rest, 4);
    ASSERT_LE(size, rest.size());
    by_name_[name] = Table(rest.begin(), rest.begin() + size);
  }
  std::vector<uint8_t> image_;
  std::map<std::string, Table> by_name_;
};

TEST(Acpi, EveryTableAddsUpToZero) {
  const auto devices = slots(16);
  const std::vector<IoNode> io = {com1()};
  for (const uint32_t vcpus : {1u, 4u, kMaxVcpus}) {
    Tables tables(
        {.vcpus = vcpus, .devices = devices, .io_devices = io, .serial = true, .power_button_gsi = kPowerButtonGsi});
    EXPECT_EQ(byte_sum(tables.image().first(20)), 0);
    EXPECT_EQ(byte_sum(tables.image().first(36)), 0);
    EXPECT_EQ(tables.all().size(), 4u);
    for (const auto& [name, table] : tables.all()) EXPECT_EQ(byte_sum(table), 0) << name;
  }
}

TEST(Acpi, TheRsdpIsWhereASearchFindsIt) {
  testing::FakeGuest guest;
  ASSERT_TRUE(write_acpi(guest, {}).ok());
  EXPECT_EQ(kAcpiTables % 16, 0u);
  EXPECT_EQ(guest.text(kAcpiTables).substr(0, 8), "RSD PTR ");
  EXPECT_EQ(guest.read<uint8_t>(kAcpiTables + 15), 2);
}

TEST(Acpi, TheFadtSaysHardwareReducedWithPorts) {
  Tables tables({});
  const Table& fadt = tables["FACP"];
  ASSERT_EQ(fadt.size(), 276u);
  const auto flags = at<uint32_t>(fadt, 112);
  EXPECT_NE(flags & 1u << 20, 0u); // HW_REDUCED_ACPI
  EXPECT_NE(flags & 1u << 10, 0u); // RESET_REG_SUP
  const auto boot = at<uint16_t>(fadt, 109);
  EXPECT_EQ(boot & 1u << 1, 0u);        // no 8042
  EXPECT_NE(boot & 1u << 2, 0u);        // no VGA
  EXPECT_EQ(boot & 1u << 3, 0u);        // MSI is fine
  EXPECT_NE(boot & 1u << 5, 0u);        // no CMOS RTC
  EXPECT_EQ(at<uint8_t>(fadt, 116), 1); // system I/O
  EXPECT_EQ(at<uint64_t>(fadt, 120), kResetPort);
  EXPECT_EQ(at<uint8_t>(fadt, 128), kResetValue);
  EXPECT_EQ(at<uint64_t>(fadt, 248), kSleepControlPort);
  EXPECT_EQ(at<uint64_t>(fadt, 260), kSleepStatusPort);
  EXPECT_EQ(at<uint32_t>(fadt, 76), 0u); // PM_TMR_BLK
}

TEST(Acpi, TheMadtListsEveryProcessorAndTheIoApic) {
  Tables tables({.vcpus = 3});
  const Table& madt = tables["APIC"];
  EXPECT_EQ(at<uint32_t>(madt, 36), kLocalApic);
  std::vector<uint8_t> ids;
  bool io_apic = false;
  for (size_t offset = 44; offset + 2 <= madt.size(); offset += madt[offset + 1]) {
    ASSERT_NE(madt[offset + 1], 0);
    if (madt[offset] == 0) ids.push_back(madt[offset + 3]);
    if (madt[offset] == 1) {
      io_apic = true;
      EXPECT_EQ(madt[offset + 2], 3); // an id that no processor has
      EXPECT_EQ(at<uint32_t>(madt, offset + 4), kIoApic);
    }
  }
  EXPECT_EQ(ids, (std::vector<uint8_t>{0, 1, 2}));
  EXPECT_TRUE(io_apic);
}

TEST(Acpi, RefusesWhatTheBoardDoesNotTake) {
  EXPECT_FALSE(make_acpi({.vcpus = 0}).ok());
  EXPECT_FALSE(make_acpi({.vcpus = kMaxVcpus + 1}).ok());
  const std::vector<MmioSlot> high = {{4 * kGiB, kPage, 5}};
  EXPECT_FALSE(make_acpi({.devices = high}).ok());
  const std::vector<MmioSlot> crossing = {{4 * kGiB - kPage, 2 * kPage, 5}};
  EXPECT_FALSE(make_acpi({.devices = crossing}).ok());
  const std::vector<MmioSlot> no_pin = {{kVirtioMmioBase, kPage, 24}};
  EXPECT_FALSE(make_acpi({.devices = no_pin}).ok());
  EXPECT_FALSE(make_acpi({.power_button_gsi = 24}).ok());
  const std::vector<MmioSlot> many(2000, MmioSlot{kVirtioMmioBase, kPage, 5});
  const auto result = make_acpi({.devices = many});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().text, HasSubstr("use fewer devices"));
}

TEST(Acpi, RefusesIoDevicesThatATableCannotHave) {
  const auto refused = [](const IoNode& node) {
    const std::vector<IoNode> io = {node};
    const auto made = make_acpi({.io_devices = io});
    return made ? "(made)" : made.error().text;
  };
  EXPECT_THAT(refused({"PNP\"500", "", {}, {}}), HasSubstr("SDK-25"));
  EXPECT_THAT(refused({"PNP0B00", "", {}, {{kIoApicPins, true}}}), HasSubstr("IOAPIC"));
  EXPECT_THAT(refused({"PNP0B00", "", {{true, {0xffff, 2}}}, {}}), HasSubstr("no address space"));
  EXPECT_THAT(refused({"PNP0B00", "", {{true, {0, 0x10000}}}, {}}), HasSubstr("no address space"));
  EXPECT_THAT(refused({"PNP0B00", "", {{false, {UINT64_MAX, 2}}}, {}}), HasSubstr("no address space"));
  EXPECT_THAT(refused({"PNP0B00", "", {{false, {0, 0}}}, {}}), HasSubstr("no address space"));
  EXPECT_EQ(refused({"", "not for ACPI", {}, {}}), "(made)");
}

// The reference compiler's disassembler, where there is one.
class Disassembly : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef SPORE_IASL
    GTEST_SKIP() << "iasl (package acpica-tools) was not found at configure time";
#endif
    folder_ = ::testing::TempDir() + "spore-acpi-" + std::to_string(::getpid());
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  // Disassembles `table`; compiles the source again if `compile`. Gives the source, without runs of spaces.
  std::string disassemble(const Table& table, bool compile) {
#ifdef SPORE_IASL
    const std::string base = folder_ + "/table";
    std::ofstream(base + ".aml", std::ios::binary)
        .write(reinterpret_cast<const char*>(table.data()), static_cast<std::streamsize>(table.size()));
    const std::string iasl = SPORE_IASL;
    EXPECT_EQ(std::system((iasl + " -d " + base + ".aml > " + base + ".log 2>&1").c_str()), 0) << read(base + ".log");
    EXPECT_THAT(read(base + ".log"), ::testing::Not(HasSubstr("Error")));
    const std::string source = read(base + ".dsl");
    if (compile) {
      EXPECT_EQ(std::system((iasl + " -we -p " + base + "2 " + base + ".dsl > " + base + ".log 2>&1").c_str()), 0)
          << read(base + ".log");
      EXPECT_THAT(read(base + ".log"), HasSubstr("0 Errors, 0 Warnings"));
    }
    std::string squeezed;
    for (const char c : source) {
      const char put = c == '\n' ? ' ' : c;
      if (put != ' ' || squeezed.empty() || squeezed.back() != ' ') squeezed += put;
    }
    return squeezed;
#else
    (void)table, (void)compile;
    return {};
#endif
  }

  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string folder_;
};

TEST_F(Disassembly, TheDsdtSaysWhatWasMeant) {
  const auto devices = slots(2);
  const std::vector<IoNode> io = {com1()};
  Tables tables(
      {.vcpus = 2, .devices = devices, .io_devices = io, .serial = true, .power_button_gsi = kPowerButtonGsi});
  const std::string source = disassemble(tables["DSDT"], true);
  EXPECT_THAT(source, HasSubstr("Device (V001)"));
  EXPECT_THAT(source, HasSubstr("Name (_HID, \"LNRO0005\")"));
  EXPECT_THAT(source, HasSubstr("Memory32Fixed (ReadWrite, 0xD0001000, // Address Base 0x00001000, // Address Length"));
  EXPECT_THAT(source, HasSubstr("Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { 0x00000006, }"));
  EXPECT_THAT(source, HasSubstr("EisaId (\"PNP0501\")"));
  EXPECT_THAT(source, HasSubstr("IO (Decode16, 0x03F8,"));
  EXPECT_THAT(source, HasSubstr("Method (_EVT, 1, NotSerialized)"));
  EXPECT_THAT(source, HasSubstr("Notify (\\_SB.PWRB, 0x80)"));
  EXPECT_THAT(source, HasSubstr("Name (\\_S5, Package (0x04)"));
}

TEST_F(Disassembly, IoDevicesHaveWindowsAndLines) {
  const std::vector<IoNode> io = {
      {"PNP0B00", "", {{true, {0x70, 2}}}, {{8, false}}},
      {"QEMU0001", "", {{false, {0xd8000000, 0x30}}, {true, {0x1000, 0x200}}}, {{23, true}, {22, false}}},
      {"", "acme,unnamed", {}, {}},
      {"QEMU0001", "", {{false, {0x2000000000, 0x1000}}}, {}},
      {"LNRO0005", "", {}, {}},
      {"A1200001", "", {}, {}},
  };
  const auto devices = slots(2);
  Tables tables({.devices = devices, .io_devices = io, .power_button_gsi = kPowerButtonGsi});
  const std::string source = disassemble(tables["DSDT"], true);
  EXPECT_THAT(source, HasSubstr("Device (I000) { Name (_HID, EisaId (\"PNP0B00\")"));
  EXPECT_THAT(source, HasSubstr("Device (I001) { Name (_HID, \"QEMU0001\") // _HID: Hardware ID Name (_UID, Zero)"));
  EXPECT_THAT(source, HasSubstr("Memory32Fixed (ReadWrite, 0xD8000000, // Address Base 0x00000030, // Address Length"));
  EXPECT_THAT(source,
              HasSubstr("WordIO (ResourceConsumer, MinFixed, MaxFixed, PosDecode, EntireRange, 0x0000, // Granularity "
                        "0x1000, // Range Minimum 0x11FF, // Range Maximum"));
  EXPECT_THAT(source, HasSubstr("Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive, ,, ) { 0x00000017, }"));
  EXPECT_THAT(source, HasSubstr("Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { 0x00000016, }"));
  EXPECT_THAT(source, ::testing::Not(HasSubstr("Device (I002)")));
  EXPECT_THAT(source, HasSubstr("Device (I003) { Name (_HID, \"QEMU0001\") // _HID: Hardware ID Name (_UID, One)"));
  EXPECT_THAT(source, HasSubstr("0x0000002000000000, // Range Minimum 0x0000002000000FFF, // Range Maximum"));
  EXPECT_THAT(source, HasSubstr("Device (I004) { Name (_HID, \"LNRO0005\") // _HID: Hardware ID Name (_UID, 0x02)"));
  EXPECT_THAT(source, HasSubstr("Device (I005) { Name (_HID, \"A1200001\")"));
}

TEST_F(Disassembly, WithoutSerialAndButtonTheyAreNotThere) {
  Tables tables({});
  const std::string source = disassemble(tables["DSDT"], true);
  EXPECT_THAT(source, ::testing::Not(HasSubstr("PNP0501")));
  EXPECT_THAT(source, ::testing::Not(HasSubstr("ACPI0013")));
}

TEST_F(Disassembly, TheOtherTablesAreUnderstood) {
  Tables tables({.vcpus = 2});
  const std::string fadt = disassemble(tables["FACP"], false);
  EXPECT_THAT(fadt, HasSubstr("Hardware Reduced (V5) : 1"));
  EXPECT_THAT(fadt, HasSubstr("Reset Register Supported (V2) : 1"));
  EXPECT_THAT(fadt, ::testing::Not(HasSubstr("Invalid")));
  const std::string madt = disassemble(tables["APIC"], false);
  EXPECT_THAT(madt, HasSubstr("[I/O APIC]"));
  EXPECT_THAT(madt, HasSubstr("[Local APIC NMI]"));
}

} // namespace
} // namespace sporehost::arch::x86_64

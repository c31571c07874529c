#include "core/arch/x86_64/acpi.hpp"

#include <string>

#include "core/arch/io_names.hpp"
#include "core/arch/x86_64/table_bytes.hpp"

namespace sporehost::arch::x86_64 {

namespace {

using spore::fail;
using spore::Result;

constexpr size_t kLengthOffset = 4;
constexpr size_t kChecksumOffset = 9;
constexpr size_t kRsdpSize = 36;
constexpr size_t kTableAlign = 16;
constexpr size_t kMaxDevices = 0x1000; // three hexadecimal digits of a device's name

Table begin_table(std::string_view signature, uint8_t revision) {
  Table table;
  append_text(table, signature, 4);
  append<uint32_t>(table, 0); // length, later
  append<uint8_t>(table, revision);
  append<uint8_t>(table, 0); // checksum, later
  append_text(table, "SPORE", 6);
  append_text(table, "SPOREVM", 8);
  append<uint32_t>(table, 1); // OEM revision
  append_text(table, "SPRH", 4);
  append<uint32_t>(table, 1); // creator revision
  return table;
}

Table finish_table(Table table) {
  put_at<uint32_t>(table, kLengthOffset, static_cast<uint32_t>(table.size()));
  set_checksum(table, kChecksumOffset, table.size());
  return table;
}

Table make_dsdt(const AcpiConfig& config) {
  Table table = begin_table("DSDT", 2); // 2: integers have 64 bits
  const aml::Code body = make_dsdt_body(config);
  table.insert(table.end(), body.begin(), body.end());
  return finish_table(std::move(table));
}

// A Generic Address Structure for one byte-wide port (ACPI 5.2.3.2).
void put_port(Table& table, size_t offset, uint16_t port) {
  put_at<uint8_t>(table, offset, 1);     // system I/O
  put_at<uint8_t>(table, offset + 1, 8); // bits wide
  put_at<uint8_t>(table, offset + 2, 0);
  put_at<uint8_t>(table, offset + 3, 1); // byte access
  put_at<uint64_t>(table, offset + 4, port);
}

// ACPI 5.2.9. All that a hardware-reduced platform must not have stays 0.
Table make_fadt(const AcpiConfig& config, uint64_t dsdt) {
  constexpr size_t kSize = 276;
  constexpr uint32_t kWbinvd = 1u << 0;
  constexpr uint32_t kPowerButtonIsDevice = 1u << 4; // not a fixed register: a control-method device, or none
  constexpr uint32_t kSleepButtonIsDevice = 1u << 5;
  constexpr uint32_t kResetRegister = 1u << 10;
  constexpr uint32_t kHeadless = 1u << 12;
  constexpr uint32_t kHwReduced = 1u << 20;
  // IAPC_BOOT_ARCH (5.2.9.3). Not set: 8042 (bit 1), "MSI not supported" (bit 3).
  constexpr uint16_t kLegacyDevices = 1u << 0;
  constexpr uint16_t kNoVga = 1u << 2;
  constexpr uint16_t kNoAspm = 1u << 4;
  constexpr uint16_t kNoCmosRtc = 1u << 5;

  Table table = begin_table("FACP", 6);
  table.resize(kSize);
  put_at<uint16_t>(table, 109, (config.serial ? kLegacyDevices : 0) | kNoVga | kNoAspm | kNoCmosRtc);
  put_at<uint32_t>(table, 112,
                   kWbinvd | kPowerButtonIsDevice | kSleepButtonIsDevice | kResetRegister | kHeadless | kHwReduced);
  put_port(table, 116, kResetPort);
  put_at<uint8_t>(table, 128, kResetValue);
  put_at<uint8_t>(table, 131, 5);     // minor version: 6.5
  put_at<uint64_t>(table, 140, dsdt); // X_DSDT; the 32-bit field at 40 stays 0
  put_port(table, 244, kSleepControlPort);
  put_port(table, 256, kSleepStatusPort);
  return finish_table(std::move(table));
}

// ACPI 5.2.12. Without interrupt source overrides: ISA interrupt n is pin n.
Table make_madt(const AcpiConfig& config) {
  Table table = begin_table("APIC", 5);
  append<uint32_t>(table, kLocalApic);
  append<uint32_t>(table, 0); // flags: no 8259 that must be masked first
  for (uint32_t id = 0; id < config.vcpus; ++id) {
    append<uint8_t>(table, 0); // processor local APIC
    append<uint8_t>(table, 8);
    append<uint8_t>(table, static_cast<uint8_t>(id)); // processor UID
    append<uint8_t>(table, static_cast<uint8_t>(id)); // APIC id
    append<uint32_t>(table, 1);                       // enabled
  }
  append<uint8_t>(table, 1); // IOAPIC
  append<uint8_t>(table, 12);
  append<uint8_t>(table, static_cast<uint8_t>(config.vcpus));
  append<uint8_t>(table, 0);
  append<uint32_t>(table, kIoApic);
  append<uint32_t>(table, 0); // first GSI
  append<uint8_t>(table, 4);  // local APIC NMI: LINT1 of every processor
  append<uint8_t>(table, 6);
  append<uint8_t>(table, 0xff);
  append<uint16_t>(table, 0);
  append<uint8_t>(table, 1);
  return finish_table(std::move(table));
}

Table make_xsdt(std::initializer_list<uint64_t> tables) {
  Table table = begin_table("XSDT", 1);
  for (const uint64_t gpa : tables) append<uint64_t>(table, gpa);
  return finish_table(std::move(table));
}

// ACPI 5.2.5.3. Two checksums: over the 20 bytes of ACPI 1.0, and over all.
Table make_rsdp(uint64_t xsdt) {
  Table table;
  append_text(table, "RSD PTR ", 8);
  append<uint8_t>(table, 0);
  append_text(table, "SPORE", 6);
  append<uint8_t>(table, 2);  // revision: has the fields from here on
  append<uint32_t>(table, 0); // no RSDT
  append<uint32_t>(table, kRsdpSize);
  append<uint64_t>(table, xsdt);
  append<uint32_t>(table, 0); // extended checksum, reserved
  set_checksum(table, 8, 20);
  set_checksum(table, 32, kRsdpSize);
  return table;
}

Result<void> check_gsi(uint32_t gsi) {
  if (gsi < kIoApicPins) return {};
  return fail(SPORE_E_INVALID, "GSI " + std::to_string(gsi) + " is beyond the IOAPIC's 24 pins");
}

Result<void> check_node(const IoNode& node) {
  SPORE_CHECK(check_io_names(node));
  for (const IoWindowPlace& window : node.windows) {
    const GpaRange& range = window.range;
    // A length is as wide as an address: all 65536 ports are more than a descriptor can say, and than any device gets.
    const uint64_t last = window.port ? UINT16_MAX : UINT64_MAX;
    if (range.bytes == 0 || range.bytes > last || range.gpa > last || range.bytes - 1 > last - range.gpa)
      return fail(SPORE_E_INVALID, node.acpi_hid + " has a window of " + std::to_string(range.bytes) + " bytes at " +
                                       std::to_string(range.gpa) + ", which no address space has");
  }
  for (const IoIrqPlace& irq : node.irqs) SPORE_CHECK(check_gsi(irq.gsi));
  return {};
}

Result<void> check(const AcpiConfig& config) {
  if (config.vcpus == 0 || config.vcpus > kMaxVcpus) {
    return fail(SPORE_E_INVALID,
                std::to_string(config.vcpus) + " vCPUs; this board takes 1 to " + std::to_string(kMaxVcpus));
  }
  if (config.devices.size() > kMaxDevices || config.io_devices.size() > kMaxDevices)
    return fail(SPORE_E_RANGE, "too many devices for the ACPI tables");
  for (const MmioSlot& device : config.devices) {
    if (device.bytes == 0 || device.gpa > UINT32_MAX || device.bytes > uint64_t{UINT32_MAX} + 1 - device.gpa) {
      return fail(SPORE_E_INVALID, "device window at " + std::to_string(device.gpa) + " does not lie below 4 GiB");
    }
    SPORE_CHECK(check_gsi(device.gsi));
  }
  for (const IoNode& node : config.io_devices)
    if (!node.acpi_hid.empty()) SPORE_CHECK(check_node(node));
  if (config.power_button_gsi && *config.power_button_gsi >= kIoApicPins) {
    return fail(SPORE_E_INVALID, "the power button's GSI is beyond the IOAPIC's 24 pins");
  }
  return {};
}

} // namespace

Result<std::vector<uint8_t>> make_acpi(const AcpiConfig& config) {
  SPORE_CHECK(check(config));
  Table image(kRsdpSize);
  const auto place = [&image](const Table& table) {
    image.resize((image.size() + kTableAlign - 1) / kTableAlign * kTableAlign);
    const uint64_t gpa = kAcpiTables + image.size();
    image.insert(image.end(), table.begin(), table.end());
    return gpa;
  };
  const uint64_t dsdt = place(make_dsdt(config));
  const uint64_t fadt = place(make_fadt(config, dsdt));
  const uint64_t madt = place(make_madt(config));
  const uint64_t xsdt = place(make_xsdt({fadt, madt}));
  const Table rsdp = make_rsdp(xsdt);
  std::copy(rsdp.begin(), rsdp.end(), image.begin());
  if (image.size() > kAcpiTablesEnd - kAcpiTables) {
    return fail(SPORE_E_RANGE, "the ACPI tables take " + std::to_string(image.size()) +
                                   " bytes, the board has room for " + std::to_string(kAcpiTablesEnd - kAcpiTables) +
                                   "; use fewer devices");
  }
  return image;
}

Result<void> write_acpi(GuestWriter& guest, const AcpiConfig& config) {
  SPORE_TRY(const std::vector<uint8_t> image, make_acpi(config));
  return guest.write(kAcpiTables, image);
}

} // namespace sporehost::arch::x86_64

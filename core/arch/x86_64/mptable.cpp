#include "core/arch/x86_64/mptable.hpp"

#include <algorithm>
#include <string>

#include "core/arch/x86_64/table_bytes.hpp"

namespace sporehost::arch::x86_64 {

namespace {

constexpr uint8_t kSpecRevision = 4;   // 1.4
constexpr uint8_t kApicVersion = 0x14; // an integrated local APIC
constexpr uint8_t kIsaBus = 0;
constexpr size_t kConfigChecksum = 7;
constexpr size_t kPointerSize = 16;

// Types of entries, in the order in which the table must have them.
enum Entry : uint8_t { kProcessor = 0, kBus = 1, kIoApicEntry = 2, kIoInterrupt = 3, kLocalInterrupt = 4 };
enum Interrupt : uint8_t { kInt = 0, kNmi = 1, kExtInt = 3 };
// Flags of an interrupt entry (4.3.4): polarity in bits 0 and 1, trigger in bits 2 and 3.
constexpr uint16_t kConforms = 0; // both as the bus has them
constexpr uint16_t kLevelHigh = 0x1 | 0x3 << 2;
constexpr uint8_t kAllApics = 0xff;

void append_processor(Table& table, uint32_t id) {
  constexpr uint8_t kEnabled = 1;
  constexpr uint8_t kBootProcessor = 2;
  append<uint8_t>(table, kProcessor);
  append<uint8_t>(table, static_cast<uint8_t>(id));
  append<uint8_t>(table, kApicVersion);
  append<uint8_t>(table, id == 0 ? kEnabled | kBootProcessor : kEnabled);
  append<uint32_t>(table, 0x600); // family 6; guests read CPUID instead
  append<uint32_t>(table, 0x201); // features: APIC, FPU
  append<uint64_t>(table, 0);
}

void append_interrupt(Table& table, Entry entry, Interrupt kind, uint8_t source, uint8_t apic, uint8_t pin,
                      uint16_t flags = kConforms) {
  append<uint8_t>(table, entry);
  append<uint8_t>(table, kind);
  append<uint16_t>(table, flags);
  append<uint8_t>(table, kIsaBus);
  append<uint8_t>(table, source);
  append<uint8_t>(table, apic);
  append<uint8_t>(table, pin);
}

Table make_config(uint32_t vcpus, std::span<const uint32_t> level_gsis) {
  const auto io_apic_id = static_cast<uint8_t>(vcpus);
  Table table;
  append_text(table, "PCMP", 4);
  append<uint16_t>(table, 0); // length, later
  append<uint8_t>(table, kSpecRevision);
  append<uint8_t>(table, 0); // checksum, later
  append_text(table, "SPORE", 8);
  append_text(table, "SPOREVM", 12);
  append<uint32_t>(table, 0); // no OEM table
  append<uint16_t>(table, 0);
  append<uint16_t>(table, static_cast<uint16_t>(vcpus + 1 + 1 + kIoApicPins + 2)); // entries
  append<uint32_t>(table, kLocalApic);
  append<uint32_t>(table, 0); // no extended table

  for (uint32_t id = 0; id < vcpus; ++id) append_processor(table, id);
  append<uint8_t>(table, kBus);
  append<uint8_t>(table, kIsaBus);
  append_text(table, "ISA", 6);
  append<uint8_t>(table, kIoApicEntry);
  append<uint8_t>(table, io_apic_id);
  append<uint8_t>(table, 0x11); // version, as the register says
  append<uint8_t>(table, 1);    // usable
  append<uint32_t>(table, kIoApic);
  for (uint8_t pin = 0; pin < kIoApicPins; ++pin) {
    const bool level = std::ranges::find(level_gsis, pin) != level_gsis.end();
    append_interrupt(table, kIoInterrupt, kInt, pin, io_apic_id, pin, level ? kLevelHigh : kConforms);
  }
  append_interrupt(table, kLocalInterrupt, kExtInt, 0, 0, 0);      // LINT0 of the boot processor
  append_interrupt(table, kLocalInterrupt, kNmi, 0, kAllApics, 1); // LINT1 of all

  put_at<uint16_t>(table, 4, static_cast<uint16_t>(table.size()));
  set_checksum(table, kConfigChecksum, table.size());
  return table;
}

Table make_pointer() {
  Table table;
  append_text(table, "_MP_", 4);
  append<uint32_t>(table, kMpConfig);
  append<uint8_t>(table, 1); // length in units of 16 bytes
  append<uint8_t>(table, kSpecRevision);
  append<uint8_t>(table, 0);  // checksum, later
  append<uint8_t>(table, 0);  // no default configuration: the table counts
  append<uint32_t>(table, 0); // virtual-wire mode
  set_checksum(table, 10, kPointerSize);
  return table;
}

} // namespace

spore::Result<MpTable> make_mptable(uint32_t vcpus, std::span<const uint32_t> level_gsis) {
  if (vcpus == 0 || vcpus > kMaxVcpus) {
    return spore::fail(SPORE_E_INVALID,
                       std::to_string(vcpus) + " vCPUs; this board takes 1 to " + std::to_string(kMaxVcpus));
  }
  return MpTable{make_pointer(), make_config(vcpus, level_gsis)};
}

spore::Result<void> write_mptable(GuestWriter& guest, uint32_t vcpus, std::span<const uint32_t> level_gsis) {
  SPORE_TRY(const MpTable table, make_mptable(vcpus, level_gsis));
  SPORE_CHECK(guest.write(kMpConfig, table.config));
  return guest.write(kEbda, table.pointer);
}

} // namespace sporehost::arch::x86_64

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "core/arch/io_names.hpp"
#include "core/arch/x86_64/acpi.hpp"

namespace sporehost::arch::x86_64 {

namespace {

using aml::Trigger;

// Counts the devices under each _HID: the two together name a device (ACPI 6.1.12).
class Uids {
 public:
  // The terms _HID and _UID of the next device under `hid`.
  aml::Code next(const std::string& hid) {
    return aml::concat({aml::name("_HID", is_eisa(hid) ? aml::eisa_id(hid) : aml::string(hid)),
                        aml::name("_UID", aml::integer(next_[hid]++))});
  }

 private:
  // Only a plug-and-play id can be compressed.
  static bool is_eisa(const std::string& hid) { return hid.size() == 7; }

  std::map<std::string, uint64_t> next_;
};

std::string label(char kind, size_t index) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%c%03zX", kind, index & 0xfff);
  return text.data();
}

// LNRO0005 is the id under which Linux's virtio_mmio driver looks for its devices.
aml::Code virtio_device(const MmioSlot& device, size_t index, Uids& uids) {
  return aml::device(
      label('V', index),
      aml::concat({uids.next("LNRO0005"), aml::name("_CCA", aml::integer(1)), // DMA is coherent with the caches
                   aml::name("_CRS", aml::resources({aml::memory32_fixed(static_cast<uint32_t>(device.gpa),
                                                                         static_cast<uint32_t>(device.bytes)),
                                                     aml::interrupt(device.gsi, Trigger::edge)}))}));
}

aml::Code window(const IoWindowPlace& place) {
  const GpaRange& range = place.range;
  if (place.port && range.bytes <= UINT8_MAX)
    return aml::io_ports(static_cast<uint16_t>(range.gpa), static_cast<uint8_t>(range.bytes));
  if (place.port) return aml::io_port_range(static_cast<uint16_t>(range.gpa), static_cast<uint16_t>(range.bytes));
  if (range.gpa + (range.bytes - 1) <= UINT32_MAX && range.bytes <= UINT32_MAX)
    return aml::memory32_fixed(static_cast<uint32_t>(range.gpa), static_cast<uint32_t>(range.bytes));
  return aml::memory64_fixed(range.gpa, range.bytes);
}

// Windows and interrupts in the device's own order, by which drivers tell them apart.
aml::Code io_device(const IoNode& node, size_t index, Uids& uids) {
  aml::Code resources;
  const auto add = [&](const aml::Code& code) { resources.insert(resources.end(), code.begin(), code.end()); };
  for (const IoWindowPlace& place : node.windows) add(window(place));
  for (const IoIrqPlace& irq : node.irqs) add(aml::interrupt(irq.gsi, irq.level ? Trigger::level : Trigger::edge));
  return aml::device(label('I', index), aml::concat({uids.next(node.acpi_hid),
                                                     aml::name("_CRS", aml::resources({std::move(resources)}))}));
}

// A Generic Event Device turns the GSI into a notification of the power button (ACPI 5.6.9).
aml::Code power_button(uint32_t gsi, Uids& uids) {
  constexpr uint64_t kPressed = 0x80;
  return aml::concat(
      {aml::device("PWRB", uids.next("PNP0C0C")),
       aml::device("GED0", aml::concat({uids.next("ACPI0013"),
                                        aml::name("_CRS", aml::resources({aml::interrupt(gsi, Trigger::edge)})),
                                        // Its one argument is the GSI; there is only one.
                                        aml::method("_EVT", 1, aml::notify("\\_SB.PWRB", kPressed))}))});
}

} // namespace

aml::Code make_dsdt_body(const AcpiConfig& config) {
  aml::Code devices;
  const auto add = [&](const aml::Code& code) { devices.insert(devices.end(), code.begin(), code.end()); };
  // The board's own come first, so that they keep their numbers whatever else is there.
  Uids uids;
  for (size_t i = 0; i < config.devices.size(); ++i) add(virtio_device(config.devices[i], i, uids));
  if (config.power_button_gsi) add(power_button(*config.power_button_gsi, uids));
  for (size_t i = 0; i < config.io_devices.size(); ++i)
    if (!config.io_devices[i].acpi_hid.empty()) add(io_device(config.io_devices[i], i, uids));
  const aml::Code s5 = aml::package({aml::integer(kSleepTypeS5), aml::integer(0), aml::integer(0), aml::integer(0)});
  return aml::concat({aml::scope("\\_SB", devices), aml::name("\\_S5", s5)});
}

} // namespace sporehost::arch::x86_64

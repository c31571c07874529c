#include <array>
#include <cstdio>
#include <string>

#include "core/arch/x86_64/acpi.hpp"

namespace sporehost::arch::x86_64 {

namespace {

// LNRO0005 is the id under which Linux's virtio_mmio driver looks for its devices.
aml::Code virtio_device(const MmioSlot& device, size_t index) {
  std::array<char, 8> label{};
  std::snprintf(label.data(), label.size(), "V%03zX", index & 0xfff);
  return aml::device(
      label.data(),
      aml::concat({aml::name("_HID", aml::string("LNRO0005")), aml::name("_UID", aml::integer(index)),
                   aml::name("_CCA", aml::integer(1)), // DMA is coherent with the caches
                   aml::name("_CRS", aml::resources({aml::memory32_fixed(static_cast<uint32_t>(device.gpa),
                                                                         static_cast<uint32_t>(device.bytes)),
                                                     aml::edge_interrupt(device.gsi)}))}));
}

aml::Code serial_port() {
  return aml::device("COM1", aml::concat({aml::name("_HID", aml::eisa_id("PNP0501")),
                                          aml::name("_UID", aml::integer(0)), aml::name("_DDN", aml::string("COM1")),
                                          aml::name("_CRS", aml::resources({aml::io_ports(kCom1Port, kCom1Ports),
                                                                            aml::edge_interrupt(kCom1Gsi)}))}));
}

// A Generic Event Device turns the GSI into a notification of the power button (ACPI 5.6.9).
aml::Code power_button(uint32_t gsi) {
  constexpr uint64_t kPressed = 0x80;
  return aml::concat(
      {aml::device("PWRB",
                   aml::concat({aml::name("_HID", aml::eisa_id("PNP0C0C")), aml::name("_UID", aml::integer(0))})),
       aml::device("GED0", aml::concat({aml::name("_HID", aml::string("ACPI0013")), aml::name("_UID", aml::integer(0)),
                                        aml::name("_CRS", aml::resources({aml::edge_interrupt(gsi)})),
                                        // Its one argument is the GSI; there is only one.
                                        aml::method("_EVT", 1, aml::notify("\\_SB.PWRB", kPressed))}))});
}

} // namespace

aml::Code make_dsdt_body(const AcpiConfig& config) {
  aml::Code devices;
  const auto add = [&](const aml::Code& code) { devices.insert(devices.end(), code.begin(), code.end()); };
  for (size_t i = 0; i < config.devices.size(); ++i) add(virtio_device(config.devices[i], i));
  if (config.serial) add(serial_port());
  if (config.power_button_gsi) add(power_button(*config.power_button_gsi));
  const aml::Code s5 = aml::package({aml::integer(kSleepTypeS5), aml::integer(0), aml::integer(0), aml::integer(0)});
  return aml::concat({aml::scope("\\_SB", devices), aml::name("\\_S5", s5)});
}

} // namespace sporehost::arch::x86_64

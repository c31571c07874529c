// What the machine needs to know of a board, whichever architecture it is: where memory and devices go, how a kernel is
// put into memory, and how a vCPU starts. One implementation an architecture.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/result.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/arch/io_area.hpp"
#include "core/arch/places.hpp"
#include "core/bus/bus.hpp"
#include "core/loader/kernel_image.hpp"
#include "core/memory/guest_memory.hpp"

namespace sporehost {

// How the guest's kernel finds its devices.
enum class Discovery { tables, command_line };

struct BootRequest {
  std::optional<std::string> initrd; // path
  loader::FileOwner initrd_owner = loader::FileOwner::anybody;
  std::string cmdline; // complete but for what Discovery::command_line adds
  Discovery discovery = Discovery::tables;
  uint32_t vcpus = 1;
  std::vector<MmioSlot> devices;  // virtio-mmio devices, in order
  std::vector<IoNode> io_devices; // those that the tables have a name for; a kernel without ACPI has no table for them
  bool serial = false;            // the board's serial port is among them, at its usual place
};

// The serial port that software expects on a board.
struct SerialPort {
  std::string_view hardware_id;   // of the device (spore_io_traits)
  std::string_view console;       // Linux' name for it
  std::string_view config_symbol; // of the console driver, in the kernel's configuration
  uint64_t base;                  // port number or GPA at which that console is
};

// What the guest can ask of the board itself.
enum class PowerRequest { off, reset };

// What a board sets in a new VM; the backend does it. SPORE_E_UNSUPPORTED where it has no such thing.
class VmSetup {
 public:
  virtual ~VmSetup() = default;
  virtual spore::Result<void> set_x86_state(uint32_t vcpu, const spore_x86_state& state) = 0;     // [vcpu]
  virtual spore::Result<spore_arm64_gic> describe_gic() = 0;                                      // [main]
  virtual spore::Result<void> set_gic(uint64_t dist_gpa, uint64_t redist_gpa) = 0;                // [main]
  virtual spore::Result<void> set_arm64_state(uint32_t vcpu, const spore_arm64_state& state) = 0; // [vcpu]
};

class Board {
 public:
  virtual ~Board() = default;

  // The memory map. [any] `elastic` has 0 bytes where there is none.
  [[nodiscard]] virtual const std::vector<GpaRange>& ram() const = 0;
  [[nodiscard]] virtual GpaRange elastic() const = 0;
  [[nodiscard]] virtual uint64_t gpa_end() const = 0;

  // How many interrupts there are: GSIs are 0 .. interrupts()-1. [any]
  [[nodiscard]] virtual uint32_t interrupts() const = 0;

  // What it has for devices that are no virtio devices, and what nobody can have. [any]
  [[nodiscard]] virtual IoArea io_area() const = 0;

  // Place of the virtio device number `index`. [any]
  [[nodiscard]] virtual spore::Result<MmioSlot> virtio_slot(uint32_t index) const = 0;

  // Claims the registers by which a guest powers off and resets. [main] `on_request` is called [vcpu].
  [[nodiscard]] virtual spore::Result<void> add_power_registers(Bus& ports, Bus& mmio,
                                                                std::function<void(PowerRequest)> on_request) = 0;

  // The interrupt that presses the power button, if the board has one. [any]
  [[nodiscard]] virtual std::optional<uint32_t> power_button_gsi() const = 0;

  [[nodiscard]] virtual SerialPort serial_port() const = 0;

  // Whether a kernel may need Discovery::command_line here. [any]
  [[nodiscard]] virtual bool has_command_line_discovery() const { return false; }

  // What every kernel is told on this board. [any]
  [[nodiscard]] virtual std::string_view usual_cmdline(Discovery discovery) const = 0;

  // What a new VM needs before it has vCPUs. [main], once, after the backend's `open`.
  [[nodiscard]] virtual spore::Result<void> prepare_vm(VmSetup& /*vm*/, uint32_t /*vcpus*/) { return {}; }

  // How the loader reads a kernel for this board. [any]
  [[nodiscard]] virtual loader::KernelOptions kernel_options() const = 0;

  // Loads the kernel, which was read with these options, the initrd and tables. [main], once, before any vCPU exists.
  [[nodiscard]] virtual spore::Result<void> load(GuestMemory& memory, const loader::KernelImage& kernel,
                                                 const BootRequest& request) = 0;

  // Gives vCPU `index` its first state. [vcpu], after `load`.
  [[nodiscard]] virtual spore::Result<void> prepare_vcpu(VmSetup& vm, uint32_t index) const = 0;
};

// The widest guest-physical address that any backend of this architecture has, in bits.
constexpr uint32_t kMostAddressBits = 52;

// In what blocks Linux adds memory on the board of this build's architecture, in bytes: a region that is no multiple of
// it never gets whole. [any]
[[nodiscard]] uint64_t memory_block_bytes(uint64_t boot_bytes);

// The board of this build's architecture with `boot_bytes` of RAM and an elastic region of `region_bytes`;
// `address_bits` is the width of guest-physical addresses that the backend offers. [main]
spore::Result<std::unique_ptr<Board>> make_board(uint64_t boot_bytes, uint64_t region_bytes, uint32_t address_bits);

} // namespace sporehost

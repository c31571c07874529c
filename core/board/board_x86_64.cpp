// The x86-64 board: core/arch/x86_64 computes addresses and tables, this file puts them to use.
#include <sporehost/backend.h>

#include "core/arch/x86_64/acpi.hpp"
#include "core/arch/x86_64/board.hpp"
#include "core/arch/x86_64/boot.hpp"
#include "core/arch/x86_64/cmdline.hpp"
#include "core/arch/x86_64/mptable.hpp"
#include "core/arch/x86_64/reset_vector.hpp"
#include "core/board/board.hpp"
#include "core/board/board_loading.hpp"
#include "core/loader/kernel_image.hpp"
#include "core/loader/placement.hpp"

namespace sporehost {
namespace {

namespace x86 = arch::x86_64;
using spore::Result;

// Power-off, reset and, for kernels without ACPI, the keyboard controller's reset pulse.
class PowerPorts final : public BusHandler {
 public:
  PowerPorts(uint16_t base, std::function<void(PowerRequest)> on_request)
      : base_(base), on_request_(std::move(on_request)) {}

  void read(uint64_t /*offset*/, std::span<uint8_t> data) override { std::fill(data.begin(), data.end(), uint8_t{0}); }

  void write(uint64_t offset, std::span<const uint8_t> data) override {
    const uint64_t port = base_ + offset;
    if (port == x86::kSleepControlPort && data[0] == x86::kSleepS5) on_request_(PowerRequest::off);
    if (port == x86::kResetPort && data[0] == x86::kResetValue) on_request_(PowerRequest::reset);
    if (port == x86::kKeyboardResetPort && data[0] == x86::kKeyboardResetValue) on_request_(PowerRequest::reset);
  }

 private:
  uint16_t base_;
  std::function<void(PowerRequest)> on_request_;
};

class X86Board final : public Board {
 public:
  explicit X86Board(x86::Layout layout) : layout_(std::move(layout)) {
    for (const GpaRange& range : {layout_.low_ram, layout_.high_ram})
      if (range.bytes != 0) ram_.push_back(range);
  }

  [[nodiscard]] const std::vector<GpaRange>& ram() const override { return ram_; }
  [[nodiscard]] GpaRange elastic() const override { return layout_.elastic; }
  [[nodiscard]] uint64_t gpa_end() const override {
    return std::max({layout_.low_ram.end(), layout_.high_ram.end(), layout_.elastic.end(), x86::kHighRamStart});
  }
  [[nodiscard]] std::optional<uint32_t> power_button_gsi() const override { return x86::kPowerButtonGsi; }

  [[nodiscard]] SerialPort serial_port() const override {
    return {"PNP0501", "ttyS0", "CONFIG_SERIAL_8250_CONSOLE", x86::kCom1Port};
  }
  [[nodiscard]] bool has_command_line_discovery() const override { return true; }
  // Without ACPI the keyboard controller's pulse is the way to reset. With it, reset_vector.hpp says why it is named.
  [[nodiscard]] std::string_view usual_cmdline(Discovery discovery) const override {
    return discovery == Discovery::command_line ? "panic=-1 pci=off reboot=k" : "panic=-1 pci=off reboot=a";
  }

  [[nodiscard]] uint32_t interrupts() const override { return x86::kIoApicPins; }

  [[nodiscard]] IoArea io_area() const override { return x86::io_area(layout_); }

  [[nodiscard]] Result<MmioSlot> virtio_slot(uint32_t index) const override { return x86::virtio_slot(index); }

  Result<void> add_power_registers(Bus& ports, Bus& /*mmio*/, std::function<void(PowerRequest)> on_request) override {
    constexpr uint64_t block_bytes = x86::kResetPort - x86::kSleepControlPort + 1;
    power_ = std::make_unique<PowerPorts>(x86::kSleepControlPort, on_request);
    keyboard_ = std::make_unique<PowerPorts>(x86::kKeyboardResetPort, std::move(on_request));
    SPORE_CHECK(ports.insert(x86::kSleepControlPort, block_bytes, "power registers", *power_));
    return ports.insert(x86::kKeyboardResetPort, 1, "keyboard controller reset", *keyboard_);
  }

  [[nodiscard]] loader::KernelOptions kernel_options() const override { return {}; }

  Result<void> load(GuestMemory& memory, const loader::KernelImage& kernel, const BootRequest& request) override {
    MemoryWriter writer(memory);
    if (auto fits = loader::check_kernel_fits(kernel.segments, x86::kHighMemory, layout_.low_ram.end()); !fits)
      return fits.error().in(kernel.file.name());
    SPORE_CHECK(load_segments(memory, kernel));

    x86::BootInfo info;
    SPORE_TRY(const GpaRange initrd, load_initrd(memory, kernel, request, layout_.low_ram.end()));
    info.initrd_gpa = initrd.gpa;
    info.initrd_size = initrd.bytes;
    SPORE_TRY(const std::string cmdline, complete_cmdline(request, kernel.cmdline_limit()));
    info.entry_gpa = kernel.entry_gpa;
    if (kernel.setup_header) info.setup_header = kernel.setup_header->raw;
    info.cmdline = cmdline;
    // A kernel that is known to have no ACPI gets none; every other one finds its devices there.
    info.acpi = request.discovery == Discovery::tables;
    if (info.acpi) SPORE_CHECK(load_acpi(writer, request));
    SPORE_CHECK(x86::write_mptable(writer, request.vcpus, level_gsis(request)));
    SPORE_CHECK(x86::write_reset_vector(writer));
    SPORE_TRY(state_, x86::write_boot(writer, info, layout_));
    return {};
  }

  // The others wait for the guest's start-up interrupt, as the backend creates them.
  Result<void> prepare_vcpu(VmSetup& vm, uint32_t index) const override {
    return index == 0 ? vm.set_x86_state(0, state_) : Result<void>{};
  }

 private:
  static Result<std::string> complete_cmdline(const BootRequest& request, size_t limit) {
    std::vector<std::string> fragments;
    if (request.discovery == Discovery::command_line)
      for (const MmioSlot& slot : request.devices) fragments.push_back(x86::virtio_mmio_fragment(slot));
    return x86::assemble_cmdline(request.cmdline, fragments, limit);
  }

  static std::vector<uint32_t> level_gsis(const BootRequest& request) {
    std::vector<uint32_t> gsis;
    for (const IoNode& node : request.io_devices)
      for (const IoIrqPlace& irq : node.irqs)
        if (irq.level) gsis.push_back(irq.gsi);
    return gsis;
  }

  static Result<void> load_acpi(MemoryWriter& writer, const BootRequest& request) {
    return x86::write_acpi(writer,
                           {request.vcpus, request.devices, request.io_devices, request.serial, x86::kPowerButtonGsi});
  }

  x86::Layout layout_;
  std::vector<GpaRange> ram_;
  std::unique_ptr<PowerPorts> power_;
  std::unique_ptr<PowerPorts> keyboard_;
  spore_x86_state state_{};
};

} // namespace

uint64_t memory_block_bytes(uint64_t boot_bytes) {
  return x86::memory_block(boot_bytes);
}

Result<std::unique_ptr<Board>> make_board(uint64_t boot_bytes, uint64_t region_bytes, uint32_t address_bits) {
  SPORE_TRY(x86::Layout layout, x86::board_layout(boot_bytes, region_bytes, address_bits));
  return std::unique_ptr<Board>(std::make_unique<X86Board>(std::move(layout)));
}

} // namespace sporehost

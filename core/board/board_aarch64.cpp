// The arm64 board: core/arch/aarch64 computes addresses and the device tree, this file puts them to use.
#include <sporehost/backend.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "core/arch/aarch64/board.hpp"
#include "core/arch/aarch64/boot.hpp"
#include "core/arch/aarch64/fdt.hpp"
#include "core/board/board.hpp"
#include "core/board/board_loading.hpp"
#include "core/loader/placement.hpp"

namespace sporehost {
namespace {

namespace arm = arch::aarch64;
using spore::fail;
using spore::Result;

class Arm64Board final : public Board {
 public:
  explicit Arm64Board(const arm::Layout& layout) : layout_(layout), ram_{layout.ram} {}

  [[nodiscard]] const std::vector<GpaRange>& ram() const override { return ram_; }
  [[nodiscard]] GpaRange elastic() const override { return layout_.elastic; }
  [[nodiscard]] uint64_t gpa_end() const override { return std::max(layout_.ram.end(), layout_.elastic.end()); }
  // SIGTERM reaches the guest's agent instead; a guest without one is stopped hard.
  [[nodiscard]] std::optional<uint32_t> power_button_gsi() const override { return std::nullopt; }
  [[nodiscard]] SerialPort serial_port() const override {
    return {"arm,pl011", "ttyAMA0", "CONFIG_SERIAL_AMBA_PL011_CONSOLE", arm::kPl011};
  }
  [[nodiscard]] std::string_view usual_cmdline(Discovery /*discovery*/) const override { return "panic=-1"; }

  [[nodiscard]] uint32_t interrupts() const override { return arm::kSpis; }

  [[nodiscard]] IoArea io_area() const override { return arm::io_area(layout_); }

  [[nodiscard]] Result<MmioSlot> virtio_slot(uint32_t index) const override { return arm::virtio_slot(index); }

  // The backend says how much room its interrupt controller takes; the device tree then says where it is.
  Result<void> prepare_vm(VmSetup& vm, uint32_t vcpus) override {
    SPORE_TRY(const spore_arm64_gic gic, vm.describe_gic());
    SPORE_TRY(gic_, arm::gic_places({gic.distributor_bytes, gic.distributor_alignment, gic.redistributor_bytes,
                                     gic.redistributor_alignment, gic.gsi_count},
                                    vcpus));
    return vm.set_gic(gic_.distributor.gpa, gic_.redistributors.gpa);
  }

  // PSCI does it, which is the backend's.
  Result<void> add_power_registers(Bus& /*ports*/, Bus& /*mmio*/,
                                   std::function<void(PowerRequest)> /*on_request*/) override {
    return {};
  }

  [[nodiscard]] loader::KernelOptions kernel_options() const override {
    loader::KernelOptions options;
    options.arch = loader::Arch::aarch64;
    options.ram_start = layout_.ram.gpa;
    return options;
  }

  Result<void> load(GuestMemory& memory, const loader::KernelImage& kernel, const BootRequest& request) override {
    if (auto usable = check(kernel, request.cmdline); !usable) return usable.error().in(kernel.file.name());
    SPORE_CHECK(load_segments(memory, kernel));
    arm::FdtInfo info;
    SPORE_TRY(info.initrd, load_initrd(memory, kernel, request, layout_.fdt.gpa));
    info.ram = layout_.ram;
    info.vcpus = request.vcpus;
    info.gic = gic_;
    info.bootargs = request.cmdline;
    info.devices = request.devices;
    info.io_devices = request.io_devices;
    info.serial = request.serial;
    SPORE_CHECK(fill_seeds(info));
    SPORE_TRY(const std::vector<uint8_t> fdt, arm::make_fdt(info));
    state_ = arm::boot_state(kernel.entry_gpa, layout_.fdt.gpa);
    return MemoryWriter(memory).write(layout_.fdt.gpa, fdt);
  }

  // The others wait for PSCI's CPU_ON, as the backend creates them.
  Result<void> prepare_vcpu(VmSetup& vm, uint32_t index) const override {
    return index == 0 ? vm.set_arm64_state(0, state_) : Result<void>{};
  }

 private:
  [[nodiscard]] Result<void> check(const loader::KernelImage& kernel, const std::string& cmdline) const {
    if (kernel.kind != loader::KernelKind::arm64_image)
      return fail(SPORE_E_UNSUPPORTED, "an ELF file does not say how to start it on arm64; use the Image");
    if (kernel.arm64->page_bytes) SPORE_CHECK(arm::check_page_size(layout_, *kernel.arm64->page_bytes));
    SPORE_CHECK(loader::check_kernel_fits(kernel.segments, layout_.ram.gpa, layout_.fdt.gpa));
    if (cmdline.find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos)
      return fail(SPORE_E_INVALID, "the kernel command line contains a NUL or a line break; write it on one line");
    if (cmdline.size() > kernel.cmdline_limit())
      return fail(SPORE_E_RANGE, "the kernel command line has " + std::to_string(cmdline.size()) +
                                     " bytes, this kernel takes " + std::to_string(kernel.cmdline_limit()) +
                                     "; shorten it");
    return {};
  }

  static Result<void> fill_seeds(arm::FdtInfo& info) {
    const auto fill = [](void* to, size_t bytes) { return ::getentropy(to, bytes) == 0; };
    if (fill(info.rng_seed.data(), info.rng_seed.size()) && fill(&info.kaslr_seed, sizeof info.kaslr_seed)) return {};
    return fail(SPORE_E_IO, "the host gives no random numbers for the guest's seeds; see getentropy(3)");
  }

  arm::Layout layout_;
  arm::GicPlaces gic_;
  std::vector<GpaRange> ram_;
  spore_arm64_state state_{};
};

} // namespace

uint64_t memory_block_bytes(uint64_t /*boot_bytes*/) {
  return arm::kMemoryBlock;
}

Result<std::unique_ptr<Board>> make_board(uint64_t boot_bytes, uint64_t region_bytes, uint32_t address_bits) {
  SPORE_TRY(const arm::Layout layout, arm::board_layout(boot_bytes, region_bytes, address_bits));
  return std::unique_ptr<Board>(std::make_unique<Arm64Board>(layout));
}

} // namespace sporehost

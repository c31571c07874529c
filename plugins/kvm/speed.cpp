#include "plugins/kvm/speed.hpp"

#include <linux/kvm.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/vm.hpp"

namespace kvm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

// A batch this long measures well; batches grow until one is. The first one is short enough for any emulation.
constexpr nanoseconds kLongEnough = std::chrono::milliseconds(2);
constexpr uint32_t kFirstSpins = 100;
constexpr uint32_t kGrowth = 4;
constexpr uint32_t kSpinsMax = 10'000'000;

class SpinVm {
 public:
  static spore::Result<SpinVm> create(const Device& device) {
    SpinVm vm;
    vm.ram_ = Mapping(::mmap(nullptr, arch::kSpinRamBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
                      arch::kSpinRamBytes);
    if (!vm.ram_) return system_error("no memory for the measurement", errno);
    SPORE_TRY(vm.vm_, create_vm_fd(device, arch::kSpinRamBytes));
    MemorySlots slots(vm.vm_.get(), 1, arch::kSpinRamBytes, false);
    SPORE_CHECK(slots.map(0, vm.ram_.data(), arch::kSpinRamBytes, SPORE_MAP_READ | SPORE_MAP_WRITE));
    vm.vcpu_ = Fd(call(vm.vm_.get(), KVM_CREATE_VCPU));
    if (!vm.vcpu_) return system_error("cannot create a vCPU for the measurement", errno);
    const auto bytes = static_cast<size_t>(std::max(0, call(device.fd(), KVM_GET_VCPU_MMAP_SIZE)));
    vm.run_ = Mapping(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu_.get(), 0), bytes);
    if (!vm.run_) return system_error("cannot map a run page for the measurement", errno);
    SPORE_CHECK(arch::install_spin_guest(vm.vm_.get(), vm.vcpu_.get(), {vm.ram_.data(), arch::kSpinRamBytes}));
    return vm;
  }

  // Lets the guest run to where it asks for a number, and gives it `spins`.
  spore::Result<void> answer(uint32_t spins) {
    if (call(vcpu_.get(), KVM_RUN) != 0) return system_error("running the measuring guest", errno);
    auto* run = reinterpret_cast<kvm_run*>(run_.data());
    if (run->exit_reason == KVM_EXIT_IO) {
      std::memcpy(run_.data() + run->io.data_offset, &spins, sizeof spins);
    } else if (run->exit_reason == KVM_EXIT_MMIO) {
      std::memcpy(run->mmio.data, &spins, sizeof spins);
    } else {
      return spore::fail(SPORE_E_UNSUPPORTED,
                         "the measuring guest stopped with KVM exit " + std::to_string(run->exit_reason));
    }
    return {};
  }

  // Time from giving the guest the number it waits for to its next question, for which it gets `next`.
  spore::Result<nanoseconds> time_batch(uint32_t next) {
    const auto start = Clock::now();
    SPORE_CHECK(answer(next));
    return nanoseconds(Clock::now() - start);
  }

 private:
  Fd vm_;
  Fd vcpu_;
  Mapping ram_;
  Mapping run_;
};

} // namespace

spore::Result<Speed> measure_speed(const Device& device) {
  SPORE_TRY(SpinVm vm, SpinVm::create(device));
  SPORE_CHECK(vm.answer(1)); // the first entry pays for page faults
  SPORE_TRY(const nanoseconds warm, vm.time_batch(1));
  SPORE_TRY(const nanoseconds exit, vm.time_batch(kFirstSpins)); // one spin: next to nothing but the exit
  uint32_t spins = kFirstSpins;
  nanoseconds elapsed{};
  for (;;) {
    const uint32_t next = spins * kGrowth;
    // Twice: on a busy machine one of them may have waited for a processor, and that says nothing of the guest's speed.
    SPORE_TRY(const nanoseconds first, vm.time_batch(spins));
    SPORE_TRY(const nanoseconds second, vm.time_batch(next));
    elapsed = std::min(first, second);
    if (elapsed >= kLongEnough || spins >= kSpinsMax) break;
    spins = next;
  }
  const nanoseconds exit_cost = std::min(warm, exit);
  const auto spinning = std::max<int64_t>(1, (elapsed - std::min(exit_cost, elapsed / 2)).count());
  const uint64_t instructions = uint64_t{spins} * arch::kSpinInstructions;
  return Speed{instructions * 1'000'000'000 / static_cast<uint64_t>(spinning),
               static_cast<uint64_t>(exit_cost.count())};
}

} // namespace kvm

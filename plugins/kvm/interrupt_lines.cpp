#include "plugins/kvm/interrupt_lines.hpp"

#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/device.hpp"

namespace kvm {

InterruptLines::InterruptLines(int vm_fd, bool irqfd, spore::Host host)
    : vm_fd_(vm_fd),
      count_(arch::gsi_count()),
      irqfd_(irqfd),
      host_(host),
      edges_(std::make_unique<std::atomic<int>[]>(count_)) {
  for (uint32_t gsi = 0; gsi < count_; ++gsi) edges_[gsi].store(kUnknown, std::memory_order_relaxed);
}

InterruptLines::~InterruptLines() {
  for (uint32_t gsi = 0; gsi < count_; ++gsi) {
    if (const int fd = edges_[gsi].load(); fd >= 0) ::close(fd);
  }
}

spore_status InterruptLines::set(uint32_t gsi, bool level) const {
  if (gsi >= count_) return SPORE_E_RANGE;
  kvm_irq_level line{};
  line.irq = arch::irq_line_of(gsi);
  line.level = level ? 1 : 0;
  return call(vm_fd_, KVM_IRQ_LINE, &line) < 0 ? SPORE_E_IO : SPORE_OK;
}

spore_status InterruptLines::pulse(uint32_t gsi) {
  if (gsi >= count_) return SPORE_E_RANGE;
  if (const int fd = edge_fd(gsi); fd >= 0) {
    return ::eventfd_write(fd, 1) == 0 ? SPORE_OK : SPORE_E_IO;
  }
  const spore_status raised = set(gsi, true);
  return raised != SPORE_OK ? raised : set(gsi, false);
}

int InterruptLines::edge_fd(uint32_t gsi) {
  std::atomic<int>& edge = edges_[gsi];
  if (const int fd = edge.load(std::memory_order_acquire); fd != kUnknown) return fd;

  const std::lock_guard lock(mutex_);
  if (const int fd = edge.load(std::memory_order_relaxed); fd != kUnknown) return fd;
  Fd made;
  if (irqfd_) made = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (made) {
    kvm_irqfd request{};
    request.fd = static_cast<uint32_t>(made.get());
    request.gsi = gsi;
    if (call(vm_fd_, KVM_IRQFD, &request) != 0) {
      const int error = errno;
      if (error == EAGAIN) return kNone; // the interrupt controller waits for its last vCPU; another time then
      host_.debug(system_error("no irqfd for GSI " + std::to_string(gsi) + ", KVM_IRQ_LINE does it", error).text);
      made = Fd();
    }
  }
  const int fd = made ? made.release() : kNone;
  edge.store(fd, std::memory_order_release);
  return fd;
}

} // namespace kvm

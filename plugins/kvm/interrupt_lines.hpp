// Interrupt lines of one VM with an in-kernel interrupt controller.
// Linux: Documentation/virt/kvm/api.rst, sections 4.25 (KVM_IRQ_LINE) and 4.75 (KVM_IRQFD).
#pragma once

#include <sporehost/plugin.hpp>

#include <atomic>
#include <memory>
#include <mutex>

namespace kvm {

class InterruptLines {
 public:
  // vm_fd: borrowed. irqfd: whether KVM_CAP_IRQFD is there.
  InterruptLines(int vm_fd, bool irqfd, spore::Host host);
  ~InterruptLines();
  InterruptLines(const InterruptLines&) = delete;
  InterruptLines& operator=(const InterruptLines&) = delete;

  // As set_irq_line and pulse_irq of backend.h. [any]
  spore_status set(uint32_t gsi, bool level) const;
  spore_status pulse(uint32_t gsi);

 private:
  // The eventfd that makes an edge on `gsi`, made at its first use; kNone where two KVM_IRQ_LINE calls must do.
  int edge_fd(uint32_t gsi);

  static constexpr int kUnknown = -1;
  static constexpr int kNone = -2;

  const int vm_fd_;
  const uint32_t count_;
  const bool irqfd_;
  const spore::Host host_;
  std::unique_ptr<std::atomic<int>[]> edges_; // by GSI; owned
  std::mutex mutex_;                          // one thread at a time makes an edge's eventfd
};

} // namespace kvm

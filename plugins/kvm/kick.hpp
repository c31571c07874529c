// Kicks: making one vCPU's KVM_RUN return, from any thread, without losing one and without a second return.
//
// A kick first notes itself (`kicked_`), then sets kvm_run.immediate_exit, then signals the thread if it may be in
// KVM_RUN. KVM_RUN returns EINTR for either: immediate_exit catches the kick that comes before the vCPU is in the
// kernel, the signal the one that comes after. KVM completes a pending I/O before it looks at immediate_exit, so a vCPU
// that was kicked from a callback never stops with half an instruction done. EINTR without a note is a latecomer of a
// kick that has been answered already, or a foreign signal: the vCPU goes on.
#pragma once

#include <sporehost/result.hpp>

#include <sys/types.h>

#include <atomic>
#include <mutex>

struct kvm_run;

namespace kvm {

// Holds the signal that interrupts KVM_RUN. The handler does nothing: KVM_RUN returns EINTR all the same, and other
// system calls of the thread are restarted (SA_RESTART).
class KickSignal {
 public:
  // Chooses a free real-time signal for the process, or shares the one in use. [main]
  static spore::Result<KickSignal> acquire();

  KickSignal() = default;
  KickSignal(KickSignal&& other) noexcept;
  KickSignal& operator=(KickSignal&& other) noexcept;
  ~KickSignal();

  [[nodiscard]] int number() const { return number_; }

 private:
  explicit KickSignal(int number) : number_(number) {}
  int number_ = 0;
};

// Where kicks for one vCPU index arrive; lives as long as the VM, so that a kick may come before the vCPU is there and
// after it has gone.
class KickBox {
 public:
  // Makes the vCPU run, from now on, by the calling thread. [vcpu]
  void attach(kvm_run* run, int signal);
  // The vCPU and its thread are about to go. [vcpu]
  void detach();

  void kick(); // [any]

  // Bracket KVM_RUN. [vcpu]
  void enter() { inside_.store(true); }
  void leave() { inside_.store(false, std::memory_order_release); }

  // After EINTR: whether it was a kick; if so, all kicks so far are answered by it. [vcpu]
  [[nodiscard]] bool take();

 private:
  std::atomic<bool> kicked_{false};
  std::atomic<bool> inside_{false};
  std::mutex mutex_; // keeps run_ and thread_ valid while a kick uses them
  kvm_run* run_ = nullptr;
  pid_t thread_ = 0;
  int signal_ = 0;
};

} // namespace kvm

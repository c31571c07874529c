// One vCPU: its KVM file descriptor, the shared kvm_run page, and the loop that serves its exits.
// Linux: Documentation/virt/kvm/api.rst, sections 4.7 (KVM_CREATE_VCPU), 4.10 (KVM_RUN) and 5 (struct kvm_run).
#pragma once

#include <sporehost/backend.hpp>

#include <memory>
#include <thread>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/handles.hpp"
#include "plugins/kvm/kick.hpp"
#include "plugins/kvm/memory_slots.hpp"

namespace kvm {

class Vcpu {
 public:
  // What a vCPU needs of its VM; outlives it.
  struct Surroundings {
    int vm_fd;
    size_t run_bytes; // KVM_GET_VCPU_MMAP_SIZE
    int kick_signal;
    const arch::Vm& arch;
    const MemorySlots& memory;
    const spore_vm_callbacks& callbacks;
  };

  // Creates vCPU `index` for the calling thread. [vcpu]
  static spore::Result<std::unique_ptr<Vcpu>> create(const Surroundings& vm, uint32_t index, KickBox& kicks);
  ~Vcpu();
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;

  // As `run` of backend.h. [vcpu]
  spore::Result<void> run(spore_exit& out);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool owned_by_caller() const { return owner_ == std::this_thread::get_id(); }

 private:
  Vcpu(const Surroundings& vm, uint32_t index, Fd fd, Mapping run, KickBox& kicks);

  // Serves the exit that kvm_run shows; true: `out` says why the vCPU stops.
  bool serve_exit(spore_exit& out);
  void serve_port() const;
  void serve_mmio() const;
  // True, since `serve_exit` ends with it.
  bool stop(spore_exit& out, uint32_t reason, std::string_view text) const;
  bool stop_for_system_event(spore_exit& out) const;
  [[nodiscard]] std::string describe_internal_error() const;
  [[nodiscard]] std::string describe_run_error(int error) const;

  const Surroundings vm_;
  const uint32_t index_;
  const std::thread::id owner_ = std::this_thread::get_id();
  Fd fd_;
  Mapping mapping_;
  kvm_run* const run_; // in mapping_
  KickBox& kicks_;
};

} // namespace kvm

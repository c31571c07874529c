#include "plugins/kvm/vcpu.hpp"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace kvm {
namespace {

// Every field, as the host zeroes none of them.
void tell(spore_exit& out, uint32_t reason, uint64_t address, std::string_view text) {
  out.reason = reason;
  out.address = address;
  spore::put(out.text, text);
  std::ranges::fill(out.data, 0);
}

} // namespace

spore::Result<std::unique_ptr<Vcpu>> Vcpu::create(const Surroundings& vm, uint32_t index, KickBox& kicks) {
  const std::string name = "vCPU " + std::to_string(index);
  Fd fd(call(vm.vm_fd, KVM_CREATE_VCPU, static_cast<unsigned long>(index)));
  if (!fd) return system_error("KVM does not create " + name, errno);
  Mapping run(::mmap(nullptr, vm.run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0), vm.run_bytes);
  if (!run) return system_error("cannot map the run page of " + name, errno);
  if (auto prepared = vm.arch.prepare_vcpu(fd.get(), index); !prepared) return prepared.error().in(name);
  return std::unique_ptr<Vcpu>(
      new Vcpu(vm, index, std::move(fd), std::move(run), kicks)); // NOLINT: private constructor
}

Vcpu::Vcpu(const Surroundings& vm, uint32_t index, Fd fd, Mapping run, KickBox& kicks)
    : vm_(vm),
      index_(index),
      fd_(std::move(fd)),
      mapping_(std::move(run)),
      run_(reinterpret_cast<kvm_run*>(mapping_.data())),
      kicks_(kicks) {
  kicks_.attach(run_, vm_.kick_signal);
}

Vcpu::~Vcpu() {
  kicks_.detach();
}

spore::Result<void> Vcpu::run(spore_exit& out) {
  for (;;) {
    kicks_.enter();
    // Not `call`: EINTR is how a kick arrives.
    const int result = ::ioctl(fd_.get(), KVM_RUN, 0);
    const int error = errno;
    kicks_.leave();
    if (result == 0) {
      if (serve_exit(out)) return {};
    } else if (error == EINTR) {
      if (!kicks_.take()) continue;
      tell(out, SPORE_EXIT_KICKED, 0, {}); // where it was is not worth a system call
      return {};
    } else if (error != EAGAIN) { // EAGAIN: a waiting vCPU was started, or memory changed under it
      stop(out, SPORE_EXIT_FAULT, describe_run_error(error));
      return {};
    }
  }
}

bool Vcpu::serve_exit(spore_exit& out) {
  switch (run_->exit_reason) {
    case KVM_EXIT_IO:
      serve_port();
      return false;
    case KVM_EXIT_MMIO:
      serve_mmio();
      return false;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
      return false;
    case KVM_EXIT_HLT:
      return stop(out, SPORE_EXIT_HALTED, "halted, and there is no interrupt controller to wake it");
    case KVM_EXIT_SHUTDOWN:
      return stop(out, SPORE_EXIT_SHUTDOWN, "the guest shut down hard (a triple fault)");
    case KVM_EXIT_SYSTEM_EVENT:
      return stop_for_system_event(out);
    case KVM_EXIT_FAIL_ENTRY: {
      char text[128];
      std::snprintf(text, sizeof text, "the processor refused to enter the guest, hardware reason 0x%" PRIx64,
                    static_cast<uint64_t>(run_->fail_entry.hardware_entry_failure_reason));
      return stop(out, SPORE_EXIT_FAULT, text);
    }
    case KVM_EXIT_INTERNAL_ERROR:
      return stop(out, SPORE_EXIT_FAULT, describe_internal_error());
    default:
      return stop(
          out, SPORE_EXIT_FAULT,
          "KVM left the guest for a reason that this backend does not know: " + std::to_string(run_->exit_reason));
  }
}

void Vcpu::serve_port() const {
  // A string instruction (`rep outsb`) delivers many elements in one exit.
  const auto& io = run_->io;
  uint8_t* data = mapping_.data() + io.data_offset;
  for (uint32_t i = 0; i < io.count; ++i, data += io.size) {
    if (io.direction == KVM_EXIT_IO_OUT) {
      vm_.callbacks.port_write(vm_.callbacks.context, index_, io.port, data, io.size);
    } else {
      vm_.callbacks.port_read(vm_.callbacks.context, index_, io.port, data, io.size);
    }
  }
}

void Vcpu::serve_mmio() const {
  auto& mmio = run_->mmio;
  if (mmio.is_write != 0) {
    vm_.callbacks.mmio_write(vm_.callbacks.context, index_, mmio.phys_addr, mmio.data, mmio.len);
  } else {
    vm_.callbacks.mmio_read(vm_.callbacks.context, index_, mmio.phys_addr, mmio.data, mmio.len);
  }
}

bool Vcpu::stop(spore_exit& out, uint32_t reason, std::string_view text) const {
  tell(out, reason, arch::instruction_pointer(fd_.get()), text);
  return true;
}

bool Vcpu::stop_for_system_event(spore_exit& out) const {
  switch (run_->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
      return stop(out, SPORE_EXIT_POWER_OFF, "the guest powered off");
    case KVM_SYSTEM_EVENT_RESET:
      return stop(out, SPORE_EXIT_RESET, "the guest asked for a reset");
    case KVM_SYSTEM_EVENT_CRASH:
      return stop(out, SPORE_EXIT_FAULT, "the guest reported that it crashed");
    default:
      return stop(out, SPORE_EXIT_FAULT, "unknown system event " + std::to_string(run_->system_event.type));
  }
}

std::string Vcpu::describe_internal_error() const {
  static constexpr const char* kNames[] = {"?", "it cannot emulate the instruction", "simultaneous exceptions",
                                           "an exception while delivering an event", "an unexpected exit reason"};
  const uint32_t suberror = run_->internal.suberror;
  std::array<uint8_t, 15> code{}; // the longest x86 instruction
  size_t bytes = 0;
  if (const auto gpa = arch::code_gpa(fd_.get())) bytes = vm_.memory.peek(*gpa, code);

  char text[160];
  std::snprintf(text, sizeof text, "KVM internal error %u (%s) at instruction 0x%" PRIx64 ", bytes", suberror,
                suberror < std::size(kNames) ? kNames[suberror] : "?", arch::instruction_pointer(fd_.get()));
  std::string description = text;
  for (size_t i = 0; i < bytes; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, " %02x", code[i]);
    description += byte;
  }
  return bytes != 0 ? description : description + " unknown";
}

std::string Vcpu::describe_run_error(int error) const {
  char where[48];
  std::snprintf(where, sizeof where, "running the guest at 0x%" PRIx64, arch::instruction_pointer(fd_.get()));
  std::string text = system_error(where, error).text;
  if (error == EFAULT) text += "; the host memory behind a guest address is not accessible";
  return text;
}

} // namespace kvm

// The KVM device node: opening it, its API version and its capabilities.
// Linux: Documentation/virt/kvm/api.rst, sections 4.1 to 4.4.
#pragma once

#include <sporehost/result.hpp>

#include <span>
#include <string>
#include <string_view>

#include "plugins/kvm/handles.hpp"

namespace kvm {

inline constexpr int kApiVersion = 12; // the only one there has been since Linux 2.6.22

struct Capability {
  int number; // KVM_CAP_*
  const char* name;
};

// The failure of a system call: `what`, then the reason that `error` (an errno) stands for. [any]
[[nodiscard]] spore::Error system_error(std::string_view what, int error);

// ioctl(2) that starts over when a signal cuts it short; -1 with errno as usual. [any]
int call(int fd, unsigned long request, void* argument);
int call(int fd, unsigned long request, unsigned long argument = 0);

class Device {
 public:
  // Opens `path` ("/dev/kvm") and checks the API version. [main] The error says what the user can do about it.
  static spore::Result<Device> open(const std::string& path);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  // What KVM_CHECK_EXTENSION answers: 0 for absent. [any]
  [[nodiscard]] int extension(int capability) const;

  // Names the capabilities of `wanted` that are missing: "KVM_CAP_A, KVM_CAP_B", or "". [any]
  [[nodiscard]] std::string missing(std::span<const Capability> wanted) const;

  // vCPUs that one VM may have. [any]
  [[nodiscard]] unsigned vcpus_max() const;

  // Mappings that one VM may have at once. [any]
  [[nodiscard]] uint32_t memory_slots_max() const;

 private:
  Device(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Fd fd_;
  std::string path_;
};

} // namespace kvm

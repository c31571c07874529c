#include "plugins/kvm/device.hpp"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "plugins/kvm/arch.hpp"

namespace kvm {
namespace {

spore_status status_of(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return SPORE_E_PERMISSION;
    case ENOMEM:
      return SPORE_E_NO_MEMORY;
    case EEXIST:
      return SPORE_E_EXISTS;
    case ENOENT:
      return SPORE_E_NOT_FOUND;
    case EBUSY:
      return SPORE_E_BUSY;
    case EINVAL:
      return SPORE_E_INVALID;
    case ENOTTY:
    case ENOSYS:
    case EOPNOTSUPP:
      return SPORE_E_UNSUPPORTED;
    default:
      return SPORE_E_IO;
  }
}

std::string advice_for_open(int error) {
  switch (error) {
    case ENOENT:
      return std::string(arch::advice_without_device());
    case EACCES:
    case EPERM:
      return "; join the group that owns it (usermod -aG kvm USER, then log in again)";
    case ENODEV:
    case ENXIO:
      return "; its module is not loaded, or the processor's virtualization is disabled in the firmware";
    default:
      return "";
  }
}

} // namespace

spore::Error system_error(std::string_view what, int error) {
  return spore::fail(status_of(error), std::string(what) + ": " + std::generic_category().message(error));
}

int call(int fd, unsigned long request, void* argument) {
  int result = 0;
  do {
    result = ::ioctl(fd, request, argument);
  } while (result < 0 && errno == EINTR);
  return result;
}

int call(int fd, unsigned long request, unsigned long argument) {
  // The kernel takes one word, whether it is a number or an address.
  return call(fd, request, reinterpret_cast<void*>(argument)); // NOLINT(performance-no-int-to-ptr)
}

spore::Result<Device> Device::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    spore::Error failure = system_error("cannot open " + path, error);
    failure.text += advice_for_open(error);
    return failure;
  }
  const int version = call(fd.get(), KVM_GET_API_VERSION);
  if (version < 0) return spore::fail(SPORE_E_UNSUPPORTED, path + " is not a KVM device");
  if (version != kApiVersion) {
    return spore::fail(SPORE_E_UNSUPPORTED, path + " speaks KVM API version " + std::to_string(version) + ", not " +
                                                std::to_string(kApiVersion) + "; a newer Linux kernel is needed");
  }
  return Device(std::move(fd), path);
}

int Device::extension(int capability) const {
  return std::max(0, call(fd_.get(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability)));
}

std::string Device::missing(std::span<const Capability> wanted) const {
  std::string names;
  for (const Capability& capability : wanted) {
    if (extension(capability.number) > 0) continue;
    if (!names.empty()) names += ", ";
    names += capability.name;
  }
  return names;
}

unsigned Device::vcpus_max() const {
  const int hard = extension(KVM_CAP_MAX_VCPUS);
  if (hard > 0) return static_cast<unsigned>(hard);
  const int soft = extension(KVM_CAP_NR_VCPUS);
  return soft > 0 ? static_cast<unsigned>(soft) : 4; // api.rst: what to assume where neither is known
}

uint32_t Device::memory_slots_max() const {
  constexpr int kWhereUnknown = 32; // api.rst: what to assume without KVM_CAP_NR_MEMSLOTS
  return static_cast<uint32_t>(std::max(extension(KVM_CAP_NR_MEMSLOTS), kWhereUnknown));
}

} // namespace kvm

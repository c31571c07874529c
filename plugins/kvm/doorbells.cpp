#include "plugins/kvm/doorbells.hpp"

#include <linux/kvm.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "plugins/kvm/device.hpp"

namespace kvm {
namespace {

std::string doorbell_text(const spore_doorbell& doorbell) {
  char text[96];
  std::snprintf(text, sizeof text, "doorbell at %s 0x%" PRIx64 ", %u bytes wide",
                doorbell.port_space != 0 ? "port" : "address", doorbell.address, doorbell.bytes);
  return text;
}

spore::Result<void> check(const spore_doorbell& doorbell) {
  const uint32_t bytes = doorbell.bytes;
  const bool width = bytes == 1 || bytes == 2 || bytes == 4 || (bytes == 8 && doorbell.port_space == 0);
  if (!width) return spore::fail(SPORE_E_INVALID, doorbell_text(doorbell) + ": no write is that wide");
  if (doorbell.reserved != 0 || doorbell.port_space > 1 || doorbell.match > 1) {
    return spore::fail(SPORE_E_INVALID, doorbell_text(doorbell) + ": a field holds what is not defined for it");
  }
  if (doorbell.fd < 0) return spore::fail(SPORE_E_INVALID, doorbell_text(doorbell) + ": no eventfd was given");
  if (doorbell.port_space != 0 && doorbell.address > 0xffff) {
    return spore::fail(SPORE_E_RANGE, doorbell_text(doorbell) + ": there are 65536 ports");
  }
  if (doorbell.match != 0 && bytes < 8 && (doorbell.value >> (8 * bytes)) != 0) {
    return spore::fail(SPORE_E_INVALID, doorbell_text(doorbell) + ": the value to match is wider than the write");
  }
  return {};
}

int set(int vm_fd, const spore_doorbell& doorbell, uint32_t flags) {
  kvm_ioeventfd request{};
  request.addr = doorbell.address;
  request.len = doorbell.bytes;
  request.fd = doorbell.fd;
  request.flags = flags;
  if (doorbell.port_space != 0) request.flags |= KVM_IOEVENTFD_FLAG_PIO;
  if (doorbell.match != 0) {
    request.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
    request.datamatch = doorbell.value;
  }
  return call(vm_fd, KVM_IOEVENTFD, &request);
}

} // namespace

spore::Result<void> add_doorbell(int vm_fd, const spore_doorbell& doorbell) {
  SPORE_CHECK(check(doorbell));
  if (set(vm_fd, doorbell, 0) == 0) return {};
  const int error = errno;
  spore::Error failure = system_error("KVM does not take the " + doorbell_text(doorbell), error);
  // The bus has a limit (1000 devices), and the host can match the write itself.
  if (error == ENOSPC) failure.status = SPORE_E_UNSUPPORTED;
  return failure;
}

spore::Result<void> remove_doorbell(int vm_fd, const spore_doorbell& doorbell) {
  SPORE_CHECK(check(doorbell));
  if (set(vm_fd, doorbell, KVM_IOEVENTFD_FLAG_DEASSIGN) == 0) return {};
  return system_error("KVM does not remove the " + doorbell_text(doorbell), errno);
}

} // namespace kvm

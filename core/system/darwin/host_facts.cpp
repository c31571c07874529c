#include "core/system/host_facts.hpp"

#include <mach/mach.h>
#include <sys/sysctl.h>
#include <unistd.h>

namespace sporehost {

HostMemory read_host_memory() {
  HostMemory memory;
  size_t bytes = sizeof memory.total;
  if (::sysctlbyname("hw.memsize", &memory.total, &bytes, nullptr, 0) != 0) memory.total = 0;
  vm_statistics64 statistics{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const auto result =
      ::host_statistics64(::mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&statistics), &count);
  if (result != KERN_SUCCESS) return memory;
  const uint64_t pages = uint64_t{statistics.free_count} + statistics.inactive_count + statistics.purgeable_count;
  memory.available = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory;
}

bool host_is_strict_with_memory() {
  return false;
}

} // namespace sporehost

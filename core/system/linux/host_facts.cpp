#include "core/system/host_facts.hpp"

#include <fstream>
#include <string>

namespace sporehost {

HostMemory read_host_memory() {
  std::ifstream meminfo("/proc/meminfo");
  HostMemory memory;
  std::string key, unit;
  uint64_t kib = 0;
  while (meminfo >> key >> kib) {
    std::getline(meminfo, unit);
    if (key == "MemTotal:") memory.total = kib * 1024;
    if (key == "MemAvailable:") memory.available = kib * 1024;
    if (memory.total != 0 && memory.available != 0) break;
  }
  return memory;
}

bool host_is_strict_with_memory() {
  int overcommit = 0;
  std::ifstream("/proc/sys/vm/overcommit_memory") >> overcommit;
  return overcommit == 2;
}

} // namespace sporehost

#include "core/memory/refusal.hpp"

#include <sys/resource.h>

#include "core/base/size.hpp"
#include "core/system/host_facts.hpp"

namespace sporehost {
namespace {

template <typename Resource> // an int, or a type of its own
std::optional<uint64_t> soft_limit(Resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

} // namespace

MemoryRules read_memory_rules() {
  MemoryRules rules;
  rules.address_space_bytes = soft_limit(RLIMIT_AS);
  rules.data_bytes = soft_limit(RLIMIT_DATA);
  rules.strict_overcommit = host_is_strict_with_memory();
  return rules;
}

std::string explain_refusal(const MemoryRules& rules) {
  if (rules.address_space_bytes)
    return "this process may have " + format_size(*rules.address_space_bytes) +
           " of address space (ulimit -v); raise that, or ask for less memory";
  if (rules.data_bytes)
    return "this process may have " + format_size(*rules.data_bytes) +
           " of data (ulimit -d); raise that, or ask for less memory";
  if (rules.strict_overcommit)
    return "this host promises no more memory than it has (vm.overcommit_memory is 2); set that to 0 or 1, or ask for "
           "less "
           "memory";
  return "ask for less memory, or free some on the host";
}

} // namespace sporehost

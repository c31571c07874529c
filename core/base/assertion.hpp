// Checks that stay on in every build. For what would otherwise become an access outside of an object; `assert` is
// enough where a wrong value is merely wrong.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sporehost {

[[noreturn, gnu::cold]] inline void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "sporehost: a defect: %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

} // namespace sporehost

#define SPORE_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::sporehost::assertion_failed(#condition, __FILE__, __LINE__))

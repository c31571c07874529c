#include "core/system/anonymous_file.hpp"

#include <sys/mman.h>

namespace sporehost {

UniqueFd make_anonymous_file(const char* name) {
  return UniqueFd(::memfd_create(name, MFD_CLOEXEC));
}

} // namespace sporehost

// links: spore_plugin_loader
//
// Any bytes as a plugin file: the check before the dynamic linker must answer, and name a state, for all of them.
#include "core/base/unique_fd.hpp"
#include "core/plugin/shared_object.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const sporehost::UniqueFd fd(::memfd_create("plugin", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto failure = sporehost::plugin::check_shared_object("/proc/self/fd/" + std::to_string(fd.get()));
  if (failure && (failure->reason.empty() || sporehost::plugin::is_usable(failure->state))) std::abort();
  return 0;
}

// `kernel resolve`: where the managed kernel is, and what was checked.
#include <cstdio>

#include "core/app/common.hpp"
#include "core/kernel/managed_kernel.hpp"

namespace sporehost::app {

int resolve_kernel(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  ManagedKernelConfig where;
  if (arguments.has("config")) {
    const auto config = load_config(arguments);
    if (!config) return complain(config.error());
    where = config->kernel;
  }
  const auto kernel = kernel::find_managed_kernel(where);
  if (!kernel) return complain(kernel.error());
  std::printf("%s\nrelease: %s\ninitrd: %s\n", kernel->image.c_str(), kernel->release.c_str(),
              kernel->initrd ? kernel->initrd->c_str() : "none");
  for (const std::string& sentence : kernel->stand_ins) std::printf("%s\n", sentence.c_str());
  return 0;
}

} // namespace sporehost::app

// `kernel resolve`: gets the managed kernel from its sources, checks it, and says where it is and what was checked.
#include <cstdio>

#include "core/app/common.hpp"
#include "core/kernel/resolver.hpp"

namespace sporehost::app {

int resolve_kernel(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  kernel::ResolveRequest request;
  request.arch = arguments.value("arch").value_or("");
  request.source = arguments.value("source").value_or("");
  request.offline = arguments.has("offline");
  if (arguments.has("config")) {
    auto config = load_config(arguments);
    if (!config) return complain(config.error());
    request.config = config->kernel;
  }
  const auto kernel = kernel::resolve(request);
  if (!kernel) return complain(kernel.error());
  std::printf("%s\n", (arguments.has("json") ? kernel::describe_json(*kernel) : kernel::describe(*kernel)).c_str());
  return 0;
}

} // namespace sporehost::app

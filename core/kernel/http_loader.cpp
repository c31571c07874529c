// Downloads, by the module that is loaded for the first of them.
#include "core/kernel/http_module.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::Result;

Result<std::string> fetch_text(const std::string& url, uint64_t most, const HttpOptions& options) {
  SPORE_TRY(const HttpModule* module, load_module<HttpModule>());
  return module->fetch_text(url, most, options);
}

Result<void> fetch_file(const std::string& url, const fs::path& to, uint64_t most, const HttpOptions& options,
                        Progress& progress, bool& resumed) {
  SPORE_TRY(const HttpModule* module, load_module<HttpModule>());
  return module->fetch_file(url, to, most, options, progress, resumed);
}

} // namespace sporehost::kernel

// What the module for downloads offers to the program: they need TLS, and TLS needs libraries that few starts want.
#pragma once

#include "core/base/module.hpp"
#include "core/kernel/http.hpp"

namespace sporehost::kernel {

struct HttpModule {
  static constexpr ModuleName name{"sporehost-https.so", "sporehost_http_module", "a download"};

  const char* version;
  spore::Result<std::string> (*fetch_text)(const std::string& url, uint64_t most, const HttpOptions& options);
  spore::Result<void> (*fetch_file)(const std::string& url, const std::filesystem::path& to, uint64_t most,
                                    const HttpOptions& options, Progress& progress, bool& resumed);
};

} // namespace sporehost::kernel

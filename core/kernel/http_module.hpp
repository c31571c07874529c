// What the module for downloads offers to the program.
//
// Downloads need TLS, and TLS needs libraries that cost every start some milliseconds and megabytes of linking, also
// the starts (nearly all) that download nothing. So http.cpp lies in a shared object of its own, sporehost-https.so,
// which http_loader.cpp loads when the first download begins. It is a part of the program and no plugin: both are of
// one build.
#pragma once

#include "core/kernel/http.hpp"

namespace sporehost::kernel {

struct HttpModule {
  const char* version; // of the program it was built with
  spore::Result<std::string> (*fetch_text)(const std::string& url, uint64_t most, const HttpOptions& options);
  spore::Result<void> (*fetch_file)(const std::string& url, const std::filesystem::path& to, uint64_t most,
                                    const HttpOptions& options, Progress& progress, bool& resumed);
};

inline constexpr const char* kHttpModuleFile = "sporehost-https.so";
inline constexpr const char* kHttpModuleEntry = "sporehost_http_module";

using HttpModuleEntry = const HttpModule*();

} // namespace sporehost::kernel

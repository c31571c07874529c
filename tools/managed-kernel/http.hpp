// Downloads over HTTPS: certificates checked, retried with growing pauses, resumed where they broke off, bounded.
//
// Plain http is refused except to this machine itself. Redirects are followed (at most 5), never from https to http.
// A proxy is taken from HTTPS_PROXY / https_proxy; this machine itself is reached without it.
#pragma once

#include <sporehost/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/system/progress.hpp"

namespace sporehost::kernel::supply {

struct HttpOptions {
  int attempts = 5;                                   // 1 or more
  std::chrono::milliseconds first_pause{500};         // before the second attempt; doubles each time
  std::chrono::milliseconds connect_timeout{10'000};  // TCP and TLS
  std::chrono::milliseconds silence_timeout{30'000};  // without a byte
  std::chrono::milliseconds total_timeout{1'200'000}; // the whole file with all attempts
  std::filesystem::path ca_file;                      // certificates to trust beside the system's; empty: none
};

// Statuses of all downloads: SPORE_E_NOT_FOUND the server is unknown or has no such file (404, 410);
// SPORE_E_PERMISSION it refuses us, or its certificate is not good; SPORE_E_TIMEOUT; SPORE_E_RANGE longer than `most`;
// SPORE_E_IO anything else after the last attempt; SPORE_E_INVALID a URL that may not be used. Each text has the URL.

// The body as text, of at most `most` bytes. [main]
[[nodiscard]] spore::Result<std::string> fetch_text(const std::string& url, uint64_t most, const HttpOptions& options);

// The body into a file. What the file holds already is taken for the beginning of the body, and only the rest is asked
// for; a server that does not do that sends all, which replaces it. What is there stays when this fails. On disk when
// it returns. `resumed` is set when something that was there before was kept. [main]
[[nodiscard]] spore::Result<void> fetch_file(const std::string& url, const std::filesystem::path& to, uint64_t most,
                                             const HttpOptions& options, Progress& progress, bool& resumed);

} // namespace sporehost::kernel::supply

// What the tests of the resolver share: a temporary cache, kernels made up by the test, a release on a local server.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/kernel/resolver.hpp"
#include "core/system/progress.hpp"
#include "test_server.hpp"
#include "tools/managed-kernel/http.hpp"

namespace sporehost::kernel::testing {

// A folder that goes away with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A configuration that is accepted for x86_64 with nothing standing in.
[[nodiscard]] std::string good_config();
// The same without the lines that begin with CONFIG_`symbol`=, and with `line` added where it is not empty.
[[nodiscard]] std::string changed_config(const std::string& symbol, const std::string& line = {});
// A real, small bzImage; `embedded`: a configuration inside it; `filler` bytes make it large.
[[nodiscard]] std::string make_image(const std::string& embedded = {}, size_t filler = 0);
// One that the host cannot unpack.
[[nodiscard]] std::string make_image_packed_by_bzip2();
// The ELF kernel inside such an image.
[[nodiscard]] std::string vmlinux_of(const std::string& image);
// A newc archive with empty files of these names.
[[nodiscard]] std::string make_cpio(const std::vector<std::string>& names);

void put(const std::filesystem::path& path, const std::string& content);
[[nodiscard]] std::string get(const std::filesystem::path& path);
// Everything below the folder, without lock files and stamps.
[[nodiscard]] std::vector<std::string> files_below(const std::filesystem::path& folder);

// Counts and keeps what the resolver says.
class RecordingProgress final : public Progress {
 public:
  void step(std::string_view text) override { steps.emplace_back(text); }
  void bytes(uint64_t done, uint64_t total) override { last_done = done, last_total = total; }
  [[nodiscard]] bool said(const std::string& part) const {
    for (const std::string& step : steps)
      if (step.find(part) != std::string::npos) return true;
    return false;
  }
  std::vector<std::string> steps;
  uint64_t last_done = 0, last_total = 0;
};

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest();
  // Puts image, digest and configuration on the server.
  void publish(const std::string& image, const std::string& config);
  // What the supplier does, in this process.
  spore::Result<ManagedKernel> run(Digests digests = Digests::compute);
  [[nodiscard]] std::filesystem::path entry() const;

  TempFolder folder_;
  TestServer server_;
  KernelSettings settings_;  // release only, from server_
  supply::HttpOptions http_; // with short pauses
  RecordingProgress progress_;
  std::string asset_ = "/acme/kernels/releases/download/v1/sporevm-x86_64-linux-6.1.1-bzImage";
};

} // namespace sporehost::kernel::testing

// Kernels that a project publishes as files of a release, each with its digest and configuration beside it.
#include <algorithm>
#include <sstream>

#include "core/kernel/files.hpp"
#include "core/kernel/kernel_config.hpp"
#include "core/kernel/sha256.hpp"
#include "tools/managed-kernel/http.hpp"
#include "tools/managed-kernel/source.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr uint64_t kLargestImage = uint64_t{512} << 20;
constexpr uint64_t kLargestDigestFile = 4096;

class ReleaseSource final : public KernelSource {
 public:
  ReleaseSource(const KernelSettings& settings, const HttpOptions& http)
      : KernelSource(source_facts("release", settings)),
        release_(settings.release),
        http_(http),
        image_(settings.arch == "arm64" ? "Image" : "bzImage") {
    asset_ = "sporevm-" + settings.arch + "-linux-" + release_.version + "-" + image_;
    url_ = release_.base_url + "/" + release_.repository + "/releases/download/" + release_.tag + "/" + asset_;
  }

  [[nodiscard]] std::string image_name() const override { return url_; }

  Result<std::string> prepare(bool offline, Progress&) override {
    if (offline) return fail(SPORE_E_NOT_FOUND, "it is not in the cache, and the resolver is offline");
    return facts().key;
  }

  Result<void> fetch(const fs::path& folder, Progress& progress) override {
    SPORE_TRY(const std::string expected, published_digest());
    SPORE_CHECK(fetch_image(folder, expected, progress));
    const bool has_config = fetch_config(folder, progress);
    if (auto stored = config_status_; !stored) return stored;
    std::string digests = expected + "  " + image_ + "\n";
    if (has_config) {
      SPORE_TRY(const std::string digest, sha256_file(folder / "config"));
      digests += digest + "  config\n";
    }
    SPORE_CHECK(write_file(folder / "release", release_.version + "\n"));
    return write_file(folder / "sha256", digests);
  }

 private:
  Result<std::string> published_digest() {
    SPORE_TRY(const std::string text, fetch_text(url_ + ".sha256", kLargestDigestFile, http_));
    std::istringstream words(text);
    std::string digest, name;
    words >> digest >> name;
    std::transform(digest.begin(), digest.end(), digest.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? c + 32 : c; });
    if (name.starts_with('*')) name.erase(0, 1);
    if (!is_sha256(digest) || (!name.empty() && fs::path(name).filename() != asset_))
      return fail(SPORE_E_INVALID, url_ + ".sha256: this is not the SHA-256 digest of " + asset_ +
                                       "; check kernel.release (repository, tag, version)");
    if (!release_.sha256.empty() && release_.sha256 != digest)
      return fail(SPORE_E_INVALID, url_ + ".sha256: the release says " + digest + ", kernel.release.sha256 demands " +
                                       release_.sha256 + "; correct the one that is wrong");
    return digest;
  }

  // A part from an earlier run may be of another file; so what was resumed gets a second chance from its beginning.
  Result<void> fetch_image(const fs::path& folder, const std::string& expected, Progress& progress) {
    const fs::path part = folder / (image_ + ".part"), path = folder / image_;
    std::error_code ignored;
    fs::remove(path, ignored);
    bool resumed = true;
    while (resumed) {
      progress.step("downloading " + url_);
      SPORE_CHECK(fetch_file(url_, part, kLargestImage, http_, progress, resumed));
      SPORE_TRY(const std::string digest, sha256_file(part));
      if (digest == expected) {
        std::error_code error;
        fs::rename(part, path, error);
        if (error) return file_error("rename", part, error.value());
        return {};
      }
      fs::remove(part, ignored);
      if (!resumed) return wrong_digest(digest, expected);
    }
    return {};
  }

  [[nodiscard]] spore::Error wrong_digest(const std::string& digest, const std::string& expected) const {
    return fail(SPORE_E_INVALID, "managed kernel '" + url_ + "' (" + facts().label + ") has the SHA-256 " + digest +
                                     ", not " + expected +
                                     " as the release says; nothing was kept; try again later, and if it stays, "
                                     "distrust the release");
  }

  // False where the release has none; then the kernel must carry it inside.
  bool fetch_config(const fs::path& folder, Progress& progress) {
    std::error_code ignored;
    fs::remove(folder / "config", ignored);
    const auto text = fetch_text(url_ + ".config", kLargestConfig, http_);
    if (text) {
      config_status_ = write_file(folder / "config", *text);
      return config_status_.ok();
    }
    if (text.error().status == SPORE_E_NOT_FOUND)
      progress.step(text.error().text + "; looking for the configuration inside the kernel");
    else
      config_status_ = text.error();
    return false;
  }

  const ReleaseSettings& release_;
  const HttpOptions& http_;
  const std::string image_;
  std::string asset_;
  std::string url_;
  Result<void> config_status_;
};

} // namespace

std::unique_ptr<KernelSource> make_release_source(const KernelSettings& settings, const HttpOptions& http) {
  return std::make_unique<ReleaseSource>(settings, http);
}

} // namespace sporehost::kernel::supply

// The sources that are scripts of the project: Debian's kernel through apt, and a build of our own. Both print the
// folder of a kernel that they keep in the cache; from there it is copied into the folder that the resolver vouches
// for.
#include <algorithm>
#include <cerrno>

#include "core/kernel/files.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/sha256.hpp"
#include "tools/managed-kernel/script.hpp"
#include "tools/managed-kernel/source.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr size_t kLargestSmallFile = size_t{1} << 20;

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

class ScriptSource final : public KernelSource {
 public:
  ScriptSource(const std::string& name, const KernelSettings& settings)
      : KernelSource(source_facts(name, settings)), settings_(settings), distribution_(name == "distribution") {}

  [[nodiscard]] std::string image_name() const override { return find_image(from_); }

  Result<std::string> prepare(bool offline, Progress& progress) override {
    if (!distribution_ && settings_.arch != "x86_64")
      return fail(SPORE_E_NOT_FOUND, "it makes kernels for x86_64 only, not for " + settings_.arch);
    if (settings_.scripts.empty())
      return fail(SPORE_E_NOT_FOUND, "the project's scripts are not here; they come with the source tree");
    const fs::path script = settings_.scripts / (distribution_ ? "fetch-debian-kernel" : "build-kernel");
    std::vector<std::string> arguments = distribution_ ? std::vector<std::string>{"--arch", settings_.arch}
                                                       : std::vector<std::string>{"--flavour", settings_.flavour};
    if (offline)
      arguments.emplace_back("--print-dir");
    else
      progress.long_step(distribution_
                             ? "taking Debian's kernel, by apt where it is not here yet: some 70 MB (230 MB unpacked)"
                             : "building a kernel, which takes minutes");
    SPORE_TRY(const ProgramEnd outcome, run_script(script, arguments, {"SPOREHOST_CACHE=" + settings_.cache.string()}));
    from_ = last_line(outcome.output);
    std::error_code ignored;
    if (!outcome.succeeded() || !fs::is_directory(from_, ignored))
      return fail(SPORE_E_NOT_FOUND,
                  "'" + script.string() + "' ended with " + outcome.how() + ": " + tail(outcome.errors));
    const std::string folder = from_.filename().string();
    return (distribution_ ? "distribution-" : "") + folder;
  }

  Result<void> fetch(const fs::path& folder, Progress& progress) override {
    const fs::path image = find_image(from_);
    if (image.empty()) return fail(SPORE_E_NOT_FOUND, "there is no kernel in '" + from_.string() + "'");
    progress.step("taking over " + image.string());
    std::string digests;
    for (const fs::path& file : {image, from_ / "config"}) {
      SPORE_CHECK(copy(file, folder / file.filename()));
      SPORE_TRY(const std::string digest, sha256_file(folder / file.filename()));
      digests += digest + "  " + file.filename().string() + "\n";
    }
    SPORE_CHECK(check_origin(image.filename().string(), digests));
    SPORE_CHECK(copy(from_ / "release", folder / "release"));
    std::error_code ignored;
    fs::remove(folder / "modules", ignored);
    // scripts/build-initrd finds the modules through it.
    if (fs::is_directory(from_ / "modules", ignored))
      fs::create_directory_symlink(from_ / "modules", folder / "modules", ignored);
    return write_file(folder / "sha256", digests);
  }

 private:
  // What the script wrote about its own result must fit what was copied.
  Result<void> check_origin(const std::string& image, const std::string& digests) const {
    std::error_code ignored;
    if (!fs::exists(from_ / "sha256", ignored)) return {};
    SPORE_TRY(const std::string listed, read_file(from_ / "sha256", kLargestSmallFile));
    const std::string line = digests.substr(0, digests.find('\n'));
    if (("\n" + listed).find("\n" + line + "\n") != std::string::npos) return {};
    return fail(SPORE_E_INVALID, "'" + (from_ / image).string() + "' has been changed since it was made (SHA-256 " +
                                     line.substr(0, 64) + "); remove '" + from_.string() + "' and resolve again");
  }

  static Result<void> copy(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::remove(to, error);
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (error) return file_error("copy", from, error.value());
    return sync_path(to);
  }

  // The message of a script, on one line.
  static std::string tail(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    const size_t error = text.rfind(": error: ");
    if (error != std::string::npos) text = text.substr(error + 9);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  const KernelSettings& settings_;
  const bool distribution_;
  fs::path from_;
};

} // namespace

std::unique_ptr<KernelSource> make_script_source(const std::string& name, const KernelSettings& settings) {
  return std::make_unique<ScriptSource>(name, settings);
}

std::unique_ptr<KernelSource> make_source(const std::string& name, const KernelSettings& settings,
                                          const HttpOptions& http) {
  if (name == "release") return make_release_source(settings, http);
  return make_script_source(name, settings);
}

} // namespace sporehost::kernel::supply

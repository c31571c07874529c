// Reading and checking one kernel folder.
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "core/kernel/embedded_config.hpp"
#include "core/kernel/files.hpp"
#include "core/kernel/initrd_modules.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/required_symbols.hpp"
#include "core/kernel/sha256.hpp"
#include "core/kernel/verify_cache.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr const char* kRemedy =
    "take another managed kernel (kernel.sources, --source), or name this one as boot.kernel: it then runs with fixed "
    "memory";

// The digests of the file `sha256`, by file name. Empty where there is no such file.
Result<std::map<std::string, std::string>> read_digests(const fs::path& folder) {
  std::map<std::string, std::string> digests;
  const fs::path path = folder / "sha256";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return digests;
  SPORE_TRY(const std::string text, read_file(path, kDigestListMax));
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string digest, name;
    if (!(words >> digest >> name)) continue;
    if (name.starts_with('*')) name.erase(0, 1); // sha256sum's mark for binary mode
    if (!is_sha256(digest)) return fail(SPORE_E_INVALID, "'" + path.string() + "' is not a list of SHA-256 digests");
    digests.insert_or_assign(name, digest);
  }
  return digests;
}

class FolderReader {
 public:
  explicit FolderReader(const FolderRequest& request) : request_(request) {}

  Result<ManagedKernel> read() {
    kernel_.arch = request_.arch;
    kernel_.directory = request_.folder;
    kernel_.image = find_image(request_.folder);
    if (kernel_.image.empty())
      return fail(SPORE_E_NOT_FOUND, "there is no kernel in '" + request_.folder.string() +
                                         "' (vmlinux, vmlinuz, bzImage or Image); fill it, or name another folder");
    kernel_.source = request_.source.empty() ? first_line(request_.folder / "source") : request_.source;
    if (kernel_.source.empty()) kernel_.source = "folder " + request_.folder.string();
    kernel_.release = first_line(request_.folder / "release");
    std::error_code ignored;
    kernel_.initrd = request_.initrd;
    if (const fs::path beside = request_.folder / "initrd.cpio"; !kernel_.initrd && fs::exists(beside, ignored))
      kernel_.initrd = beside.string();
    SPORE_CHECK(check_digests());
    SPORE_CHECK(check_image_kind());
    SPORE_CHECK(read_config());
    SPORE_CHECK(check_required());
    return std::move(kernel_);
  }

 private:
  // "managed kernel 'X' (source): text; remedy"
  [[nodiscard]] spore::Error wrong(spore_status status, const std::string& text, const std::string& remedy) const {
    const std::string name = request_.image_name.empty() ? kernel_.image : request_.image_name;
    return fail(status, "managed kernel '" + name + "' (" + kernel_.source + ") " + text + "; " + remedy);
  }

  Result<void> check_digests() {
    SPORE_TRY(const auto digests, read_digests(request_.folder));
    if (digests.empty()) return {};
    const std::string image = fs::path(kernel_.image).filename().string();
    SPORE_TRY(kernel_.sha256, check_digest(digests, image));
    std::error_code ignored;
    if (fs::exists(request_.folder / "config", ignored)) SPORE_CHECK(check_digest(digests, "config"));
    const fs::path packed = request_.folder / "bzImage";
    if (image != "vmlinux" || !digests.contains("bzImage") || !fs::exists(packed, ignored)) return {};
    kernel_.packed = {packed.string(), digests.at("bzImage")};
    // A start reads no byte of it.
    if (request_.digests == Digests::compute) SPORE_CHECK(check_digest(digests, "bzImage"));
    return {};
  }

  // The digest that the list has for a file, once the file is seen to have it.
  Result<std::string> check_digest(const std::map<std::string, std::string>& digests, const std::string& name) {
    const auto listed = digests.find(name);
    if (listed == digests.end())
      return wrong(SPORE_E_INVALID, "has no digest for '" + name + "' in its file sha256", kFetchAgain);
    if (request_.digests == Digests::known) return listed->second;
    const fs::path path = request_.folder / name;
    SPORE_TRY(const std::string digest, request_.digests == Digests::compute || request_.stamps.empty()
                                            ? sha256_file(path)
                                            : stamped_sha256(path, request_.stamps));
    if (digest == listed->second) return digest;
    return wrong(SPORE_E_INVALID,
                 "has been changed: '" + name + "' has the SHA-256 " + digest + ", not " + listed->second, kFetchAgain);
  }

  Result<void> check_image_kind() {
    std::array<char, 0x206> head{};
    std::ifstream file(kernel_.image, std::ios::binary);
    file.read(head.data(), head.size());
    const auto has = [&](size_t offset, std::string_view magic) {
      return static_cast<size_t>(file.gcount()) >= offset + magic.size() &&
             std::memcmp(head.data() + offset, magic.data(), magic.size()) == 0;
    };
    using namespace std::string_view_literals;
    const bool elf = has(0,
                         "\x7f"
                         "ELF"sv);
    const bool fits = kernel_.arch == "x86_64" ? has(0x202, "HdrS"sv) || (elf && has(18, "\x3e\0"sv))
                                               : has(56, "ARM\x64"sv) || (elf && has(18, "\xb7\0"sv));
    if (fits) return {};
    return wrong(SPORE_E_UNSUPPORTED, "is not a kernel image for " + kernel_.arch, kRemedy);
  }

  Result<void> read_config() {
    const fs::path path = request_.folder / "config";
    std::error_code ignored;
    const bool beside = fs::exists(path, ignored);
    if (beside) {
      SPORE_TRY(kernel_.config, KernelConfig::load(path));
    }
    // Looking inside means decompressing, so it is done once, when a kernel is accepted; an entry of the cache has a
    // file then. There is no other way with a folder of a user's own that has none.
    const bool look_inside = !beside || (request_.digests == Digests::compute && !request_.image_name.empty());
    if (look_inside) {
      SPORE_TRY(const loader::KernelImage image, loader::load_kernel(kernel_.image, loader_options(kernel_.arch)));
      SPORE_TRY(const auto inside, embedded_config(image));
      if (inside && beside) SPORE_CHECK(compare(KernelConfig::parse(*inside)));
      if (inside && !beside) kernel_.config = KernelConfig::parse(*inside);
      if (!inside && !beside)
        return wrong(SPORE_E_UNSUPPORTED,
                     "has no configuration: there is no file config and none is embedded (CONFIG_IKCONFIG)", kRemedy);
    }
    if (kernel_.config.empty())
      return wrong(SPORE_E_UNSUPPORTED, "has a file config that is no configuration", kRemedy);
    return {};
  }

  // The file beside the kernel may not claim what the kernel itself denies.
  Result<void> compare(const KernelConfig& inside) {
    for (const RequiredSymbol& required : required_symbols())
      for (const std::string& symbol : required.any_of)
        if (inside.value(symbol) != kernel_.config.value(symbol))
          return wrong(SPORE_E_INVALID,
                       "does not fit its file config: " + symbol + " is " + inside.value(symbol) +
                           " inside the kernel, " + kernel_.config.value(symbol) + " in the file",
                       kRemedy);
    return {};
  }

  Result<void> check_required() {
    Surroundings around{kernel_.arch, {}, request_.cmdline_may_stand_in};
    if (kernel_.initrd) {
      SPORE_TRY(around.initrd_modules, load_initrd_modules(*kernel_.initrd));
    }
    Verdict verdict = check_symbols(kernel_.config, required_symbols(), around);
    if (!verdict.problems.empty()) {
      std::string text;
      for (const std::string& problem : verdict.problems) text += (text.empty() ? "" : ", ") + problem;
      return wrong(SPORE_E_UNSUPPORTED, "cannot be accepted: " + text, kRemedy);
    }
    kernel_.stand_ins = std::move(verdict.stand_ins);
    kernel_.cmdline = std::move(verdict.cmdline);
    kernel_.can_grow = true;
    return {};
  }

  static constexpr const char* kFetchAgain = "remove its folder and resolve again";

  const FolderRequest& request_;
  ManagedKernel kernel_;
};

} // namespace

std::string find_image(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"vmlinux", "vmlinuz", "bzImage", "Image"})
    if (fs::is_regular_file(folder / name, ignored)) return (folder / name).string();
  return {};
}

Result<ManagedKernel> read_kernel_folder(const FolderRequest& request) {
  return FolderReader(request).read();
}

} // namespace sporehost::kernel

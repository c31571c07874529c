#include "core/kernel/initrd_modules.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/base/whole_number.hpp"
#include "core/loader/image_file.hpp"

namespace sporehost::kernel {

using loader::Bytes;
using spore::fail;
using spore::Result;

namespace {

constexpr size_t kHeaderSize = 110; // magic and 13 fields of 8 hexadecimal digits
constexpr size_t kFileSizeField = 6, kNameSizeField = 11;

std::optional<uint32_t> read_field(std::string_view header, size_t index) {
  return whole_number<uint32_t>(header.substr(6 + 8 * index, 8), 16);
}

uint64_t align4(uint64_t offset) {
  return (offset + 3) & ~uint64_t{3};
}

std::optional<std::string> module_name(std::string_view path) {
  if (path.starts_with("./")) path.remove_prefix(2);
  if (!path.starts_with("lib/modules/") && !path.starts_with("usr/lib/modules/")) return std::nullopt;
  std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view suffix : {".xz", ".gz", ".zst"})
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      break;
    }
  constexpr std::string_view object = ".ko";
  if (!name.ends_with(object)) return std::nullopt;
  std::string module(name.substr(0, name.size() - object.size()));
  std::replace(module.begin(), module.end(), '-', '_');
  return module;
}

} // namespace

Result<std::set<std::string>> list_initrd_modules(Bytes archive) {
  std::set<std::string> modules;
  const std::string_view text(reinterpret_cast<const char*>(archive.data()), archive.size());
  uint64_t at = 0;
  while (true) {
    if (!loader::contains(archive, at, kHeaderSize))
      return fail(SPORE_E_INVALID, "the initrd ends in the middle of its archive; build it again");
    const std::string_view header = text.substr(at, kHeaderSize);
    const auto file_size = read_field(header, kFileSizeField);
    const auto name_size = read_field(header, kNameSizeField);
    if ((!header.starts_with("070701") && !header.starts_with("070702")) || !file_size || !name_size || *name_size == 0)
      return fail(SPORE_E_INVALID,
                  "the initrd is not an uncompressed newc cpio archive; scripts/build-initrd makes one");
    if (!loader::contains(archive, at + kHeaderSize, *name_size))
      return fail(SPORE_E_INVALID, "the initrd ends in the middle of a name; build it again");
    const std::string_view name = text.substr(at + kHeaderSize, *name_size - 1);
    if (name == "TRAILER!!!") return modules;
    if (auto module = module_name(name)) modules.insert(std::move(*module));
    at = align4(align4(at + kHeaderSize + *name_size) + *file_size);
  }
}

Result<std::set<std::string>> load_initrd_modules(const std::string& path) {
  SPORE_TRY(const loader::ImageFile file, loader::ImageFile::open(path, "initrd"));
  auto modules = list_initrd_modules(file.bytes());
  if (!modules) return modules.error().in(file.name());
  return modules;
}

} // namespace sporehost::kernel

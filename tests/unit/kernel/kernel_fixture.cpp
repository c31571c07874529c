#include "kernel_fixture.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/kernel/kernel_cache.hpp"
#include "core/kernel/sha256.hpp"
#include "core/kernel/source_facts.hpp"
#include "core/loader/kernel_image.hpp"
#include "tests/support/kernels/synthetic.hpp"
#include "tools/managed-kernel/supply.hpp"

namespace sporehost::kernel::testing {

namespace fs = std::filesystem;
namespace images = loader::testing;

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "sporehost-kernel.XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string good_config() {
  return "# Linux/x86 6.1.1 Kernel Configuration\n"
         "CONFIG_X86_64=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_MEMORY_HOTPLUG=y\n"
         "CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE=y\nCONFIG_MEMORY_HOTREMOVE=y\nCONFIG_CONTIG_ALLOC=y\n"
         "CONFIG_EXCLUSIVE_SYSTEM_RAM=y\nCONFIG_VIRTIO_MEM=y\nCONFIG_VIRTIO_MMIO=y\nCONFIG_VIRTIO_CONSOLE=y\n"
         "CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y\n# CONFIG_ACPI is not set\nCONFIG_LOCALVERSION=\"\"\n";
}

std::string changed_config(const std::string& symbol, const std::string& line) {
  std::istringstream in(good_config());
  std::string out;
  for (std::string each; std::getline(in, each);)
    if (!each.starts_with("CONFIG_" + symbol + "=")) out += each + "\n";
  return out + (line.empty() ? "" : line + "\n");
}

std::string make_image(const std::string& embedded, size_t filler) {
  images::Data text = images::pattern(4096);
  if (!embedded.empty()) {
    const auto put_text = [&](std::string_view part) { text.insert(text.end(), part.begin(), part.end()); };
    const images::Data packed =
        images::compress(loader::Compression::gzip, images::Data(embedded.begin(), embedded.end()));
    put_text("IKCFG_ST");
    text.insert(text.end(), packed.begin(), packed.end());
    put_text("IKCFG_ED");
  }
  constexpr uint64_t load = 0x1000000;
  const uint64_t size = text.size();
  const images::Data elf = images::make_elf(load, {{load, text, size}});
  images::Data image = images::make_bzimage(images::compress_for_kernel(loader::Compression::gzip, elf));
  const images::Data rest = images::pattern(filler);
  image.insert(image.end(), rest.begin(), rest.end());
  return {image.begin(), image.end()};
}

std::string make_image_packed_by_bzip2() {
  const images::Data image = images::make_bzimage(images::Data{'B', 'Z', 'h', '9', 1, 2, 3, 4});
  return {image.begin(), image.end()};
}

std::string vmlinux_of(const std::string& image) {
  const auto kernel = loader::parse_kernel({reinterpret_cast<const uint8_t*>(image.data()), image.size()}, {});
  if (!kernel) return "not a kernel: " + kernel.error().text;
  const loader::Bytes bytes = kernel->decompressed.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string make_cpio(const std::vector<std::string>& names) {
  std::string out;
  const auto add = [&](const std::string& name) {
    char header[111];
    std::snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08zx%08x", 1, 0100644, 0,
                  0, 1, 0, 4, 0, 0, 0, 0, name.size() + 1, 0);
    out += header + name;
    out.push_back('\0');
    out.resize((out.size() + 3) / 4 * 4);
    out += "data";
  };
  for (const std::string& name : names) add(name);
  add("TRAILER!!!");
  return out;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

std::string get(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& item : fs::recursive_directory_iterator(folder, ignored)) {
    const std::string name = item.path().lexically_relative(folder).string();
    if (item.is_directory() || name.find(".lock-") != std::string::npos || name.starts_with("verified")) continue;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

ResolverTest::ResolverTest() {
  settings_.arch = "x86_64";
  settings_.sources = {"cache", "release"};
  settings_.cache = folder_.path() / "cache";
  settings_.initrd_cache = settings_.cache / "initrds";
  settings_.release.base_url = server_.url();
  settings_.release.repository = "acme/kernels";
  settings_.release.tag = "v1";
  settings_.release.version = "6.1.1";
  http_.first_pause = std::chrono::milliseconds(1);
}

void ResolverTest::publish(const std::string& image, const std::string& config) {
  server_.set(asset_, image);
  server_.set(asset_ + ".sha256", sha256(image) + "  " + fs::path(asset_).filename().string() + "\n");
  server_.set(asset_ + ".config", config);
}

spore::Result<ManagedKernel> ResolverTest::run(Digests digests) {
  SPORE_TRY(supply::Supplied supplied, supply::supply_kernel(settings_, http_, digests, progress_));
  return std::move(supplied.kernel);
}

fs::path ResolverTest::entry() const {
  return KernelCache(settings_.cache, settings_.arch).entry(source_facts("release", settings_).key);
}

} // namespace sporehost::kernel::testing

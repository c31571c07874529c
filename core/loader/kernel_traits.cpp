#include "core/loader/kernel_traits.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sporehost::loader {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kBanner = "Linux version "sv;
constexpr size_t kReleaseMax = 64; // __NEW_UTS_LEN

// With the NUL that ends a text, so that a longer name which begins alike is not taken for it.
constexpr std::string_view kAcpi = "acpi_enforce_resources=\0"sv;
constexpr std::string_view kPci = "PCI: Fatal: No config space access function found"sv;
constexpr std::string_view kMmioCmdline = "virtio_mmio.device\0"sv;
constexpr std::string_view kSerial8250 = "8250.nr_uarts\0"sv;
constexpr std::string_view kSerialPl011 = "uart-pl011\0"sv;

// The bytes from the first `text` on; empty where there is none. (memmem is much quicker here than string_view::find.)
Bytes find(Bytes in, std::string_view text) {
  if (in.empty()) return {};
  const void* at = ::memmem(in.data(), in.size(), text.data(), text.size());
  return at == nullptr ? Bytes{} : in.subspan(static_cast<size_t>(static_cast<const uint8_t*>(at) - in.data()));
}

bool has(Bytes in, std::string_view text) {
  return !find(in, text).empty();
}

// Only what a release is made of; a banner with something else behind it is a format text ("Linux version %s").
std::string release_at(Bytes text) {
  std::string release;
  for (const uint8_t byte : text.first(std::min(text.size(), kReleaseMax + 1))) {
    const bool good = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      byte == '.' || byte == '-' || byte == '_' || byte == '+' || byte == '~';
    if (!good) return byte == ' ' && !release.empty() && release[0] >= '0' && release[0] <= '9' ? release : "";
    release += static_cast<char>(byte);
  }
  return {};
}

} // namespace

KernelTraits read_kernel_traits(Bytes vmlinux) {
  KernelTraits traits;
  Bytes banner = find(vmlinux, kBanner);
  if (banner.empty()) return traits;
  traits.is_linux = true;
  // There are a few of them; more than that is no kernel's doing.
  for (int tries = 0; tries < 8 && traits.release.empty() && !banner.empty(); ++tries) {
    const Bytes rest = banner.subspan(kBanner.size());
    traits.release = release_at(rest);
    banner = find(rest, kBanner);
  }
  traits.acpi = has(vmlinux, kAcpi);
  traits.pci = has(vmlinux, kPci);
  traits.mmio_cmdline = has(vmlinux, kMmioCmdline);
  traits.serial_8250 = has(vmlinux, kSerial8250);
  traits.serial_pl011 = has(vmlinux, kSerialPl011);
  return traits;
}

} // namespace sporehost::loader

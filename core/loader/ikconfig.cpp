#include "core/loader/ikconfig.hpp"

#include <string_view>

#include "core/loader/decompress.hpp"

namespace sporehost::loader {

namespace {

constexpr std::string_view kBegin = "IKCFG_ST";
constexpr std::string_view kEnd = "IKCFG_ED";
constexpr size_t kLimit = 4u << 20; // a full configuration is about 300 KiB

} // namespace

spore::Result<std::optional<std::string>> find_ikconfig(Bytes image) {
  const std::string_view text(reinterpret_cast<const char*>(image.data()), image.size());
  for (size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, at + 1)) {
    // The mark may occur as an ordinary string; the real one has a gzip stream right behind it.
    const Bytes rest = image.subspan(at + kBegin.size());
    if (detect_compression(rest) != Compression::gzip) continue;
    const size_t end = text.find(kEnd, at + kBegin.size());
    if (end == std::string_view::npos) {
      return spore::fail(SPORE_E_INVALID, "the embedded configuration has no end mark; the image is truncated");
    }
    auto config = decompress(rest.first(end - at - kBegin.size()), Trailer::none, kLimit);
    if (!config) return config.error().in("embedded configuration");
    const Bytes bytes = config->bytes();
    return std::optional<std::string>(std::string(bytes.begin(), bytes.end()));
  }
  return std::optional<std::string>();
}

} // namespace sporehost::loader

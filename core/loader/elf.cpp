#include "core/loader/elf.hpp"

#include <algorithm>
#include <string>

#include "core/base/elf_types.hpp"

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

spore::Error truncated(const std::string& part, const std::string& end, uint64_t size) {
  return fail(SPORE_E_INVALID, "truncated: " + part + " should end at byte " + end + " but the image has " +
                                   std::to_string(size) + "; fetch it again");
}

spore::Error damaged(const std::string& why) {
  return fail(SPORE_E_INVALID, "damaged ELF image: " + why + "; fetch it again");
}

Result<elf::Header> read_file_header(Bytes image) {
  if (!looks_like_elf(image)) return fail(SPORE_E_INVALID, "not an ELF image");
  if (!contains(image, 0, sizeof(elf::Header))) {
    return truncated("the ELF header", std::to_string(sizeof(elf::Header)), image.size());
  }
  const auto header = read_le<elf::Header>(image, 0);
  if (header.ident[elf::kClass] != elf::kClass64 || header.ident[elf::kData] != elf::kLittleEndian) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF image that is not 64-bit little-endian; use a 64-bit kernel");
  }
  if (header.machine != elf::kX86_64 && header.machine != elf::kAarch64) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF image for machine " + std::to_string(header.machine) +
                                         "; only x86-64 (62) and arm64 (183) can run");
  }
  if (header.type != elf::kExecutable && header.type != elf::kShared) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF file that is not an executable (object or core file?)");
  }
  if (header.segment_bytes != sizeof(elf::SegmentHeader)) return damaged("its program headers have an odd size");
  if (header.segment_count == 0 || header.segment_count == elf::kTooManySegments)
    return damaged("it has no usable program headers");
  const uint64_t table = uint64_t{header.segment_count} * sizeof(elf::SegmentHeader);
  if (!contains(image, header.segments_offset, table)) {
    return truncated("the program header table", std::to_string(header.segments_offset) + " + " + std::to_string(table),
                     image.size());
  }
  return header;
}

Result<Segment> read_load(Bytes image, const elf::SegmentHeader& load, size_t index) {
  const std::string name = "segment " + std::to_string(index);
  if (load.file_bytes > load.memory_bytes) return damaged(name + " is larger in the file than in memory");
  if (load.physical_address > UINT64_MAX - load.memory_bytes) return damaged(name + " wraps around the address space");
  if (!contains(image, load.offset, load.file_bytes)) {
    return truncated(name, std::to_string(load.offset) + " + " + std::to_string(load.file_bytes), image.size());
  }
  return Segment{load.physical_address, image.subspan(load.offset, load.file_bytes), load.memory_bytes};
}

Result<void> check_segments(std::vector<Segment>& segments, uint64_t entry) {
  if (segments.empty()) return damaged("it has no loadable segment");
  std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.gpa < b.gpa; });
  for (size_t i = 1; i < segments.size(); ++i) {
    if (segments[i - 1].gpa + segments[i - 1].mem_size > segments[i].gpa) {
      return damaged("two segments overlap at address " + std::to_string(segments[i].gpa));
    }
  }
  const bool inside = std::any_of(segments.begin(), segments.end(), [entry](const Segment& segment) {
    return entry >= segment.gpa && entry - segment.gpa < segment.bytes.size();
  });
  if (!inside) return damaged("its entry " + std::to_string(entry) + " lies in no segment");
  return {};
}

} // namespace

bool looks_like_elf(Bytes image) {
  return image.size() >= elf::kMagic.size() && std::equal(elf::kMagic.begin(), elf::kMagic.end(), image.begin());
}

Result<ElfImage> parse_elf(Bytes image) {
  SPORE_TRY(const elf::Header header, read_file_header(image));
  ElfImage result;
  result.machine = header.machine;
  result.entry = header.entry;
  for (size_t i = 0; i < header.segment_count; ++i) {
    const auto entry = read_le<elf::SegmentHeader>(image, header.segments_offset + i * sizeof(elf::SegmentHeader));
    if (entry.type == elf::kLoad && entry.memory_bytes != 0) {
      SPORE_TRY(Segment segment, read_load(image, entry, i));
      result.segments.push_back(segment);
    }
  }
  SPORE_CHECK(check_segments(result.segments, result.entry));
  return result;
}

} // namespace sporehost::loader

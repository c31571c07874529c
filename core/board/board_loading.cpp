#include "core/board/board_loading.hpp"

#include "core/base/page.hpp"
#include "core/loader/placement.hpp"

namespace sporehost {

using spore::Result;

Result<void> MemoryWriter::write(uint64_t gpa, std::span<const uint8_t> bytes) {
  if (memory_.write(gpa, bytes) == SPORE_OK) return {};
  return spore::fail(SPORE_E_RANGE, std::to_string(bytes.size()) + " bytes at GPA " + std::to_string(gpa) +
                                        " do not fit into the guest's RAM; give the guest more memory");
}

Result<void> load_segments(GuestMemory& memory, const loader::KernelImage& kernel) {
  MemoryWriter writer(memory);
  const uint64_t page = host_page_bytes();
  for (const loader::Segment& segment : kernel.segments) {
    const auto offset = kernel.file.offset_of(segment.bytes);
    const bool aligned = offset && *offset % page == 0 && segment.gpa % page == 0;
    const uint64_t mapped = aligned ? segment.bytes.size() / page * page : 0;
    if (mapped != 0) SPORE_CHECK(memory.map_file(segment.gpa, kernel.file.fd(), *offset, mapped));
    SPORE_CHECK(writer.write(segment.gpa + mapped, segment.bytes.subspan(mapped)));
  }
  return {};
}

Result<GpaRange> load_initrd(GuestMemory& memory, const loader::KernelImage& kernel, const BootRequest& request,
                             uint64_t top) {
  if (!request.initrd) return GpaRange{};
  // Mapped in either case, which reads nothing yet: a user's file goes to its place without a copy in between.
  SPORE_TRY(const loader::ImageFile file, loader::ImageFile::open(*request.initrd, "initrd"));
  const uint64_t bytes = file.bytes().size();
  const auto place = loader::place_initrd({top, bytes, kernel.initrd_addr_max(), kernel.end_gpa()});
  if (!place) return place.error().in("'" + *request.initrd + "'");
  if (request.initrd_owner == loader::FileOwner::project) {
    SPORE_CHECK(memory.map_file(*place, file.fd(), 0, bytes));
    return GpaRange{*place, bytes};
  }
  if (auto read = memory.read_file(*place, file.fd(), bytes); !read) return read.error().in(file.name());
  SPORE_CHECK(file.check_unchanged());
  return GpaRange{*place, bytes};
}

} // namespace sporehost

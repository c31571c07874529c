#include "core/memory/guest_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/page.hpp"
#include "core/memory/guest_mapping.hpp"

namespace sporehost {
namespace {

using spore::fail;
using spore::Result;

bool page_aligned(uint64_t value) {
  return value % host_page_bytes() == 0;
}

} // namespace

bool GuestMemory::overlaps(uint64_t gpa, uint64_t bytes) const {
  const auto meets = [&](uint64_t start, uint64_t length) { return gpa < start + length && start < gpa + bytes; };
  if (elastic_ && meets(elastic_->geometry().gpa, elastic_->geometry().bytes)) return true;
  return std::any_of(ram_.begin(), ram_.end(), [&](const Region& r) { return meets(r.gpa, r.bytes()); });
}

Result<void> GuestMemory::add_ram(uint64_t gpa, uint64_t bytes) {
  if (bytes == 0 || !page_aligned(gpa) || !page_aligned(bytes) || gpa + bytes < gpa || overlaps(gpa, bytes))
    return fail(SPORE_E_INVALID, "RAM of " + std::to_string(bytes) + " bytes at GPA " + std::to_string(gpa) +
                                     " is empty, unaligned or overlaps other memory");
  SPORE_TRY(Mapping mapping, map_guest_range(gpa, bytes, GuestAccess::read_write, "guest RAM"));
  const auto at =
      std::upper_bound(ram_.begin(), ram_.end(), gpa, [](uint64_t g, const Region& r) { return g < r.gpa; });
  ram_.insert(at, Region{gpa, std::move(mapping)});
  return {};
}

Result<void> GuestMemory::add_elastic(std::unique_ptr<ElasticRegion> region) {
  if (elastic_) return fail(SPORE_E_EXISTS, "the guest already has an elastic region");
  if (overlaps(region->geometry().gpa, region->geometry().bytes))
    return fail(SPORE_E_INVALID, "the elastic region overlaps RAM");
  elastic_ = std::move(region);
  return {};
}

Result<uint8_t*> GuestMemory::place_for_file(uint64_t gpa, uint64_t bytes) const {
  const auto inside = [&](const Region& r) { return gpa >= r.gpa && gpa < r.end() && bytes <= r.end() - gpa; };
  const auto region = std::find_if(ram_.begin(), ram_.end(), inside);
  if (region == ram_.end())
    return fail(SPORE_E_RANGE, "the file does not fit into guest RAM at GPA " + std::to_string(gpa));
  return region->mapping.data() + (gpa - region->gpa);
}

Result<void> GuestMemory::map_file(uint64_t gpa, int fd, uint64_t offset, uint64_t bytes) {
  if (!page_aligned(gpa) || !page_aligned(offset) || bytes == 0)
    return fail(SPORE_E_INVALID, "a file's " + std::to_string(bytes) + " bytes at offset " + std::to_string(offset) +
                                     " cannot be mapped at GPA " + std::to_string(gpa) +
                                     ": both have to be multiples of this host's page, " +
                                     std::to_string(host_page_bytes()) + " bytes");
  SPORE_TRY(uint8_t* const at, place_for_file(gpa, bytes));
  if (::mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
             static_cast<off_t>(offset)) == MAP_FAILED)
    return fail(SPORE_E_IO, std::string("cannot map the file into guest RAM: ") + std::strerror(errno));
  mark_guest_range(at, bytes);
  return {};
}

Result<void> GuestMemory::read_file(uint64_t gpa, int fd, uint64_t bytes) {
  SPORE_TRY(uint8_t* const to, place_for_file(gpa, bytes));
  for (uint64_t done = 0; done < bytes;) {
    const ssize_t count = ::pread(fd, to + done, bytes - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(SPORE_E_IO, std::string("cannot read the file: ") + std::strerror(errno));
    if (count == 0)
      return fail(SPORE_E_IO, "the file ended after " + std::to_string(done) + " of " + std::to_string(bytes) +
                                  " bytes; it was shortened while it was read");
    done += static_cast<uint64_t>(count);
  }
  return {};
}

template <typename Use>
spore_status GuestMemory::for_each_piece(uint64_t gpa, uint64_t bytes, Use&& use) const {
  if (bytes == 0) return SPORE_OK;
  if (gpa + bytes < gpa) return SPORE_E_RANGE;
  // First see that everything up to the elastic region is RAM, without a gap; then use it.
  auto region = std::upper_bound(ram_.begin(), ram_.end(), gpa, [](uint64_t g, const Region& r) { return g < r.gpa; });
  if (region != ram_.begin() && gpa < std::prev(region)->end()) --region;
  const auto first = region;
  uint64_t end = gpa;
  while (end - gpa < bytes && region != ram_.end() && region->gpa <= end) end = (region++)->end();
  const uint64_t in_ram = std::min(bytes, end - gpa);

  const auto use_ram = [&] {
    uint64_t done = 0;
    for (auto r = first; done < in_ram; ++r) {
      const uint64_t here = std::min(in_ram - done, r->end() - (gpa + done));
      use(r->mapping.data() + (gpa + done - r->gpa), done, here);
      done += here;
    }
  };
  if (in_ram == bytes) return use_ram(), SPORE_OK;
  // The elastic region is the last thing in the address space (the board puts it there), so it takes all that is left.
  if (!elastic_ || gpa + in_ram < elastic_->geometry().gpa) return SPORE_E_RANGE;
  return elastic_->with_pointer(gpa + in_ram - elastic_->geometry().gpa, bytes - in_ram, [&](uint8_t* host) {
    use_ram();
    use(host, in_ram, bytes - in_ram);
  });
}

spore_status GuestMemory::read(uint64_t gpa, std::span<uint8_t> to) const {
  return for_each_piece(gpa, to.size(), [&](const uint8_t* host, uint64_t done, uint64_t bytes) {
    std::memcpy(to.data() + done, host, bytes);
  });
}

spore_status GuestMemory::write(uint64_t gpa, std::span<const uint8_t> from) {
  return for_each_piece(gpa, from.size(), [&](uint8_t* host, uint64_t done, uint64_t bytes) {
    std::memcpy(host, from.data() + done, bytes);
  });
}

bool GuestMemory::contains(uint64_t gpa, uint64_t bytes) const {
  return for_each_piece(gpa, bytes, [](const uint8_t*, uint64_t, uint64_t) {}) == SPORE_OK;
}

spore_status GuestMemory::load_u16(uint64_t gpa, uint16_t& out) const {
  if (gpa % 2 != 0) return SPORE_E_INVALID;
  return for_each_piece(gpa, 2, [&](uint8_t* host, uint64_t, uint64_t) {
    out = __atomic_load_n(reinterpret_cast<uint16_t*>(host), __ATOMIC_ACQUIRE);
  });
}

spore_status GuestMemory::store_u16(uint64_t gpa, uint16_t value) {
  if (gpa % 2 != 0) return SPORE_E_INVALID;
  return for_each_piece(gpa, 2, [&](uint8_t* host, uint64_t, uint64_t) {
    __atomic_store_n(reinterpret_cast<uint16_t*>(host), value, __ATOMIC_RELEASE);
  });
}

} // namespace sporehost

#include "core/host/io_places.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

std::string hex(uint64_t value) {
  char text[2 + 16 + 1];
  std::snprintf(text, sizeof text, "0x%" PRIx64, value);
  return text;
}

std::string owner_of(const std::string& device) {
  return "device '" + device + "'";
}

} // namespace

IoPlaces::IoPlaces(IoArea area)
    : mmio_{"MMIO", area.gpa_end - 1, area.mmio, {}},
      ports_{"ports", UINT16_MAX, area.ports, {}},
      interrupts_(area.interrupts),
      any_gsis_(std::move(area.gsis)) {
  for (const auto& [place, name] : area.taken)
    if (place.range.bytes != 0)
      (place.port ? ports_ : mmio_).owned.push_back({place.range.gpa, place.range.end() - 1, name});
  for (const auto& [gsi, name] : area.taken_interrupts) interrupt_owners_[gsi] = name;
}

const IoPlaces::Owned* IoPlaces::clash(const Space& space, uint64_t first, uint64_t last) {
  const auto overlaps = [&](const Owned& owned) { return owned.first <= last && first <= owned.last; };
  const auto found = std::ranges::find_if(space.owned, overlaps);
  return found != space.owned.end() ? &*found : nullptr;
}

Result<uint64_t> IoPlaces::window(uint32_t number, uint64_t base, uint64_t bytes, uint64_t alignment,
                                  const std::string& device) {
  if (number != SPORE_IO_PORT && number != SPORE_IO_MMIO)
    return fail(SPORE_E_INVALID, "the space " + std::to_string(number) +
                                     " is unknown; there are SPORE_IO_PORT and SPORE_IO_MMIO (SDK-25)");
  Space& space = number == SPORE_IO_PORT ? ports_ : mmio_;
  if (space.any.bytes == 0) return fail(SPORE_E_UNSUPPORTED, "this board has no ports; use SPORE_IO_MMIO");
  if (bytes == 0) return fail(SPORE_E_INVALID, "it has 0 bytes (SDK-25)");
  if (alignment != 0 && !std::has_single_bit(alignment))
    return fail(SPORE_E_INVALID, "its alignment " + std::to_string(alignment) + " is no power of two (SDK-25)");
  if (base == SPORE_ANY_BASE) {
    SPORE_TRY(base, any_base(space, bytes, alignment));
  } else if (base > space.last || bytes - 1 > space.last - base) {
    return fail(SPORE_E_INVALID, std::string(space.name) + " " + hex(base) + " and " + hex(bytes) +
                                     " bytes from there reach beyond the last address " + hex(space.last));
  }
  const uint64_t last = base + (bytes - 1);
  if (const Owned* other = clash(space, base, last))
    return fail(SPORE_E_EXISTS, std::string(space.name) + " " + hex(base) + " to " + hex(last) + " lies on " +
                                    other->owner + " (" + hex(other->first) + " to " + hex(other->last) +
                                    "); move one of the two, or let the board choose by SPORE_ANY_BASE");
  space.owned.push_back({base, last, owner_of(device)});
  return base;
}

// First fit: what is in the way is stepped over.
Result<uint64_t> IoPlaces::any_base(const Space& space, uint64_t bytes, uint64_t alignment) {
  const GpaRange& any = space.any;
  const auto none = [&] {
    return fail(SPORE_E_NO_MEMORY, "the board has no " + hex(bytes) + " bytes of " + space.name + " left between " +
                                       hex(any.gpa) + " and " + hex(any.end() - 1) +
                                       " for a device that may lie anywhere; remove a device, or give this one a base");
  };
  if (bytes > any.bytes) return none();
  const uint64_t mask = (alignment != 0 ? alignment : std::bit_ceil(bytes)) - 1;
  for (uint64_t from = any.gpa;;) {
    if (from > UINT64_MAX - mask) return none();
    const uint64_t base = (from + mask) & ~mask;
    if (base >= any.end() || bytes > any.end() - base) return none();
    const Owned* other = clash(space, base, base + (bytes - 1));
    if (other == nullptr) return base;
    if (other->last >= any.end() - 1) return none();
    from = other->last + 1;
  }
}

Result<uint32_t> IoPlaces::interrupt(uint32_t gsi, const std::string& device) {
  if (gsi == SPORE_ANY_IRQ) {
    const auto free = std::ranges::find_if(any_gsis_, [&](uint32_t one) { return !interrupt_owners_.contains(one); });
    if (free == any_gsis_.end())
      return fail(SPORE_E_NO_MEMORY, "the board has no interrupt left for " + owner_of(device) + "; remove a device");
    gsi = *free;
  }
  if (gsi >= interrupts_)
    return fail(SPORE_E_RANGE, "interrupt " + std::to_string(gsi) + " does not exist; the board has 0 to " +
                                   std::to_string(interrupts_ - 1));
  const auto [owner, free] = interrupt_owners_.try_emplace(gsi, owner_of(device));
  if (free) return gsi;
  return fail(SPORE_E_EXISTS, "interrupt " + std::to_string(gsi) + " belongs to " + owner->second +
                                  "; the device needs another one, or remove one of the two");
}

} // namespace sporehost

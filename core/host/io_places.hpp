// Who has which address and which interrupt of the board: I/O devices get their windows here, every device its
// interrupts. All of it [main], before the guest runs.
#pragma once

#include <sporehost/device.h>
#include <sporehost/result.hpp>

#include <map>
#include <string>
#include <vector>

#include "core/board/board.hpp"

namespace sporehost {

class IoPlaces {
 public:
  explicit IoPlaces(const Board& board) : IoPlaces(board.io_area()) {}
  explicit IoPlaces(IoArea area);

  // Claims `bytes` in `space` (SPORE_IO_*) for `device`, at `base` or, with SPORE_ANY_BASE, in the board's free area
  // with that `alignment` (as in spore_io_window); gives the base. Errors: SPORE_E_INVALID no such window;
  // SPORE_E_UNSUPPORTED ports on a board without; SPORE_E_EXISTS it lies on something; SPORE_E_NO_MEMORY nothing is
  // free.
  [[nodiscard]] spore::Result<uint64_t> window(uint32_t space, uint64_t base, uint64_t bytes, uint64_t alignment,
                                               const std::string& device);

  // Claims `gsi` for `device`, or any with SPORE_ANY_IRQ; gives its number. No two devices share one: an edge says
  // nothing of who made it. Errors: SPORE_E_RANGE there is none of that number; SPORE_E_EXISTS it has an owner;
  // SPORE_E_NO_MEMORY none is free.
  [[nodiscard]] spore::Result<uint32_t> interrupt(uint32_t gsi, const std::string& device);

 private:
  struct Owned {
    uint64_t first;
    uint64_t last; // included: a window may end where its space does
    std::string owner;
  };
  struct Space {
    const char* name; // for messages
    uint64_t last;
    GpaRange any; // 0 bytes: there is no such space
    std::vector<Owned> owned;
  };

  static const Owned* clash(const Space& space, uint64_t first, uint64_t last);
  static spore::Result<uint64_t> any_base(const Space& space, uint64_t bytes, uint64_t alignment);

  Space mmio_;
  Space ports_;
  uint32_t interrupts_;
  std::vector<uint32_t> any_gsis_;
  std::map<uint32_t, std::string> interrupt_owners_; // by GSI
};

} // namespace sporehost

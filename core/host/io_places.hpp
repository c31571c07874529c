#pragma once
#include <sporehost/result.hpp>
#include <string>
#include "core/board/board.hpp"
namespace sporehost {
class IoPlaces {
 public:
  explicit IoPlaces(const Board& board);
  spore::Result<uint64_t> window(uint32_t space, uint64_t base, uint64_t bytes, uint64_t alignment, const std::string& device);
  spore::Result<uint32_t> interrupt(uint32_t gsi, const std::string& device);
};
}

// `sporehost.elastic-memory/1` on top of the elastic region, with word of every change for the machine.
#pragma once

#include <sporehost/host.h>

#include <atomic>
#include <functional>

#include "core/memory/elastic_region.hpp"

namespace sporehost {

class ElasticService {
 public:
  // `requested_bytes` is the plan's; `changed` is called after every change of the plugged size, [device]. `region`
  // outlives the service.
  ElasticService(ElasticRegion& region, uint64_t requested_bytes, std::function<void()> changed);
  ElasticService(const ElasticService&) = delete;
  ElasticService& operator=(const ElasticService&) = delete;

  [[nodiscard]] const spore_elastic_memory* table() const { return &table_; }

  // How long all calls of `plug` took together. [any] The guest waits meanwhile, so it is our share of growing.
  [[nodiscard]] uint64_t plug_ns() const { return plug_ns_.load(std::memory_order_relaxed); }

 private:
  spore_status plug(uint64_t offset, uint64_t bytes, spore_error* error);
  spore_status finish(const spore::Result<void>& result, spore_error* error) const;

  ElasticRegion& region_;
  uint64_t requested_bytes_;
  std::function<void()> changed_;
  std::atomic<uint64_t> plug_ns_{0};
  spore_elastic_memory table_;
};

} // namespace sporehost

#include "core/host/elastic_service.hpp"

#include <sporehost/plugin.hpp>

#include "core/system/event_loop.hpp"

namespace sporehost {
namespace {

ElasticService& of(void* context) {
  return *static_cast<ElasticService*>(context);
}

uint32_t to_abi(BlockState state) {
  switch (state) {
    case BlockState::unplugged:
      return SPORE_BLOCKS_UNPLUGGED;
    case BlockState::plugged:
      return SPORE_BLOCKS_PLUGGED;
    case BlockState::mixed:
      break;
  }
  return SPORE_BLOCKS_MIXED;
}

} // namespace

spore_status ElasticService::finish(const spore::Result<void>& result, spore_error* error) const {
  if (!result) return spore::report(result.error(), error);
  if (events_.changed) events_.changed();
  return SPORE_OK;
}

spore_status ElasticService::info(spore_elastic_info* out) const {
  const ElasticGeometry& g = region_.geometry();
  spore_elastic_info info{};
  info.size = sizeof info;
  info.gpa = g.gpa;
  info.bytes = g.bytes;
  info.block_bytes = g.block_bytes;
  info.slot_bytes = g.slot_bytes;
  info.requested_bytes = requested_.get();
  return SPORE_FILL(spore_elastic_info, out, &info) != 0 ? SPORE_OK : SPORE_E_INVALID;
}

spore_status ElasticService::plug(uint64_t offset, uint64_t bytes, spore_error* error) {
  const uint64_t begin = monotonic_ns();
  const auto plugged = region_.plug(offset, bytes);
  plug_ns_.fetch_add(monotonic_ns() - begin, std::memory_order_relaxed);
  if (!plugged && plugged.error().status == SPORE_E_NO_MEMORY) {
    refused_plugs_.fetch_add(1, std::memory_order_relaxed);
    if (events_.refused) events_.refused(plugged.error().text);
  }
  return finish(plugged, error);
}

const spore_elastic_memory* ElasticService::claim(const std::string& device) {
  const std::lock_guard lock(mutex_);
  if (owner_.empty()) owner_ = device;
  return owner_ == device ? &table_ : nullptr;
}

std::string ElasticService::owner() const {
  const std::lock_guard lock(mutex_);
  return owner_;
}

ElasticService::ElasticService(ElasticRegion& region, const RequestedSize& requested, Events events)
    : region_(region), requested_(requested), events_(std::move(events)) {
  table_ = {
      .size = sizeof(spore_elastic_memory),
      .reserved = 0,
      .context = this,
      .info = [](void* c, spore_elastic_info* out) -> spore_status { return of(c).info(out); },
      .plug = [](void* c, uint64_t offset, uint64_t bytes, spore_error* error) -> spore_status {
        return of(c).plug(offset, bytes, error);
      },
      .unplug = [](void* c, uint64_t offset, uint64_t bytes, spore_error* error) -> spore_status {
        return of(c).finish(of(c).region_.unplug(offset, bytes), error);
      },
      .unplug_all = [](void* c, spore_error* error) -> spore_status {
        return of(c).finish(of(c).region_.unplug_all(), error);
      },
      .blocks = [](void* c, uint64_t offset, uint64_t bytes) -> uint32_t {
        return to_abi(of(c).region_.blocks(offset, bytes));
      },
      .plugged_bytes = [](void* c) -> uint64_t { return of(c).region_.plugged_bytes(); },
      .keep_mapped = [](void* c, uint64_t bytes, spore_error* error) -> spore_status {
        const auto kept = of(c).region_.keep_mapped(bytes);
        return kept.ok() ? static_cast<spore_status>(SPORE_OK) : spore::report(kept.error(), error);
      },
  };
}

} // namespace sporehost

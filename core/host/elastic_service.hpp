// `sporehost.elastic-memory/1` on top of the elastic region, for one device, with word of every change for the machine.
#pragma once

#include <sporehost/host.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "core/host/requested_size.hpp"
#include "core/memory/elastic_region.hpp"

namespace sporehost {

class ElasticService {
 public:
  struct Events {
    std::function<void()> changed;                       // the plugged size changed. [device]
    std::function<void(const std::string& why)> refused; // a plug found neither memory nor a slot. [device]
  };

  // `region` and `requested` outlive the service.
  ElasticService(ElasticRegion& region, const RequestedSize& requested, Events events);
  ElasticService(const ElasticService&) = delete;
  ElasticService& operator=(const ElasticService&) = delete;

  // The service for the device of this name. [any] NULL when another one has it: two drivers would plug and unplug each
  // other's blocks.
  [[nodiscard]] const spore_elastic_memory* claim(const std::string& device);
  // Which device has it; empty: none. [any]
  [[nodiscard]] std::string owner() const;

  // How many plugs found neither memory nor a slot. [any]
  [[nodiscard]] uint64_t refused_plugs() const { return refused_plugs_.load(std::memory_order_relaxed); }

  // How long all calls of `plug` took together. [any] The guest waits meanwhile, so it is our share of growing.
  [[nodiscard]] uint64_t plug_ns() const { return plug_ns_.load(std::memory_order_relaxed); }

 private:
  spore_status info(spore_elastic_info* out) const;
  spore_status plug(uint64_t offset, uint64_t bytes, spore_error* error);
  spore_status finish(const spore::Result<void>& result, spore_error* error) const;

  ElasticRegion& region_;
  const RequestedSize& requested_;
  Events events_;
  std::atomic<uint64_t> refused_plugs_{0};
  std::atomic<uint64_t> plug_ns_{0};
  mutable std::mutex mutex_; // guards owner_
  std::string owner_;
  spore_elastic_memory table_;
};

} // namespace sporehost

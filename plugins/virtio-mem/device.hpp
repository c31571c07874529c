// The virtio-mem device (VIRTIO 1.2 section 5.15): it tells the driver how much memory is requested and serves its
// requests to plug and unplug blocks. Which blocks are plugged is known by the host's sporehost.elastic-memory/1 alone.
// The rules it keeps are numbered VMEM-nn; docs/virtio-mem-rules.md lists them with their tests.
#pragma once

#include "config_space.hpp"
#include "options.hpp"
#include "request.hpp"
#include "saved_state.hpp"

#include <sporehost/device_lock.hpp>
#include <sporehost/virtio_device.hpp>

#include <mutex>

namespace virtio_mem {

class VirtioMem final : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"virtio-mem", "memory that grows and shrinks while the guest runs",
                                           kOptionsSchema, SPORE_ELASTIC_MEMORY_1};
  static spore::Result<std::unique_ptr<VirtioMem>> create(spore::Host host, std::string_view options);

  // ---- virtio personality: see device.h ----
  const void* query_interface(std::string_view name) override;
  void describe(spore_virtio_traits& out) override;
  void read_config(uint32_t offset, std::span<uint8_t> data) override;
  spore_status accept_features(const spore::Features& features) override;
  spore::Result<void> activate(const spore_virtio_activation& activation) override;
  void notify(uint32_t queue) override;
  void reset() override;

  // ---- sporehost.resizable-memory/1, see device.h. [any] ----
  void requested_changed();
  spore::Result<void> state(spore_resizable_state& out);
  void retry();

  // ---- sporehost.saved-state/1, see device.h. [main] ----
  std::vector<uint8_t> save();
  spore::Result<void> restore(std::span<const uint8_t> bytes);

 private:
  // What the guest has asked for and got; part of the report.
  struct Counters {
    explicit Counters(const spore::Host& host);
    spore::Counter plug, unplug, unplug_all, state, acks, nacks, busy, errors, malformed;
  };

  VirtioMem(spore::Host host, spore::Virtio virtio, spore::DeviceLock lock, const spore_elastic_memory* elastic,
            const Options& options, const spore_elastic_info& region);

  [[nodiscard]] uint64_t plugged() const { return elastic_->plugged_bytes(elastic_->context); }
  [[nodiscard]] uint64_t usable_for(uint64_t requested) const {
    return virtio_mem::usable_for(requested, region_.gpa, region_.bytes, options_.memory_block);
  }
  [[nodiscard]] ConfigSpace config() const;

  // Requests (requests.cpp).
  void answer(const spore_chain& chain);
  void reply(const spore_chain& chain, const Response& response);
  Response execute(const Request& request);
  Response change(const Request& request, bool plug);
  Response unplug_all();
  Response query_state(const Request& request);
  ResponseType outcome(spore_status status, const char* what, std::string_view why);
  ResponseType refuse(const char* what, std::string_view why);
  void complain(const std::string& text);

  // Resizing (device.cpp).
  [[nodiscard]] uint64_t wanted() const;
  spore::Result<void> show_wanted();
  spore::Result<void> keep_mapped(uint64_t bytes);
  void shrink_usable();

  // Saved state (saving.cpp).
  [[nodiscard]] Identity identity() const;
  [[nodiscard]] std::vector<BlockRange> plugged_runs() const;
  spore::Result<void> plug_runs(const std::vector<BlockRange>& runs);

  const spore::Host host_;
  const spore::Virtio virtio_;
  const spore::DeviceLock lock_;
  const spore_elastic_memory* const elastic_;
  const Options options_;
  const spore_elastic_info region_;
  Counters counters_;

  // Guarded by the device's lock.
  uint64_t requested_; // as the driver sees it; what the host wants from DRIVER_OK on (VMEM-37)
  uint64_t usable_;
  bool active_ = false;
  bool reads_unplugged_ = false; // the driver came without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE
  bool wake_owed_ = false;       // a request was answered BUSY (VMEM-26)
};

} // namespace virtio_mem

// How the device gives and takes its saved state.
#include "device.hpp"

namespace virtio_mem {

Identity VirtioMem::identity() const {
  return {region_.block_bytes, region_.gpa, region_.bytes, options_.node_id};
}

std::vector<BlockRange> VirtioMem::plugged_runs() const {
  std::vector<BlockRange> runs;
  const uint64_t block = region_.block_bytes;
  uint64_t left = plugged();
  for (uint64_t offset = 0; offset < region_.bytes && left > 0; offset += block) {
    if (elastic_->blocks(elastic_->context, offset, block) != SPORE_BLOCKS_PLUGGED) continue;
    left -= block;
    if (!runs.empty() && runs.back().offset + runs.back().bytes == offset) {
      runs.back().bytes += block;
    } else {
      runs.push_back({offset, block});
    }
  }
  return runs;
}

std::vector<uint8_t> VirtioMem::save() {
  const std::lock_guard guard(lock_);
  return encode_state(identity(), {usable_, requested_, wake_owed_, plugged_runs()});
}

// The device is inactive afterwards: the transport, restored too, activates it when the driver had.
spore::Result<void> VirtioMem::restore(std::span<const uint8_t> bytes) {
  SPORE_TRY(const SavedState saved, parse_state(bytes, identity()));
  const std::lock_guard guard(lock_);
  if (active_) return spore::fail(SPORE_E_STATE, "the guest already runs; state is restored before it does");
  SPORE_CHECK(plug_runs(saved.plugged));
  usable_ = saved.usable;
  requested_ = saved.requested;
  wake_owed_ = saved.wake_owed;
  virtio_.config_touched();
  return {};
}

// Plugs the runs, or accepts that the host has plugged exactly them before. A failure unplugs again.
spore::Result<void> VirtioMem::plug_runs(const std::vector<BlockRange>& runs) {
  if (plugged() != 0) {
    const auto same = [](const BlockRange& a, const BlockRange& b) {
      return a.offset == b.offset && a.bytes == b.bytes;
    };
    const std::vector<BlockRange> present = plugged_runs();
    if (std::equal(runs.begin(), runs.end(), present.begin(), present.end(), same)) return {};
    return spore::fail(SPORE_E_STATE, "other memory is plugged already; saved state goes into a fresh machine");
  }
  for (const BlockRange& run : runs) {
    spore::ErrorText error;
    const spore_status status = elastic_->plug(elastic_->context, run.offset, run.bytes, error.out());
    if (status == SPORE_OK) continue;
    spore::ErrorText undo;
    if (elastic_->unplug_all(elastic_->context, undo.out()) != SPORE_OK) host_.error(undo.text());
    return spore::from_status(status, error).error().in("plugging the memory of the saved state");
  }
  return {};
}

} // namespace virtio_mem

// The service sporehost.elastic-memory/1 for tests: a region of any size whose content is kept sparsely, with a bitmap,
// slots, a journal of what happened, and failures on demand.
#pragma once

#include <sporehost/testing/fake_host.hpp>

namespace spore::testing {

struct ElasticShape {
  uint64_t gpa = uint64_t{4} << 30;
  uint64_t bytes = uint64_t{1} << 30;
  uint64_t block_bytes = uint64_t{2} << 20;
  uint64_t slot_bytes = uint64_t{128} << 20;
  uint64_t requested_bytes = 0;
};

class FakeElastic {
 public:
  explicit FakeElastic(FakeHost& host, ElasticShape shape = {})
      : host_(host),
        shape_(shape),
        requested_bytes_(shape.requested_bytes),
        plugged_(shape.bytes / shape.block_bytes),
        slots_((shape.bytes + shape.slot_bytes - 1) / shape.slot_bytes) {
    host_.provide(SPORE_ELASTIC_MEMORY_1, &table_);
    host_.memory().add_region(shape_.gpa, shape_.bytes, content_,
                              [this](uint64_t offset, uint64_t bytes) { return covered(offset, bytes); });
  }
  FakeElastic(const FakeElastic&) = delete;
  FakeElastic& operator=(const FakeElastic&) = delete;

  [[nodiscard]] const ElasticShape& shape() const { return shape_; }
  // What `info` says from now on; the device is told by `requested_changed` of its sporehost.resizable-memory/1.
  void set_requested(uint64_t bytes) { requested_bytes_ = bytes; }

  // ---- failures ----
  // The next plug fails at its step `step` (0: reserving; then one a slot that must be mapped; then the commit), and is
  // rolled back. With `after`, that many plugs go well first.
  void fail_next_plug(spore_status status, unsigned step = 0, unsigned after = 0) {
    plug_failure_ = {status, step, after};
  }
  void fail_next_unplug(spore_status status) { unplug_failure_ = status; }
  void fail_next_unplug_all(spore_status status) { unplug_all_failure_ = status; }
  void fail_next_keep_mapped(spore_status status) { keep_failure_ = status; }
  // Everything answers SPORE_E_BUSY while this is on, as during a capture.
  void set_busy(bool busy) { busy_ = busy; }

  // ---- what is so ----
  [[nodiscard]] uint64_t plugged_bytes() const { return plugged_count_ * shape_.block_bytes; }
  [[nodiscard]] bool plugged(uint64_t block) const { return plugged_.at(block); }
  [[nodiscard]] uint64_t kept_mapped_bytes() const { return kept_bytes_; }
  [[nodiscard]] size_t mapped_slots() const {
    return static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(), [](const Slot& s) { return s.mapped; }));
  }
  // What the region costs the host now, in bytes of content.
  [[nodiscard]] uint64_t resident_bytes() const { return content_.resident_bytes(); }
  // Steps in the order in which they happened: "map slot 0", "commit 0+2097152", "unmap slot 0", "discard 0+2097152".
  [[nodiscard]] const std::vector<std::string>& journal() const { return journal_; }
  void clear_journal() { journal_.clear(); }

  // ---- the guest's view of the region; false where an access would fault ----
  [[nodiscard]] bool guest_write(uint64_t offset, const void* from, size_t bytes) {
    if (!reachable(offset, bytes)) return false;
    content_.write(offset, from, bytes);
    return true;
  }
  [[nodiscard]] bool guest_read(uint64_t offset, void* to, size_t bytes) const {
    if (!reachable(offset, bytes)) return false;
    content_.read(offset, to, bytes);
    return true;
  }

 private:
  struct Slot {
    bool mapped = false;
    uint64_t plugged_blocks = 0;
  };
  struct PlugFailure {
    spore_status status = SPORE_OK;
    unsigned step = 0;
    unsigned after = 0; // plugs that go well first
  };

  static FakeElastic& of(void* context) { return *static_cast<FakeElastic*>(context); }

  static spore_status refuse(spore_status status, const char* text, spore_error* error) {
    if (error != nullptr) spore_put(&error->text, text, std::strlen(text));
    return status;
  }

  [[nodiscard]] spore_status check(uint64_t offset, uint64_t bytes) const {
    if (offset % shape_.block_bytes != 0 || bytes % shape_.block_bytes != 0) return SPORE_E_INVALID;
    const bool inside = bytes != 0 && offset < shape_.bytes && bytes <= shape_.bytes - offset;
    return inside ? SPORE_OK : SPORE_E_RANGE;
  }
  [[nodiscard]] uint32_t state(uint64_t offset, uint64_t bytes) const {
    const auto first = plugged_.begin() + static_cast<ptrdiff_t>(offset / shape_.block_bytes);
    const auto count = static_cast<ptrdiff_t>(bytes / shape_.block_bytes);
    const auto set = std::count(first, first + count, true);
    return set == 0 ? SPORE_BLOCKS_UNPLUGGED : set == count ? SPORE_BLOCKS_PLUGGED : SPORE_BLOCKS_MIXED;
  }
  // Whether a byte range lies in plugged blocks alone.
  [[nodiscard]] bool covered(uint64_t offset, uint64_t bytes) const {
    if (bytes == 0 || offset >= shape_.bytes || bytes > shape_.bytes - offset) return false;
    const uint64_t first = offset / shape_.block_bytes * shape_.block_bytes;
    const uint64_t end = (offset + bytes + shape_.block_bytes - 1) / shape_.block_bytes * shape_.block_bytes;
    return state(first, end - first) == SPORE_BLOCKS_PLUGGED;
  }
  [[nodiscard]] bool reachable(uint64_t offset, uint64_t bytes) const {
    if (offset >= shape_.bytes || bytes > shape_.bytes - offset) return false;
    for (uint64_t slot = offset / shape_.slot_bytes; slot <= (offset + bytes - 1) / shape_.slot_bytes; ++slot) {
      if (!slots_[slot].mapped) return false;
    }
    return true;
  }
  [[nodiscard]] bool kept(uint64_t slot) const { return slot * shape_.slot_bytes < kept_bytes_; }

  void note(const char* what, uint64_t number) { journal_.push_back(std::string(what) + " " + std::to_string(number)); }
  void note(const char* what, uint64_t offset, uint64_t bytes) {
    journal_.push_back(std::string(what) + " " + std::to_string(offset) + "+" + std::to_string(bytes));
  }

  void set_mapped(uint64_t slot, bool mapped) {
    if (slots_[slot].mapped == mapped) return;
    slots_[slot].mapped = mapped;
    note(mapped ? "map slot" : "unmap slot", slot);
  }
  void set_blocks(uint64_t offset, uint64_t bytes, bool plugged) {
    for (uint64_t at = offset; at < offset + bytes; at += shape_.block_bytes) {
      plugged_[at / shape_.block_bytes] = plugged;
      plugged ? ++plugged_count_ : --plugged_count_;
      uint64_t& in_slot = slots_[at / shape_.slot_bytes].plugged_blocks;
      plugged ? ++in_slot : --in_slot;
    }
  }

  PlugFailure take_plug_failure() {
    if (plug_failure_.after == 0) return std::exchange(plug_failure_, {});
    --plug_failure_.after;
    return {};
  }

  spore_status plug(uint64_t offset, uint64_t bytes, spore_error* error) {
    const auto lock = host_.on_device("plug");
    if (const spore_status status = check(offset, bytes); status != SPORE_OK)
      return refuse(status, "not aligned, or outside the region", error);
    if (busy_) return refuse(SPORE_E_BUSY, "memory may not change now", error);
    if (state(offset, bytes) != SPORE_BLOCKS_UNPLUGGED) return refuse(SPORE_E_STATE, "already plugged", error);
    const PlugFailure failure = take_plug_failure();
    unsigned step = 0;
    const auto fails = [&] { return failure.status != SPORE_OK && step++ == failure.step; };
    if (fails()) return refuse(failure.status, "reserving failed, as asked for", error);
    std::vector<uint64_t> entered;
    const auto roll_back = [&](const char* text) {
      for (const uint64_t slot : entered) set_mapped(slot, false);
      return refuse(failure.status, text, error);
    };
    for (uint64_t slot = offset / shape_.slot_bytes; slot <= (offset + bytes - 1) / shape_.slot_bytes; ++slot) {
      if (slots_[slot].mapped) continue;
      if (fails()) return roll_back("mapping a slot failed, as asked for");
      set_mapped(slot, true);
      entered.push_back(slot);
    }
    if (fails()) return roll_back("the commit failed, as asked for");
    content_.discard(offset, bytes);
    set_blocks(offset, bytes, true);
    note("commit", offset, bytes);
    return SPORE_OK;
  }

  spore_status unplug(uint64_t offset, uint64_t bytes, spore_error* error) {
    const auto lock = host_.on_device("unplug");
    if (const spore_status status = check(offset, bytes); status != SPORE_OK)
      return refuse(status, "not aligned, or outside the region", error);
    if (busy_) return refuse(SPORE_E_BUSY, "memory may not change now", error);
    if (state(offset, bytes) != SPORE_BLOCKS_PLUGGED) return refuse(SPORE_E_STATE, "already unplugged", error);
    const spore_status failure = std::exchange(unplug_failure_, SPORE_OK);
    if (failure != SPORE_OK) return refuse(failure, "unplugging failed, as asked for", error);
    remove(offset, bytes);
    return SPORE_OK;
  }

  void remove(uint64_t offset, uint64_t bytes) {
    set_blocks(offset, bytes, false);
    for (uint64_t slot = offset / shape_.slot_bytes; slot <= (offset + bytes - 1) / shape_.slot_bytes; ++slot) {
      if (slots_[slot].plugged_blocks == 0 && !kept(slot)) set_mapped(slot, false);
    }
    content_.discard(offset, bytes);
    note("discard", offset, bytes);
  }

  spore_status unplug_all(spore_error* error) {
    const auto lock = host_.on_device("unplug_all");
    if (busy_) return refuse(SPORE_E_BUSY, "memory may not change now", error);
    const spore_status failure = std::exchange(unplug_all_failure_, SPORE_OK);
    if (failure != SPORE_OK) return refuse(failure, "unplugging failed, as asked for", error);
    for (uint64_t block = 0; block < plugged_.size(); ++block) {
      if (plugged_[block]) remove(block * shape_.block_bytes, shape_.block_bytes);
    }
    return SPORE_OK;
  }

  spore_status keep_mapped(uint64_t bytes, spore_error* error) {
    const auto lock = host_.on_device("keep_mapped");
    if (busy_) return refuse(SPORE_E_BUSY, "memory may not change now", error);
    bytes = std::min(bytes, shape_.bytes);
    const spore_status failure = std::exchange(keep_failure_, SPORE_OK);
    if (failure != SPORE_OK) return refuse(failure, "keeping slots mapped failed, as asked for", error);
    kept_bytes_ = bytes;
    for (uint64_t slot = 0; slot < slots_.size(); ++slot) {
      set_mapped(slot, kept(slot) || slots_[slot].plugged_blocks > 0);
    }
    return SPORE_OK;
  }

  spore_status info(spore_elastic_info* out) const {
    spore_elastic_info own{};
    own.size = sizeof own;
    own.gpa = shape_.gpa;
    own.bytes = shape_.bytes;
    own.block_bytes = shape_.block_bytes;
    own.slot_bytes = shape_.slot_bytes;
    own.requested_bytes = requested_bytes_;
    if (SPORE_FILL(spore_elastic_info, out, &own) != 0) return SPORE_OK;
    host_.checks().broken(15, "info: out->size is not set");
    return SPORE_E_INVALID;
  }

  spore_elastic_memory make_table() {
    spore_elastic_memory t{};
    t.size = sizeof t;
    t.context = this;
    t.info = [](void* context, spore_elastic_info* out) { return of(context).info(out); };
    t.plug = [](void* context, uint64_t offset, uint64_t bytes, spore_error* error) {
      return of(context).plug(offset, bytes, error);
    };
    t.unplug = [](void* context, uint64_t offset, uint64_t bytes, spore_error* error) {
      return of(context).unplug(offset, bytes, error);
    };
    t.unplug_all = [](void* context, spore_error* error) { return of(context).unplug_all(error); };
    t.blocks = [](void* context, uint64_t offset, uint64_t bytes) -> uint32_t {
      return of(context).check(offset, bytes) == SPORE_OK ? of(context).state(offset, bytes)
                                                          : uint32_t{SPORE_BLOCKS_MIXED};
    };
    t.plugged_bytes = [](void* context) { return of(context).plugged_bytes(); };
    t.keep_mapped = [](void* context, uint64_t bytes, spore_error* error) {
      return of(context).keep_mapped(bytes, error);
    };
    return t;
  }

  FakeHost& host_;
  ElasticShape shape_;
  std::atomic<uint64_t> requested_bytes_;
  std::vector<bool> plugged_; // by block
  uint64_t plugged_count_ = 0;
  std::vector<Slot> slots_;
  SparseBytes content_;
  uint64_t kept_bytes_ = 0;
  bool busy_ = false;
  PlugFailure plug_failure_;
  spore_status unplug_failure_ = SPORE_OK;
  spore_status unplug_all_failure_ = SPORE_OK;
  spore_status keep_failure_ = SPORE_OK;
  std::vector<std::string> journal_;

  const spore_elastic_memory table_ = make_table();
};

} // namespace spore::testing

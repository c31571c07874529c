// `sporehost.virtio/1`: the functions that a personality calls.
#include "core/virtio/virtio_host.hpp"

#include <cstddef>

namespace sporehost {

// One call of the personality into its host. It takes the lock even where the rules say that the caller holds it: a
// plugin that forgot it is told so, and confuses nobody but itself.
class VirtioHost::Call {
 public:
  // `name` is the function when its tag is [device]; functions that are harmless without the lock pass nullptr.
  Call(void* context, const char* name) : host_(*static_cast<VirtioHost*>(context)) {
    const bool held = host_.held();
    host_.lock();
    if (!held && name != nullptr) host_.violation((std::string("the plugin called ") + name + kHint).c_str());
  }
  ~Call() { host_.unlock(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  VirtioHost* operator->() const { return &host_; }
  [[nodiscard]] const Virtqueue* queue(const spore_chain& chain) const { return host_.queue(chain.queue); }

 private:
  static constexpr const char* kHint =
      " without the device's lock; wrap it in lock and unlock of sporehost.device-lock/1";
  VirtioHost& host_;
};

spore_virtio VirtioHost::make_table() {
  spore_virtio table{};
  table.size = sizeof table;
  table.context = this;
  table.pop = [](void* context, uint32_t queue, spore_chain* out) noexcept -> spore_status {
    spore_chain chain{};
    if (spore_take(&chain, out, sizeof chain, SPORE_10_BYTES(spore_chain)) == 0) return SPORE_E_INVALID;
    const spore_status status = Call(context, "pop")->pop(queue, chain);
    if (status == SPORE_OK) spore_fill(out, &chain, sizeof chain, SPORE_10_BYTES(spore_chain));
    return status;
  };
  table.read = [](void* context, const spore_chain* chain, uint64_t offset, void* to, uint64_t bytes) noexcept {
    const Call call(context, "read");
    const Virtqueue* queue = call.queue(*chain);
    return queue != nullptr ? queue->read(*chain, offset, {static_cast<uint8_t*>(to), bytes}) : SPORE_E_STATE;
  };
  table.write = [](void* context, const spore_chain* chain, uint64_t offset, const void* from,
                   uint64_t bytes) noexcept {
    const Call call(context, "write");
    const Virtqueue* queue = call.queue(*chain);
    return queue != nullptr ? queue->write(*chain, offset, {static_cast<const uint8_t*>(from), bytes}) : SPORE_E_STATE;
  };
  table.push = [](void* context, const spore_chain* chain, uint32_t written) noexcept {
    Call(context, "push")->push(*chain, written);
  };
  table.config_changed = [](void* context) noexcept { Call(context, "config_changed")->config_changed(); };
  table.config_touched = [](void* context) noexcept { ++Call(context, nullptr)->config_generation_; };
  return table;
}

} // namespace sporehost

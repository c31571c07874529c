#include "interfaces.hpp"

#include "device.hpp"

namespace virtio_mem {
namespace {

VirtioMem& device(void* self) {
  return static_cast<VirtioMem&>(*static_cast<spore::VirtioDevice*>(self));
}

spore_status save(void* self, void* to, uint64_t capacity, uint64_t* bytes, spore_error* error) {
  return spore::guarded(error, [&]() -> spore::Result<void> {
    const std::vector<uint8_t> state = device(self).save();
    *bytes = state.size();
    if (to == nullptr) return {};
    if (capacity < state.size()) return spore::fail(SPORE_E_RANGE, "the buffer is too small for the saved state");
    std::memcpy(to, state.data(), state.size());
    return {};
  });
}

spore_status restore(void* self, const void* from, uint64_t bytes, spore_error* error) {
  return spore::guarded(error, [&] { return device(self).restore({static_cast<const uint8_t*>(from), bytes}); });
}

constexpr spore_resizable_memory resizable_memory() {
  spore_resizable_memory table{};
  table.size = sizeof table;
  table.requested_changed = [](void* self) {
    spore::detail::swallow(device(self), "requested_changed", [&] { device(self).requested_changed(); });
  };
  table.state = [](void* self, spore_resizable_state* out) -> spore_status {
    return spore::guarded(nullptr, [&] {
      return spore::detail::filled(out, [&](spore_resizable_state& own) { return device(self).state(own); });
    });
  };
  table.retry = [](void* self) { spore::detail::swallow(device(self), "retry", [&] { device(self).retry(); }); };
  return table;
}

constexpr spore_saved_state saved_state() {
  spore_saved_state table{};
  table.size = sizeof table;
  table.save = &save;
  table.restore = &restore;
  return table;
}

} // namespace

constinit const spore_resizable_memory kResizableMemory = resizable_memory();
constinit const spore_saved_state kSavedState = saved_state();

} // namespace virtio_mem

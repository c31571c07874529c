#include "interfaces.hpp"

#include "device.hpp"

namespace virtio_mem {
namespace {

VirtioMem& device(void* self) {
  return static_cast<VirtioMem&>(*static_cast<spore::VirtioDevice*>(self));
}

spore_status save(void* self, void* to, size_t capacity, size_t* bytes, spore_error* error) {
  return spore::guarded(error, [&]() -> spore::Result<void> {
    const std::vector<uint8_t> state = device(self).save();
    *bytes = state.size();
    if (to == nullptr) return {};
    if (capacity < state.size()) return spore::fail(SPORE_E_RANGE, "the buffer is too small for the saved state");
    std::memcpy(to, state.data(), state.size());
    return {};
  });
}

spore_status restore(void* self, const void* from, size_t bytes, spore_error* error) {
  return spore::guarded(error, [&] { return device(self).restore({static_cast<const uint8_t*>(from), bytes}); });
}

} // namespace

const spore_resizable_memory kResizableMemory{
    .size = sizeof(spore_resizable_memory),
    .reserved = 0,
    .request = [](void* self, uint64_t bytes, spore_error* error) -> spore_status {
      return spore::guarded(error, [&] { return device(self).request(bytes); });
    },
    .state = [](void* self, spore_resizable_state* out) { spore::detail::swallow([&] { device(self).state(*out); }); },
    .retry = [](void* self) { spore::detail::swallow([&] { device(self).retry(); }); },
};

const spore_saved_state kSavedState{
    .size = sizeof(spore_saved_state),
    .reserved = 0,
    .save = &save,
    .restore = &restore,
};

} // namespace virtio_mem

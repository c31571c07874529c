// Base class of backends in C++. See backend.h for what each function means and on which thread it is called.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/virtio_device.hpp>

namespace spore {

class Backend : public Told {
 public:
  virtual ~Backend() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual Result<void> probe(bool measure, spore_probe& out) = 0;
  virtual Result<void> open(const spore_vm_config& config, const spore_vm_callbacks& callbacks) = 0;
  virtual Result<void> map_memory(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) = 0;
  virtual Result<void> unmap_memory(uint64_t gpa, uint64_t bytes) = 0;
  virtual Result<void> create_vcpu(uint32_t index) = 0;
  virtual void destroy_vcpu(uint32_t index) = 0;
  virtual Result<void> run(uint32_t index, spore_exit& out) = 0;
  virtual void kick(uint32_t index) = 0;
  virtual spore_status set_irq_line(uint32_t gsi, bool level) = 0;
  virtual spore_status pulse_irq(uint32_t gsi) = 0;
  virtual Result<void> add_doorbell(const spore_doorbell& /*doorbell*/) {
    return fail(SPORE_E_UNSUPPORTED, "this backend has no doorbells");
  }
  virtual spore_status remove_doorbell(const spore_doorbell& /*doorbell*/) { return SPORE_E_UNSUPPORTED; }

  struct Ops {
    using Base = Backend;
    static constexpr uint32_t kind = SPORE_KIND_BACKEND;
    static const spore_backend_ops table;
  };
};

namespace detail {
inline Backend& backend(void* self) {
  return *static_cast<Backend*>(self);
}
template <typename Body>
spore_status guarded_status(const Told& object, const char* function, Body&& body) noexcept {
  spore_status status = SPORE_E_INTERNAL;
  swallow(object, function, [&] { status = body(); });
  return status;
}
} // namespace detail

inline const spore_backend_ops Backend::Ops::table = {
    .size = sizeof(spore_backend_ops),
    .destroy =
        [](void* self) {
          detail::swallow(detail::backend(self), "destroy",
                          [&] { std::unique_ptr<Backend>(&detail::backend(self)).reset(); });
        },
    .query_interface = [](void* self, const char* name) -> const void* {
      const void* found = nullptr;
      detail::swallow(detail::backend(self), "query_interface",
                      [&] { found = detail::backend(self).query_interface(name); });
      return found;
    },
    .probe = [](void* self, int32_t measure, spore_probe* out, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).probe(measure != 0, *out); });
    },
    .open = [](void* self, const spore_vm_config* config, const spore_vm_callbacks* callbacks, spore_error* error)
        -> spore_status { return guarded(error, [&] { return detail::backend(self).open(*config, *callbacks); }); },
    .map_memory = [](void* self, uint64_t gpa, void* host, uint64_t bytes, uint32_t flags,
                     spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).map_memory(gpa, host, bytes, flags); });
    },
    .unmap_memory = [](void* self, uint64_t gpa, uint64_t bytes, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).unmap_memory(gpa, bytes); });
    },
    .create_vcpu = [](void* self, uint32_t index, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).create_vcpu(index); });
    },
    .destroy_vcpu =
        [](void* self, uint32_t index) {
          detail::swallow(detail::backend(self), "destroy_vcpu", [&] { detail::backend(self).destroy_vcpu(index); });
        },
    .run = [](void* self, uint32_t index, spore_exit* out, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).run(index, *out); });
    },
    .kick =
        [](void* self, uint32_t index) {
          detail::swallow(detail::backend(self), "kick", [&] { detail::backend(self).kick(index); });
        },
    .set_irq_line = [](void* self, uint32_t gsi, int32_t level) -> spore_status {
      return detail::guarded_status(detail::backend(self), "set_irq_line",
                                    [&] { return detail::backend(self).set_irq_line(gsi, level != 0); });
    },
    .pulse_irq = [](void* self, uint32_t gsi) -> spore_status {
      return detail::guarded_status(detail::backend(self), "pulse_irq",
                                    [&] { return detail::backend(self).pulse_irq(gsi); });
    },
    .add_doorbell = [](void* self, const spore_doorbell* doorbell, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::backend(self).add_doorbell(*doorbell); });
    },
    .remove_doorbell = [](void* self, const spore_doorbell* doorbell) -> spore_status {
      return detail::guarded_status(detail::backend(self), "remove_doorbell",
                                    [&] { return detail::backend(self).remove_doorbell(*doorbell); });
    },
};

} // namespace spore

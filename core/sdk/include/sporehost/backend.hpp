// Base class of backends in C++. See backend.h for what each function means and on which thread it is called.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/plugin.hpp>

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

constexpr spore_backend_ops backend_table() {
  spore_backend_ops t{};
  t.size = sizeof t;
  t.destroy = [](void* self) {
    swallow(backend(self), "destroy", [&] { std::unique_ptr<Backend>(&backend(self)).reset(); });
  };
  t.query_interface = [](void* self, spore_string name) -> const void* {
    const void* found = nullptr;
    swallow(backend(self), "query_interface", [&] { found = backend(self).query_interface(from_abi(name)); });
    return found;
  };
  t.probe = [](void* self, uint32_t measure, spore_probe* out, spore_error* error) -> spore_status {
    return guarded(
        error, [&] { return filled(out, [&](spore_probe& own) { return backend(self).probe(measure != 0, own); }); });
  };
  t.open = [](void* self, const spore_vm_config* config, const spore_vm_callbacks* callbacks,
              spore_error* error) -> spore_status {
    return guarded(error, [&]() -> Result<void> {
      const auto own_config = taken(config);
      const auto own_callbacks = taken(callbacks);
      if (!own_config || !own_callbacks) return too_short();
      return backend(self).open(*own_config, *own_callbacks);
    });
  };
  t.map_memory = [](void* self, uint64_t gpa, void* host, uint64_t bytes, uint32_t flags,
                    spore_error* error) -> spore_status {
    return guarded(error, [&] { return backend(self).map_memory(gpa, host, bytes, flags); });
  };
  t.unmap_memory = [](void* self, uint64_t gpa, uint64_t bytes, spore_error* error) -> spore_status {
    return guarded(error, [&] { return backend(self).unmap_memory(gpa, bytes); });
  };
  t.create_vcpu = [](void* self, uint32_t index, spore_error* error) -> spore_status {
    return guarded(error, [&] { return backend(self).create_vcpu(index); });
  };
  t.destroy_vcpu = [](void* self, uint32_t index) {
    swallow(backend(self), "destroy_vcpu", [&] { backend(self).destroy_vcpu(index); });
  };
  t.run = [](void* self, uint32_t index, spore_exit* out, spore_error* error) -> spore_status {
    return guarded(error, [&] { return filled(out, [&](spore_exit& own) { return backend(self).run(index, own); }); });
  };
  t.kick = [](void* self, uint32_t index) { swallow(backend(self), "kick", [&] { backend(self).kick(index); }); };
  t.set_irq_line = [](void* self, uint32_t gsi, uint32_t level) -> spore_status {
    return guarded_status(backend(self), "set_irq_line", [&] { return backend(self).set_irq_line(gsi, level != 0); });
  };
  t.pulse_irq = [](void* self, uint32_t gsi) -> spore_status {
    return guarded_status(backend(self), "pulse_irq", [&] { return backend(self).pulse_irq(gsi); });
  };
  t.add_doorbell = [](void* self, const spore_doorbell* doorbell, spore_error* error) -> spore_status {
    return guarded(error, [&]() -> Result<void> {
      const auto own = taken(doorbell);
      return own ? backend(self).add_doorbell(*own) : too_short();
    });
  };
  t.remove_doorbell = [](void* self, const spore_doorbell* doorbell) -> spore_status {
    return guarded_status(backend(self), "remove_doorbell", [&]() -> spore_status {
      const auto own = taken(doorbell);
      return own ? backend(self).remove_doorbell(*own) : static_cast<spore_status>(SPORE_E_INVALID);
    });
  };
  return t;
}
} // namespace detail

inline const spore_backend_ops Backend::Ops::table = detail::backend_table();

} // namespace spore

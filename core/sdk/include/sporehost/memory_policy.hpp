// Base class of memory policies in C++. See memory_policy.h for what each function means.
#pragma once

#include <sporehost/memory_policy.h>
#include <sporehost/virtio_device.hpp>

namespace spore {

class MemoryPolicy : public Told {
 public:
  virtual ~MemoryPolicy() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual Result<void> plan(const spore_memory_request& request, const spore_memory_facts& facts,
                            spore_memory_plan& out) = 0;
  virtual void on_event(const spore_memory_event& /*event*/, const spore_memory_state& /*state*/,
                        spore_memory_action& /*out*/) {}

  struct Ops {
    using Base = MemoryPolicy;
    static constexpr uint32_t kind = SPORE_KIND_MEMORY_POLICY;
    static const spore_memory_policy_ops table;
  };
};

// Puts a sentence into the `reason` of a plan or an action.
template <typename PlanOrAction>
void give_reason(PlanOrAction& out, std::string_view reason) {
  copy_text(reason, out.reason, sizeof out.reason);
}

namespace detail {
inline MemoryPolicy& policy(void* self) {
  return *static_cast<MemoryPolicy*>(self);
}
} // namespace detail

inline const spore_memory_policy_ops MemoryPolicy::Ops::table = {
    .size = sizeof(spore_memory_policy_ops),
    .destroy =
        [](void* self) {
          detail::swallow(detail::policy(self), "destroy",
                          [&] { std::unique_ptr<MemoryPolicy>(&detail::policy(self)).reset(); });
        },
    .query_interface = [](void* self, const char* name) -> const void* {
      const void* found = nullptr;
      detail::swallow(detail::policy(self), "query_interface",
                      [&] { found = detail::policy(self).query_interface(name); });
      return found;
    },
    .plan = [](void* self, const spore_memory_request* request, const spore_memory_facts* facts, spore_memory_plan* out,
               spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::policy(self).plan(*request, *facts, *out); });
    },
    .on_event =
        [](void* self, const spore_memory_event* event, const spore_memory_state* state, spore_memory_action* out) {
          detail::swallow(detail::policy(self), "on_event",
                          [&] { detail::policy(self).on_event(*event, *state, *out); });
        },
};

} // namespace spore

// Base class of memory policies in C++. See memory_policy.h for what each function means.
#pragma once

#include <sporehost/memory_policy.h>
#include <sporehost/plugin.hpp>

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
  put(out.reason, reason);
}

namespace detail {
inline MemoryPolicy& policy(void* self) {
  return *static_cast<MemoryPolicy*>(self);
}

constexpr spore_memory_policy_ops policy_table() {
  spore_memory_policy_ops t{};
  t.size = sizeof t;
  t.destroy = [](void* self) {
    swallow(policy(self), "destroy", [&] { std::unique_ptr<MemoryPolicy>(&policy(self)).reset(); });
  };
  t.query_interface = [](void* self, spore_string name) -> const void* {
    const void* found = nullptr;
    swallow(policy(self), "query_interface", [&] { found = policy(self).query_interface(from_abi(name)); });
    return found;
  };
  t.plan = [](void* self, const spore_memory_request* request, const spore_memory_facts* facts, spore_memory_plan* out,
              spore_error* error) -> spore_status {
    return guarded(error, [&]() -> Result<void> {
      const auto own_request = taken(request);
      const auto own_facts = taken(facts);
      if (!own_request || !own_facts) return too_short();
      return filled(out, [&](spore_memory_plan& own) { return policy(self).plan(*own_request, *own_facts, own); });
    });
  };
  t.on_event = [](void* self, const spore_memory_event* event, const spore_memory_state* state,
                  spore_memory_action* out) {
    swallow(policy(self), "on_event", [&] {
      const auto own_event = taken(event);
      const auto own_state = taken(state);
      if (!own_event || !own_state) return;
      (void)filled(out, [&](spore_memory_action& own) {
        return policy(self).on_event(*own_event, *own_state, own), Result<void>{};
      });
    });
  };
  return t;
}
} // namespace detail

inline const spore_memory_policy_ops MemoryPolicy::Ops::table = detail::policy_table();

} // namespace spore

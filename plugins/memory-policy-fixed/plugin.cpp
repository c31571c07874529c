// The policy without hotplug: an explicit size as it is asked for, `auto` as a size of its own. Never a region.
#include "fixed_plan.hpp"

namespace memory_policy {

class Fixed final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"memory-policy-fixed", "plain RAM from the start, nothing is plugged", R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "size": {
      "type": ["string", "integer"], "format": "size", "default": "16GiB",
      "description": "RAM of a machine whose memory is `auto`."
    }
  }
})"};

  static spore::Result<std::unique_ptr<Fixed>> create(spore::Host /*host*/, std::string_view options) {
    const int64_t size = spore::Options(options).integer("/size").value_or(int64_t{16} << 30);
    SPORE_CHECK(check_size("size", static_cast<uint64_t>(std::max<int64_t>(size, 0))));
    return std::unique_ptr<Fixed>(new Fixed(static_cast<uint64_t>(size)));
  }

  spore::Result<void> plan(const spore_memory_request& request, const spore_memory_facts& facts,
                           spore_memory_plan& out) override {
    if (request.mode == SPORE_MEMORY_EXPLICIT) return plan_explicit(request.bytes, facts, out);
    return plan_fixed("size", size_, "the fixed policy gives an automatic machine this size", facts, out);
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& /*state*/,
                spore_memory_action& out) override {
    if (event.type == SPORE_EVENT_OPERATOR) spore::give_reason(out, "memory is fixed: there is no region to resize");
  }

 private:
  explicit Fixed(uint64_t size) : size_(size) {}

  const uint64_t size_;
};

} // namespace memory_policy

SPOREHOST_PLUGIN("memory-policy-fixed", "1.0.0", memory_policy::Fixed)

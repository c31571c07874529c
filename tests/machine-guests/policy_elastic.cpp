// The memory policy of the guest programs: a small machine with an elastic region whatever the kernel is, part of which
// is requested from the start. Once the guest has unplugged all of it, the whole region is requested.
#include <sporehost/memory_policy.hpp>

namespace {

class Elastic final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"policy-elastic", "an elastic region for any kernel; for tests", R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "boot": {"type": ["string", "integer"], "format": "size", "default": "64MiB", "description": "RAM from the start."},
    "region": {"type": ["string", "integer"], "format": "size", "default": "15872MiB", "description": "What can be plugged."},
    "requested": {"type": ["string", "integer"], "format": "size", "default": "256MiB", "description": "Of that, at first."},
    "block": {"type": ["string", "integer"], "format": "size", "default": 0, "description": "Of the plan; 0: the host's."},
    "slot": {"type": ["string", "integer"], "format": "size", "default": 0, "description": "Likewise."}
  }
})"};

  static spore::Result<std::unique_ptr<Elastic>> create(spore::Host /*host*/, std::string_view json) {
    const spore::Options options(json);
    const auto size = [&](const char* path) { return static_cast<uint64_t>(options.integer(path).value_or(0)); };
    spore_memory_plan plan{};
    plan.boot_bytes = size("/boot");
    plan.region_bytes = size("/region");
    plan.requested_bytes = size("/requested");
    plan.block_bytes = size("/block");
    plan.slot_bytes = size("/slot");
    return std::unique_ptr<Elastic>(new Elastic(plan));
  }

  spore::Result<void> plan(const spore_memory_request& /*request*/, const spore_memory_facts& /*facts*/,
                           spore_memory_plan& out) override {
    out.boot_bytes = plan_.boot_bytes;
    out.region_bytes = plan_.region_bytes;
    out.requested_bytes = plan_.requested_bytes;
    out.block_bytes = plan_.block_bytes;
    out.slot_bytes = plan_.slot_bytes;
    spore::give_reason(out, "a test plugs memory by itself");
    return {};
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    if (event.type != SPORE_EVENT_PLUGGED || state.plugged_bytes != 0 || state.requested_bytes == plan_.region_bytes)
      return;
    out.change = 1;
    out.requested_bytes = plan_.region_bytes;
    spore::give_reason(out, "the guest has unplugged everything");
  }

 private:
  explicit Elastic(const spore_memory_plan& plan) : plan_(plan) {}

  const spore_memory_plan plan_;
};

} // namespace

SPOREHOST_PLUGIN("policy-elastic", "1.0.0", Elastic)

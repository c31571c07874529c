// A memory policy for one test: it requests the whole region, and takes most of it back while the guest still plugs.
#include "resizable_plan.hpp"

namespace test_policy {

class Lowering final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"memory-policy-lowering",
                                           "lowers the requested size in the middle of a plug",
                                           R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["region", "lower-above", "lower-to"],
  "properties": {
    "region": {"type": ["string", "integer"], "format": "size", "description": "All of it is requested at first."},
    "lower-above": {"type": ["string", "integer"], "format": "size", "description": "Once more than this is plugged,"},
    "lower-to": {"type": ["string", "integer"], "format": "size", "description": "this is requested instead."}
  }
})"};

  static spore::Result<std::unique_ptr<Lowering>> create(spore::Host /*host*/, std::string_view json) {
    const spore::Options options(json);
    return std::unique_ptr<Lowering>(new Lowering(size_option(options, "/region"), size_option(options, "/lower-above"),
                                                  size_option(options, "/lower-to")));
  }

  spore::Result<void> plan(const spore_memory_request& /*request*/, const spore_memory_facts& /*facts*/,
                           spore_memory_plan& out) override {
    plan_resizable(region_, out);
    return {};
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    if (event.type == SPORE_EVENT_READY) return request(out, region_, "the guest is ready");
    if (event.type != SPORE_EVENT_PLUGGED || lowered_ || state.plugged_bytes <= above_) return;
    lowered_ = true;
    request(out, to_, "the guest is in the middle of plugging");
  }

 private:
  Lowering(uint64_t region, uint64_t above, uint64_t to) : region_(region), above_(above), to_(to) {}

  const uint64_t region_;
  const uint64_t above_;
  const uint64_t to_;
  bool lowered_ = false;
};

} // namespace test_policy

SPOREHOST_PLUGIN("memory-policy-lowering", "1.0.0", test_policy::Lowering)

// A memory policy for tests that resize step by step: it requests as many MiB as a file says, and looks into it often.
#include <fstream>

#include "resizable_plan.hpp"

namespace test_policy {

class FromFile final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"memory-policy-from-file", "requests as many MiB as a file says", R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["region", "file"],
  "properties": {
    "region": {"type": ["string", "integer"], "format": "size", "description": "The most that can be requested."},
    "file": {"type": "string", "description": "Holds a number of MiB; until it is there nothing is requested."}
  }
})"};

  static spore::Result<std::unique_ptr<FromFile>> create(spore::Host /*host*/, std::string_view json) {
    const spore::Options options(json);
    return std::unique_ptr<FromFile>(
        new FromFile(size_option(options, "/region"), options.string("/file").value_or("")));
  }

  spore::Result<void> plan(const spore_memory_request& /*request*/, const spore_memory_facts& /*facts*/,
                           spore_memory_plan& out) override {
    plan_resizable(region_, out);
    return {};
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    if (event.type == SPORE_EVENT_READY || event.type == SPORE_EVENT_TICK) out.tick_ms = 100;
    uint64_t mib = 0;
    if (!(std::ifstream(file_) >> mib) || mib * kMiB == state.requested_bytes) return;
    request(out, mib * kMiB, "the file says so");
  }

 private:
  FromFile(uint64_t region, std::string file) : region_(region), file_(std::move(file)) {}

  const uint64_t region_;
  const std::string file_;
};

} // namespace test_policy

SPOREHOST_PLUGIN("memory-policy-from-file", "1.0.0", test_policy::FromFile)

// A complete memory policy in one file: boots with a fixed part of what the host has.
//
// Copy it, rename what says "share", build it as docs/sdk.md shows, put share.so into a plugin folder and write
//   memory: {policy: {plugin: share, options: {percent: 25}}}
#include <sporehost/memory_policy.hpp>

namespace {

class SharePolicy : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"share", "boots with a share of the host's memory",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {"percent": {"type": "integer", "minimum": 1, "maximum": 90, "default": 25}}})"};

  // The host has checked the options against the schema and filled in the defaults.
  static spore::Result<std::unique_ptr<SharePolicy>> create(spore::Host /*host*/, std::string_view options) {
    const auto percent = spore::Options(options).integer("/percent");
    if (!percent) return spore::fail(SPORE_E_INVALID, "option 'percent' is missing");
    return std::make_unique<SharePolicy>(static_cast<uint64_t>(*percent));
  }

  explicit SharePolicy(uint64_t percent) : percent_(percent) {}

  spore::Result<void> plan(const spore_memory_request& request, const spore_memory_facts& facts,
                           spore_memory_plan& out) override {
    const uint64_t page = facts.page_bytes != 0 ? facts.page_bytes : 4096;
    const bool asked = request.mode == SPORE_MEMORY_EXPLICIT;
    const uint64_t bytes = asked ? request.bytes : facts.host_total_bytes / 100 * percent_;
    if (bytes < page) return spore::fail(SPORE_E_INVALID, "that is less than one page of memory");
    out.boot_bytes = bytes / page * page;
    spore::give_reason(out, asked ? "the size was given"
                                  : std::to_string(percent_) + " % of the host's " +
                                        std::to_string(facts.host_total_bytes >> 20) + " MiB");
    return {};
  }

 private:
  uint64_t percent_;
};

} // namespace

SPOREHOST_PLUGIN("share", "1.0.0", SharePolicy)

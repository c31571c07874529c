// A site's own memory policy: half of what the project's own policy would give, and grown in two steps.
//
// A fresh managed run under `memory: auto` boots with 1 GiB and gets a region of 7 GiB: together 8 GiB. When the guest
// is ready, half of the region is requested; the other half follows when that is plugged. Every other run gets 8 GiB of
// plain RAM, and a size that was asked for is kept.
//
// To use it: memory: {policy: policy-half}
#include <sporehost/memory_policy.hpp>

namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kBoot = 1 * kGiB;
constexpr uint64_t kRegion = 7 * kGiB;

class PolicyHalf final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"policy-half", "8 GiB for everybody: 1 GiB at boot, the rest in two steps",
                                           R"({"type": "object", "additionalProperties": false})"};

  static spore::Result<std::unique_ptr<PolicyHalf>> create(spore::Host /*host*/, std::string_view /*options*/) {
    return std::make_unique<PolicyHalf>();
  }

  spore::Result<void> plan(const spore_memory_request& request, const spore_memory_facts& facts,
                           spore_memory_plan& out) override {
    if (request.mode == SPORE_MEMORY_EXPLICIT) {
      out.boot_bytes = request.bytes;
      spore::give_reason(out, "policy-half: the size is given explicitly");
      return {};
    }
    // Of kernel and initrd kernel_can_grow says all there is to know: it is 0 where one of them is not the host's own.
    const bool fresh = facts.capture == 0 && facts.resume == 0;
    const bool grows = facts.kernel_can_grow != 0 && facts.backend_can_grow != 0 && facts.device_present != 0;
    if (!fresh || !grows) {
      out.boot_bytes = kBoot + kRegion;
      spore::give_reason(out, "policy-half: 8192 MiB of plain RAM, as nothing may be plugged here");
      return {};
    }
    out.boot_bytes = kBoot;
    out.region_bytes = kRegion;
    spore::give_reason(out, "policy-half: 1024 MiB at boot and a region of 7168 MiB, plugged in two steps");
    return {};
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    const uint64_t half = state.region_bytes / 2;
    if (event.type == SPORE_EVENT_READY && state.requested_bytes < half) {
      request(out, half, "policy-half: the guest is ready, half of the region is requested");
    } else if (event.type == SPORE_EVENT_PLUGGED && state.requested_bytes == half && state.plugged_bytes == half) {
      request(out, state.region_bytes, "policy-half: half of the region is plugged, the rest is requested");
    }
  }

 private:
  static void request(spore_memory_action& out, uint64_t bytes, std::string_view reason) {
    out.change = 1;
    out.requested_bytes = bytes;
    spore::give_reason(out, reason);
  }
};

} // namespace

SPOREHOST_PLUGIN("policy-half", "1.0.0", PolicyHalf)

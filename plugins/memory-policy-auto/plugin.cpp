// The policy behind `memory: auto`: a fresh managed run boots small and grows by virtio-mem when the guest is ready;
// everything else gets fixed RAM, so that nothing depends on hotplug without having been made for it.
//
// A managed run that cannot grow after all (kernel, backend, no device) gets the maximum as fixed RAM too: it would
// otherwise stay at its boot memory, which nobody asked for.
#include "../memory-policy-fixed/fixed_plan.hpp"
#include "causes.hpp"
#include "slots.hpp"

namespace memory_policy {

class Auto final : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{"memory-policy-auto",
                                           "boots small and grows by virtio-mem when the guest is ready", R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "boot": {
      "type": ["string", "integer"], "format": "size", "default": "512MiB",
      "description": "RAM that a machine which can grow starts with."
    },
    "maximum": {
      "type": ["string", "integer"], "format": "size", "default": "16GiB",
      "description": "Boot memory and region together; also the fixed RAM of a machine that must not depend on hotplug."
    },
    "grow-on": {
      "enum": ["ready", "never"], "default": "ready",
      "description": "ready: the whole region is requested when the guest is ready. never: only an operator requests."
    }
  }
})"};

  static spore::Result<std::unique_ptr<Auto>> create(spore::Host /*host*/, std::string_view json) {
    const spore::Options options(json);
    const auto size = [&](const char* pointer, int64_t otherwise) {
      return static_cast<uint64_t>(std::max<int64_t>(options.integer(pointer).value_or(otherwise), 0));
    };
    const uint64_t boot = size("/boot", int64_t{512} << 20);
    const uint64_t maximum = size("/maximum", int64_t{16} << 30);
    const std::string grow_on = options.string("/grow-on").value_or("ready");
    SPORE_CHECK(check_size("boot", boot));
    SPORE_CHECK(check_size("maximum", maximum));
    if (maximum < boot) return spore::fail(SPORE_E_INVALID, "maximum is smaller than boot; make it at least as large");
    if (grow_on != "ready" && grow_on != "never") {
      return spore::fail(SPORE_E_INVALID, "grow-on is `" + grow_on + "`; write ready or never");
    }
    return std::unique_ptr<Auto>(new Auto(boot, maximum, grow_on == "ready"));
  }

  spore::Result<void> plan(const spore_memory_request& request, const spore_memory_facts& facts,
                           spore_memory_plan& out) override {
    if (request.mode == SPORE_MEMORY_EXPLICIT) return plan_explicit(request.bytes, facts, out);
    if (const std::string why = why_fixed(facts); !why.empty()) return plan_fixed("maximum", maximum_, why, facts, out);
    if (maximum_ == boot_) return plan_fixed("maximum", maximum_, "boot and maximum are the same", facts, out);
    const uint64_t left_out = (maximum_ - boot_) % kMemoryBlock;
    if (maximum_ - boot_ == left_out) {
      return plan_fixed("maximum", maximum_,
                        "Linux adds memory in blocks of 128 MiB, and between boot and maximum there is less than one",
                        facts, out);
    }
    const uint64_t region = maximum_ - boot_ - left_out;
    SPORE_CHECK(check_fits("boot", boot_, facts));
    SPORE_CHECK(check_fits("boot with the region", boot_ + region, facts));
    out.boot_bytes = boot_;
    out.region_bytes = region;
    out.requested_bytes = 0;
    out.slot_bytes = slot_bytes_for(region, facts);
    spore::give_reason(out, reason_of(out, left_out));
    return {};
  }

  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    if (event.type == SPORE_EVENT_OPERATOR) return on_operator(event, state, out);
    if (event.type == SPORE_EVENT_READY) on_ready(state, out);
  }

 private:
  static constexpr uint64_t kBlockBytes = 2 * kMiB;
  // Linux' memory block on x86-64 and on arm64 with pages of up to 16 KiB. The host has the last word: it knows the
  // board.
  static constexpr uint64_t kMemoryBlock = 128 * kMiB;

  Auto(uint64_t boot, uint64_t maximum, bool grows_on_ready)
      : boot_(boot), maximum_(maximum), grows_on_ready_(grows_on_ready) {}

  [[nodiscard]] std::string reason_of(const spore_memory_plan& plan, uint64_t left_out) const {
    std::string text = in_mib(plan.boot_bytes) + " at boot and a region of " + in_mib(plan.region_bytes) +
                       ": a fresh managed run, which grows when " +
                       (grows_on_ready_ ? "the guest is ready" : "an operator asks");
    if (left_out != 0) {
      text += "; " + in_mib(left_out) + " of the maximum are left out, since Linux adds memory in blocks of 128 MiB";
    }
    if (plan.slot_bytes != 0) {
      text += "; in slots of " + in_mib(plan.slot_bytes) + ", since the backend has no more of them";
    }
    return text;
  }

  void on_ready(const spore_memory_state& state, spore_memory_action& out) const {
    if (!grows_on_ready_ || operator_decided_ || state.requested_bytes >= state.region_bytes) return;
    out.change = 1;
    out.requested_bytes = state.region_bytes;
    spore::give_reason(out, "the guest is ready: the whole region of " + in_mib(state.region_bytes) + " is requested");
  }

  // `operator_bytes` is the requested size of the region. From here on the operator decides, not the policy.
  void on_operator(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) {
    if (state.region_bytes == 0) return spore::give_reason(out, "memory is fixed: there is no region to resize");
    operator_decided_ = true;
    const uint64_t bytes = std::min(event.operator_bytes / kBlockBytes * kBlockBytes, state.region_bytes);
    out.change = bytes != state.requested_bytes ? 1 : 0;
    out.requested_bytes = bytes;
    const bool cut = bytes != event.operator_bytes;
    spore::give_reason(out, "an operator asks for " + in_mib(event.operator_bytes) +
                                (cut ? ", of which " + in_mib(bytes) + " fit the region and its blocks" : ""));
  }

  const uint64_t boot_;
  const uint64_t maximum_;
  const bool grows_on_ready_;
  bool operator_decided_ = false;
};

} // namespace memory_policy

SPOREHOST_PLUGIN("memory-policy-auto", "1.0.0", memory_policy::Auto)

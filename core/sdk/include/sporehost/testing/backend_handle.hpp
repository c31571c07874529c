// A backend in a test's hands: its functions as the host calls them, with what they fill and say checked. There is no
// fake hypervisor below it; whoever opens a VM needs what the backend needs.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/testing/handles.hpp>

namespace spore::testing {

// What a probe found and why `run` returned, with their texts.
struct BackendProbe : spore_probe {
  std::string summary; // in place of the buffer of the same name
};
struct BackendExit {
  uint32_t reason = SPORE_EXIT_FAULT;
  uint64_t address = 0;
  std::string text;
};

class BackendHandle : public Handle<spore_backend_ops> {
 public:
  using Handle::Handle;

  [[nodiscard]] Result<BackendProbe> probe(bool measure) {
    const HostAge age = next_age();
    HandedText summary;
    spore_probe content{};
    content.summary = summary.get();
    Handed<spore_probe> out(age, content);
    SPORE_CHECK(call(
        "probe", [&](spore_error* error) { return ops().probe(self(), measure ? 1 : 0, out.get(), error); }, true));
    out.check(host_->checks(), "probe");
    BackendProbe found{out.value(), {}};
    found.summary = summary.check(out.get()->summary, host_->checks(), "probe").value_or("");
    return found;
  }

  // The VM with these flags; before it one with a flag that no backend knows, which must be refused (SDK-27).
  [[nodiscard]] Result<void> open(const spore_vm_config& config, const spore_vm_callbacks& callbacks) {
    spore_vm_config odd = config;
    odd.flags |= 0x80000000;
    const auto refused = open_once(odd, callbacks);
    host_->checks().require(!refused.ok(), 27, "open takes a flag that is unknown");
    return open_once(config, callbacks);
  }

  [[nodiscard]] Result<void> map_memory(uint64_t gpa, void* memory, uint64_t bytes, uint32_t flags) {
    return call("map_memory",
                [&](spore_error* error) { return ops().map_memory(self(), gpa, memory, bytes, flags, error); });
  }
  [[nodiscard]] Result<void> unmap_memory(uint64_t gpa, uint64_t bytes) {
    return call("unmap_memory", [&](spore_error* error) { return ops().unmap_memory(self(), gpa, bytes, error); });
  }
  [[nodiscard]] Result<void> create_vcpu(uint32_t index) {
    return call("create_vcpu", [&](spore_error* error) { return ops().create_vcpu(self(), index, error); });
  }
  void destroy_vcpu(uint32_t index) {
    enter("destroy_vcpu", [&] { ops().destroy_vcpu(self(), index); });
  }
  [[nodiscard]] Result<BackendExit> run(uint32_t index) {
    HandedText text;
    spore_exit content{};
    content.text = text.get();
    Handed<spore_exit> out(next_age(), content);
    SPORE_CHECK(call("run", [&](spore_error* error) { return ops().run(self(), index, out.get(), error); }));
    out.check(host_->checks(), "run");
    const spore_exit exit = out.value();
    return BackendExit{exit.reason, exit.address, text.check(exit.text, host_->checks(), "run").value_or("")};
  }
  void kick(uint32_t index) {
    enter("kick", [&] { ops().kick(self(), index); });
  }
  spore_status set_irq_line(uint32_t gsi, uint32_t level) {
    return enter("set_irq_line", [&] { return ops().set_irq_line(self(), gsi, level); });
  }
  spore_status pulse_irq(uint32_t gsi) {
    return enter("pulse_irq", [&] { return ops().pulse_irq(self(), gsi); });
  }
  [[nodiscard]] Result<void> add_doorbell(const spore_doorbell& doorbell) {
    const Handed<spore_doorbell> handed(next_age(), doorbell, kPoison);
    return call("add_doorbell", [&](spore_error* error) { return ops().add_doorbell(self(), handed.get(), error); });
  }
  spore_status remove_doorbell(const spore_doorbell& doorbell) {
    const Handed<spore_doorbell> handed(next_age(), doorbell, kPoison);
    return enter("remove_doorbell", [&] { return ops().remove_doorbell(self(), handed.get()); });
  }

  // A function of an optional interface, or one of the above, which may fail with a sentence.
  template <typename Call>
  [[nodiscard]] Result<void> call(const char* function, Call&& call, bool counted = false) {
    HandedError error(next_age());
    const spore_status status = enter(
        function, [&] { return call(error.get()); }, counted);
    return error.outcome(status, host_->checks(), function);
  }

 private:
  [[nodiscard]] Result<void> open_once(const spore_vm_config& config, const spore_vm_callbacks& callbacks) {
    const HostAge age = next_age();
    const Handed<spore_vm_config> handed_config(age, config, kPoison);
    const Handed<spore_vm_callbacks> handed_callbacks(age, callbacks, kPoison);
    return call(
        "open",
        [&](spore_error* error) { return ops().open(self(), handed_config.get(), handed_callbacks.get(), error); },
        true);
  }
};

} // namespace spore::testing

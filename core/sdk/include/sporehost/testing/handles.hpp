// Objects of plugins in a test's hands: they call them as the host would, and check what comes back. [device] functions
// are called with the lock held, `describe` is asked twice and once more at the end, structs come with poison behind
// them (handed.hpp), `destroy` is called exactly once, and what the object leaves behind is told.
//
// A handle must go before its FakeHost.
#pragma once

#include <sporehost/device.h>
#include <sporehost/memory_policy.h>
#include <sporehost/result.hpp>
#include <sporehost/testing/described.hpp>
#include <sporehost/testing/fake_virtio.hpp>
#include <sporehost/testing/handed.hpp>

namespace spore::testing {

// A name as a plugin is asked for it: without a NUL behind it, since a spore_string has none.
class AskedName {
 public:
  explicit AskedName(std::string_view name) : text_(std::string(name) + "X"), length_(name.size()) {}
  [[nodiscard]] spore_string get() const { return {text_.data(), length_}; }

 private:
  std::string text_;
  size_t length_;
};

// What every handle has: the object, its table, and its end.
template <typename Ops>
class Handle {
 public:
  Handle(FakeHost& host, spore_object object) : host_(&host), object_(object) {
    for (const char* name :
         {"", "sporehost.no-such-interface/1", "sporehost.saved-state/99", "sporehost.saved-state"}) {
      if (find<void>(name) != nullptr)
        host.checks().broken(16, "query_interface offers '" + std::string(name) + "', which does not exist");
    }
  }
  Handle(Handle&& other) noexcept : host_(other.host_), object_(std::exchange(other.object_, {})) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (object_.self == nullptr) return;
    enter(
        "destroy", [&] { ops().destroy(object_.self); }, true);
    host_->object_gone(10);
  }

  [[nodiscard]] const Ops& ops() const { return *static_cast<const Ops*>(object_.ops); }
  [[nodiscard]] void* self() const { return object_.self; }
  [[nodiscard]] FakeHost& host() const { return *host_; }

  // An optional interface of the object, or nullptr.
  template <typename Table>
  [[nodiscard]] const Table* find(const char* name) const {
    const AskedName asked(name);
    return static_cast<const Table*>(
        enter("query_interface", [&] { return ops().query_interface(self(), asked.get()); }));
  }

 protected:
  [[nodiscard]] bool there() const { return object_.self != nullptr; }
  // Older and newer hosts take turns. [any]
  static HostAge next_age() {
    static std::atomic<unsigned> turn{0};
    return turn++ % 2 == 0 ? HostAge::older : HostAge::newer;
  }

  // Calls a function of the object; `counted` ones may open descriptors and start threads. An exception ends here.
  template <typename Call>
  auto enter(const char* function, Call&& call, bool counted = false) const -> decltype(call()) {
    const FakeHost::Visit visit(*host_, counted);
    try {
      return call();
    } catch (...) {
      host_->checks().broken(7, std::string(function) + " let an exception out");
    }
    if constexpr (std::is_same_v<decltype(call()), spore_status>) return SPORE_E_INTERNAL;
    if constexpr (std::is_pointer_v<decltype(call())>) return nullptr;
  }
  // One that is [device].
  template <typename Call>
  auto on_device(const char* function, Call&& call, bool counted = false) const -> decltype(call()) {
    const std::scoped_lock guard(host_->device_lock());
    return enter(function, std::forward<Call>(call), counted);
  }

  // Asks `describe` once. Traits: spore_virtio_traits, spore_io_traits.
  template <typename Traits>
  Result<Traits> ask(HostAge age) const {
    Handed<Traits> traits(age);
    HandedError error(age);
    const spore_status status = enter(
        "describe", [&] { return ops().describe(self(), traits.get(), error.get()); }, true);
    traits.check(host_->checks(), "describe");
    SPORE_CHECK(error.outcome(status, host_->checks(), "describe"));
    return traits.value();
  }
  // Asks as an older and a newer host would, and checks what is said.
  template <typename Description, typename Traits>
  Result<void> describe(Description& description, Traits& traits) {
    SPORE_TRY(traits, ask<Traits>(HostAge::older));
    description = Description(traits);
    check(description, host_->checks());
    return describe_again<Description, Traits>(description);
  }
  template <typename Description, typename Traits>
  Result<void> describe_again(const Description& before) const {
    SPORE_TRY(const Traits again, ask<Traits>(HostAge::newer));
    host_->checks().require(Description(again) == before, 21, "describe does not say the same whenever it is asked");
    return {};
  }

  FakeHost* host_;
  spore_object object_;
};

// A virtio device with its transport. Feature bits of the transport itself (VIRTIO_F_VERSION_1) may be passed along.
class VirtioHandle : public Handle<spore_virtio_device_ops> {
 public:
  static constexpr uint64_t kVersion1 = uint64_t{1} << 32;

  VirtioHandle(FakeHost& host, FakeVirtio& virtio, spore_object object) : Handle(host, object), virtio_(&virtio) {
    described_ = describe(description_, traits_);
    virtio.set_queues(description_.queue_sizes, [&host, object](uint32_t queue) {
      const FakeHost::Visit visit(host);
      try {
        static_cast<const spore_virtio_device_ops*>(object.ops)->notify(object.self, queue);
      } catch (...) {
        host.checks().broken(7, "notify let an exception out");
      }
    });
  }
  VirtioHandle(VirtioHandle&&) noexcept = default;
  ~VirtioHandle() {
    if (!there()) return;
    virtio_->set_live(false); // a posted notify that is left finds nothing to do
    if (!described_) return;
    if (const auto again = describe_again<VirtioDescription, spore_virtio_traits>(description_); !again)
      host_->checks().broken(21, "describe failed when it was asked again: " + again.error().text);
  }

  // Whether `describe` succeeded at all.
  [[nodiscard]] const Result<void>& described() const { return described_; }
  [[nodiscard]] const spore_virtio_traits& traits() const { return traits_; }
  [[nodiscard]] FakeVirtio& virtio() const { return *virtio_; }

  // What the driver sets up a queue with before DRIVER_OK; its maximum at first, 0: it does not use that queue.
  void set_queue_size(uint32_t queue, uint16_t size) { virtio_->set_queue_size(queue, size); }

  // FEATURES_OK: gives the device's verdict. `high`: bits 64 to 127.
  spore_status accept_features(uint64_t features, uint64_t high = 0) {
    const uint64_t words[2] = {features, high};
    return on_device("accept_features", [&] { return ops().accept_features(self(), words); });
  }
  // DRIVER_OK.
  Result<void> activate(uint64_t features, uint64_t high = 0) {
    spore_virtio_activation content{};
    content.queue_count = traits_.queue_count;
    content.features[0] = features;
    content.features[1] = high;
    content.queue_size = virtio_->queue_sizes().data();
    const HostAge age = next_age();
    const Handed<spore_virtio_activation> activation(age, content, kPoison);
    HandedError error(age);
    virtio_->set_live(true);
    const spore_status status = on_device(
        "activate", [&] { return ops().activate(self(), activation.get(), error.get()); }, true);
    if (status != SPORE_OK) virtio_->set_live(false);
    return error.outcome(status, host_->checks(), "activate");
  }
  // What a driver does from reset to DRIVER_OK.
  Result<void> start(uint64_t features, uint64_t high = 0) {
    if (const spore_status status = accept_features(features, high); status != SPORE_OK) {
      return fail(status, "the device refused FEATURES_OK");
    }
    return activate(features, high);
  }
  // The driver rings a doorbell.
  void notify(uint32_t queue) {
    on_device("notify", [&] { virtio_->serve(queue); });
  }
  void reset() {
    on_device(
        "reset",
        [&] {
          virtio_->drop_all();
          ops().reset(self());
        },
        true);
  }

  // The configuration space; beyond its end reads give zero and writes are dropped, as on the real transport.
  [[nodiscard]] Bytes read_config(uint32_t offset, uint32_t bytes) const {
    Bytes data(bytes);
    if (offset > traits_.config_bytes || bytes > traits_.config_bytes - offset) return data;
    on_device("read_config", [&] { ops().read_config(self(), offset, data.data(), bytes); });
    return data;
  }
  template <typename Integer>
  [[nodiscard]] Integer config(uint32_t offset) const {
    Integer value{};
    std::memcpy(&value, read_config(offset, sizeof value).data(), sizeof value);
    return value;
  }
  void write_config(uint32_t offset, const Bytes& data) {
    if (offset > traits_.config_bytes || data.size() > traits_.config_bytes - offset) return;
    on_device("write_config",
              [&] { ops().write_config(self(), offset, data.data(), static_cast<uint32_t>(data.size())); });
  }

 private:
  FakeVirtio* virtio_;
  spore_virtio_traits traits_{};
  VirtioDescription description_;
  Result<void> described_;
};

// A device with registers of its own, placed as a board would: where it must be, else at a free address and interrupt.
class IoHandle : public Handle<spore_io_device_ops> {
 public:
  static constexpr uint64_t kFreePort = 0x1000;
  static constexpr uint64_t kFreeAddress = 0xd0000000;
  static constexpr uint32_t kFreeIrq = 16;

  IoHandle(FakeHost& host, spore_object object) : Handle(host, object) {
    described_ = describe(description_, traits_);
    if (described_) place();
  }
  IoHandle(IoHandle&&) noexcept = default;
  ~IoHandle() {
    if (!there() || !described_) return;
    if (const auto again = describe_again<IoDescription, spore_io_traits>(description_); !again)
      host_->checks().broken(21, "describe failed when it was asked again: " + again.error().text);
  }

  [[nodiscard]] const Result<void>& described() const { return described_; }
  [[nodiscard]] const spore_io_traits& traits() const { return traits_; }
  [[nodiscard]] const IoDescription& description() const { return description_; }
  [[nodiscard]] const std::vector<uint64_t>& bases() const { return bases_; } // of the windows
  [[nodiscard]] const std::vector<uint32_t>& gsis() const { return gsis_; }   // of the interrupts

  [[nodiscard]] uint64_t read(uint32_t window, uint64_t offset, uint32_t bytes) {
    uint64_t value = 0;
    on_device("read", [&] { ops().read(self(), window, offset, &value, bytes); });
    return value;
  }
  void write(uint32_t window, uint64_t offset, uint64_t value, uint32_t bytes) {
    on_device("write", [&] { ops().write(self(), window, offset, &value, bytes); });
  }

 private:
  static uint64_t rounded_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
  }

  void place() {
    uint64_t next_port = kFreePort;
    uint64_t next_address = kFreeAddress;
    for (const auto& window : description_.windows) {
      uint64_t& next = window.space == SPORE_IO_PORT ? next_port : next_address;
      uint64_t alignment = window.alignment;
      for (uint64_t power = 1; alignment == 0; power *= 2) {
        if (power >= window.bytes || power > UINT64_MAX / 4) alignment = power;
      }
      const bool any = window.base == SPORE_ANY_BASE;
      bases_.push_back(any ? rounded_up(next, alignment) : window.base);
      if (any) next = bases_.back() + window.bytes;
    }
    uint32_t next_irq = kFreeIrq;
    std::vector<uint32_t> triggers;
    for (const auto& irq : description_.irqs) {
      gsis_.push_back(irq.gsi == SPORE_ANY_IRQ ? next_irq++ : irq.gsi);
      triggers.push_back(irq.trigger);
    }
    host_->set_triggers(std::move(triggers));
    spore_io_placement content{};
    content.bases = bases_.data();
    content.gsis = gsis_.data();
    const Handed<spore_io_placement> placement(next_age(), content, kPoison);
    on_device(
        "placed", [&] { ops().placed(self(), placement.get()); }, true);
  }

  spore_io_traits traits_{};
  IoDescription description_;
  Result<void> described_;
  std::vector<uint64_t> bases_;
  std::vector<uint32_t> gsis_;
};

// What a policy decided, with its reason as text.
struct PolicyPlan {
  uint64_t boot_bytes;
  uint64_t region_bytes;
  uint64_t requested_bytes;
  uint64_t block_bytes;
  uint64_t slot_bytes;
  std::string reason;
};
struct PolicyAction {
  uint32_t change;
  uint64_t requested_bytes;
  uint64_t tick_ms;
  std::string reason;
};

class PolicyHandle : public Handle<spore_memory_policy_ops> {
 public:
  using Handle::Handle;
  PolicyHandle(PolicyHandle&&) noexcept = default;
  ~PolicyHandle() {
    if (there()) check_unknown_event();
  }

  [[nodiscard]] Result<PolicyPlan> plan(const spore_memory_request& request, const spore_memory_facts& facts) {
    const HostAge age = next_age();
    const Handed<spore_memory_request> handed_request(age, request, kPoison);
    const Handed<spore_memory_facts> handed_facts(age, facts, kPoison);
    HandedText reason;
    spore_memory_plan content{};
    content.reason = reason.get();
    Handed<spore_memory_plan> out(age, content);
    HandedError error(age);
    const auto call = [&] {
      return ops().plan(self(), handed_request.get(), handed_facts.get(), out.get(), error.get());
    };
    const spore_status status = enter("plan", call, true);
    out.check(host_->checks(), "plan");
    SPORE_CHECK(error.outcome(status, host_->checks(), "plan"));
    const spore_memory_plan plan = out.value();
    host_->checks().require(plan.reserved == 0, 26, "plan wrote into a reserved field");
    return PolicyPlan{plan.boot_bytes,      plan.region_bytes,
                      plan.requested_bytes, plan.block_bytes,
                      plan.slot_bytes,      reason.check(plan.reason, host_->checks(), "plan").value_or("")};
  }

  [[nodiscard]] PolicyAction on_event(const spore_memory_event& event, const spore_memory_state& state) {
    const HostAge age = next_age();
    const Handed<spore_memory_event> handed_event(age, event, kPoison);
    const Handed<spore_memory_state> handed_state(age, state, kPoison);
    HandedText reason;
    spore_memory_action content{};
    content.reason = reason.get();
    Handed<spore_memory_action> out(age, content);
    enter(
        "on_event", [&] { ops().on_event(self(), handed_event.get(), handed_state.get(), out.get()); }, true);
    out.check(host_->checks(), "on_event");
    const spore_memory_action action = out.value();
    return {action.change, action.requested_bytes, action.tick_ms,
            reason.check(action.reason, host_->checks(), "on_event").value_or("")};
  }

 private:
  void check_unknown_event() {
    spore_memory_event event{};
    event.type = 0x7fffffff;
    const PolicyAction action = on_event(event, {});
    host_->checks().require(action.change == 0 && action.tick_ms == 0, 27, "on_event acts on an event that is unknown");
  }
};

} // namespace spore::testing

// I/O devices and memory policies that break one rule of docs/sdk.md each, named after it, and good ones.
#include <unistd.h>

#include "manners.hpp"

namespace {

using namespace manners;

struct Nothing {};

// ---- I/O devices
// -----------------------------------------------------------------------------------------------------

constexpr spore_io_window window(uint32_t space, uint64_t base, uint64_t bytes, uint64_t alignment = 0) {
  spore_io_window w{};
  w.size = sizeof w;
  w.space = space;
  w.base = base;
  w.bytes = bytes;
  w.alignment = alignment;
  return w;
}
constexpr spore_io_irq irq(uint32_t trigger, uint32_t reserved = 0) {
  spore_io_irq i{};
  i.size = sizeof i;
  i.trigger = trigger;
  i.gsi = SPORE_ANY_IRQ;
  i.reserved = reserved;
  return i;
}

// What a device says of itself; the good one's at first.
struct Said {
  spore_io_window window = manners_window();
  spore_io_irq irq = ::irq(SPORE_TRIGGER_EDGE);
  const char* acpi_hid = "QEMU0001";
  uint32_t window_count = 1;
  bool null_window = false;
  bool changes = false;

  static constexpr spore_io_window manners_window() { return ::window(SPORE_IO_PORT, SPORE_ANY_BASE, 4); }
};

template <const Said& said>
spore_status describe_io(void* /*self*/, spore_io_traits* out, spore_error* /*error*/) {
  static const spore_io_window* windows[] = {said.null_window ? nullptr : &said.window};
  static const spore_io_irq* irqs[] = {&said.irq};
  static uint32_t asked = 0;
  spore_io_traits own{};
  own.window_count = said.window_count;
  own.windows = windows;
  own.irq_count = said.changes ? asked++ % 2 : 1;
  own.irqs = irqs;
  own.acpi_hid = string(said.acpi_hid);
  SPORE_FILL(spore_io_traits, out, &own);
  return SPORE_OK;
}

template <const Said& said>
spore_status create_io(const spore_host* /*host*/, spore_string /*options*/, spore_object* out,
                       spore_error* /*error*/) {
  static const spore_io_device_ops kOps = [] {
    spore_io_device_ops ops{};
    ops.size = sizeof ops;
    ops.destroy = [](void* self) { delete static_cast<Nothing*>(self); };
    ops.query_interface = [](void*, spore_string) -> const void* { return nullptr; };
    ops.describe = &describe_io<said>;
    ops.placed = [](void*, const spore_io_placement*) {};
    ops.read = [](void*, uint32_t, uint64_t, void* data, uint32_t bytes) { std::memset(data, 0, bytes); };
    ops.write = [](void*, uint32_t, uint64_t, const void*, uint32_t) {};
    return ops;
  }();
  *out = {&kOps, new Nothing};
  return SPORE_OK;
}

constexpr spore_io_window without_size() {
  spore_io_window w = window(SPORE_IO_MMIO, SPORE_ANY_BASE, 4096);
  w.size = 0;
  return w;
}

const Said kGood{};
const Said kMmio{.window = window(SPORE_IO_MMIO, 0x9000000, 4096), .irq = irq(SPORE_TRIGGER_LEVEL)};
const Said kSpace{.window = window(7, SPORE_ANY_BASE, 4)};
const Said kNoLength{.window = window(SPORE_IO_MMIO, SPORE_ANY_BASE, 0)};
const Said kBeyondPorts{.window = window(SPORE_IO_PORT, 0xfffe, 4)};
const Said kAlignment{.window = window(SPORE_IO_MMIO, SPORE_ANY_BASE, 4096, 3)};
const Said kNoWindow{.null_window = true};
const Said kManyWindows{.window_count = SPORE_IO_WINDOWS_MAX + 1, .null_window = true};
const Said kTrigger{.irq = irq(3)};
const Said kHid{.acpi_hid = "toolong99"};
const Said kNoSize{.window = without_size()};
const Said kReserved{.irq = irq(SPORE_TRIGGER_EDGE, 1)};
const Said kChanges{.changes = true};

// ---- policies
// --------------------------------------------------------------------------------------------------------

using Plan = decltype(spore_memory_policy_ops::plan);
using OnEvent = decltype(spore_memory_policy_ops::on_event);

spore_status good_plan(void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan* out,
                       spore_error*) {
  out->boot_bytes = 64 << 20;
  spore_put(&out->reason, "because", 7);
  return SPORE_OK;
}
void good_event(void*, const spore_memory_event*, const spore_memory_state*, spore_memory_action*) {}

spore_status plan_without_reason(void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan*,
                                 spore_error*) {
  return SPORE_E_NO_MEMORY;
}
spore_status plan_beyond(void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan* out,
                         spore_error*) {
  std::memset(reinterpret_cast<char*>(out) + SPORE_10_BYTES(spore_memory_plan), 1, 8);
  return SPORE_OK;
}
void act_on_all(void*, const spore_memory_event*, const spore_memory_state*, spore_memory_action* out) {
  out->change = 1;
  out->requested_bytes = 0;
}

template <Plan plan, OnEvent on_event>
spore_status create_policy(const spore_host*, spore_string, spore_object* out, spore_error*) {
  static const spore_memory_policy_ops kOps = [] {
    spore_memory_policy_ops ops{};
    ops.size = sizeof ops;
    ops.destroy = [](void* self) { delete static_cast<Nothing*>(self); };
    ops.query_interface = [](void*, spore_string) -> const void* { return nullptr; };
    ops.plan = plan;
    ops.on_event = on_event;
    return ops;
  }();
  *out = {&kOps, new Nothing};
  return SPORE_OK;
}

// ---- what does not come into being
// -----------------------------------------------------------------------------------

spore_status leave_a_pipe(const spore_host*, spore_string, spore_object*, spore_error* error) {
  int ends[2];
  (void)!::pipe(ends);
  spore_put(&error->text, "no", 2);
  return SPORE_E_IO;
}
spore_status give_nothing(const spore_host*, spore_string, spore_object*, spore_error*) {
  return SPORE_OK;
}
spore_status leave_out_a_function(const spore_host*, spore_string, spore_object* out, spore_error*) {
  static spore_memory_policy_ops ops{};
  ops.size = sizeof ops;
  static Nothing nothing;
  *out = {&ops, &nothing};
  return SPORE_OK;
}

constexpr uint32_t kIo = SPORE_KIND_IO_DEVICE;
constexpr uint32_t kPolicy = SPORE_KIND_MEMORY_POLICY;
const std::array kAll{
    Listed{kIo, "good-io", &create_io<kGood>},
    Listed{kIo, "good-io-mmio", &create_io<kMmio>},
    Listed{kIo, "sdk-21-irqs", &create_io<kChanges>},
    Listed{kIo, "sdk-25-space", &create_io<kSpace>},
    Listed{kIo, "sdk-25-no-length", &create_io<kNoLength>},
    Listed{kIo, "sdk-25-beyond-ports", &create_io<kBeyondPorts>},
    Listed{kIo, "sdk-25-alignment", &create_io<kAlignment>},
    Listed{kIo, "sdk-25-no-window", &create_io<kNoWindow>},
    Listed{kIo, "sdk-25-many-windows", &create_io<kManyWindows>},
    Listed{kIo, "sdk-25-trigger", &create_io<kTrigger>},
    Listed{kIo, "sdk-25-acpi-hid", &create_io<kHid>},
    Listed{kIo, "sdk-15-window", &create_io<kNoSize>},
    Listed{kIo, "sdk-26-irq-reserved", &create_io<kReserved>},
    Listed{kPolicy, "good-policy", &create_policy<&good_plan, &good_event>},
    Listed{kPolicy, "sdk-8-plan", &create_policy<&plan_without_reason, &good_event>},
    Listed{kPolicy, "sdk-26-plan", &create_policy<&plan_beyond, &good_event>},
    Listed{kPolicy, "sdk-27-unknown-event", &create_policy<&good_plan, &act_on_all>},
    Listed{kPolicy, "sdk-9-leaves", &leave_a_pipe},
    Listed{kPolicy, "sdk-9-nothing", &give_nothing},
    Listed{kPolicy, "sdk-9-null", &leave_out_a_function},
};

} // namespace

extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) {
  static const spore_plugin* plugin = describe_plugin("rude-others", kAll);
  return plugin;
}

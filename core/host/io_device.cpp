#include "core/host/io_device.hpp"

#include <algorithm>
#include <bit>

#include "core/arch/io_names.hpp"
#include "core/base/foreign_text.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

constexpr uint64_t kLongestName = 63; // of those that a guest's tables take

// The widths that a device sees: 1, 2, 4 or 8 bytes. A guest's access over a border arrives in others.
template <typename Byte, typename Access>
void in_widths(uint64_t offset, std::span<Byte> data, Access&& access) {
  while (!data.empty()) {
    const size_t width = std::min<size_t>(8, std::bit_floor(data.size()));
    access(offset, data.first(width));
    data = data.subspan(width);
    offset += width;
  }
}

IoDevice& of(void* context) {
  return *static_cast<IoDevice*>(context);
}

// The elements of an array of pointers to sized structs; nothing where one is NULL or too short.
template <typename Struct>
std::optional<std::vector<Struct>> elements(const Struct* const* from, uint32_t count) {
  std::vector<Struct> all;
  for (uint32_t i = 0; i < count; ++i) {
    if (from == nullptr || from[i] == nullptr) return std::nullopt;
    const auto one = spore::detail::taken(from[i]);
    if (!one) return std::nullopt;
    all.push_back(*one);
  }
  return all;
}

} // namespace

IoDevice::IoDevice(std::string name, const DeviceSurroundings& around)
    : Device(std::move(name), around), lock_(Device::name()) {
  interrupts_.size = sizeof interrupts_;
  interrupts_.context = this;
  interrupts_.pulse = [](void* c, uint32_t index) { of(c).pulse(index); };
  interrupts_.set_level = [](void* c, uint32_t index, uint32_t level) { of(c).set_level(index, level != 0); };
}

IoDevice::~IoDevice() {
  if (host_) host_->release();
}

Result<void> IoDevice::make(const plugin::Found& found, const std::string& options) {
  make_host(options, lock_, SPORE_INTERRUPTS_1, &interrupts_);
  SPORE_TRY(object_, create(found, options));
  SPORE_TRY(const Traits traits, described());
  SPORE_TRY(const Traits again, described());
  if (traits != again)
    return fail(SPORE_E_INVALID, found.plugin->origin() + ": describe does not say the same twice (SDK-21)");
  if (auto done = place(traits); !done) return done.error().in(found.plugin->origin()).in("device '" + name_ + "'");
  tell_place();
  return {};
}

Result<IoDevice::Traits> IoDevice::described() const {
  spore_io_traits raw{};
  raw.size = sizeof raw;
  SPORE_CHECK(
      object_.ask("describe", [&](spore_error* error) { return ops()->describe(object_.self(), &raw, error); }));
  if (raw.size != sizeof raw || raw.reserved != 0) return broken_fill("describe").in(object_.origin());
  if (raw.window_count > SPORE_IO_WINDOWS_MAX || raw.irq_count > SPORE_IO_IRQS_MAX)
    return fail(SPORE_E_INVALID, object_.origin() + " describes more windows or interrupts than there can be (SDK-25)");
  const auto windows = elements(raw.windows, raw.window_count);
  const auto irqs = elements(raw.irqs, raw.irq_count);
  if (!windows || !irqs)
    return fail(SPORE_E_INVALID, object_.origin() +
                                     " describes a window or an interrupt that is NULL, or whose size is "
                                     "not set (SDK-26)");
  Traits traits;
  for (const spore_io_window& window : *windows)
    traits.windows.push_back({window.space, window.base, window.bytes, window.alignment});
  for (const spore_io_irq& irq : *irqs) {
    if (irq.reserved != 0)
      return fail(SPORE_E_INVALID, object_.origin() + " describes an interrupt that sets what is reserved (SDK-26)");
    traits.irqs.push_back({irq.trigger, irq.gsi});
  }
  if (raw.acpi_hid.length > kLongestName || raw.fdt_compatible.length > kLongestName)
    return fail(SPORE_E_INVALID, object_.origin() + " describes a name that is longer than " +
                                     std::to_string(kLongestName) + " bytes (SDK-25)");
  traits.acpi_hid = spore::from_abi(raw.acpi_hid);
  traits.fdt_compatible = spore::from_abi(raw.fdt_compatible);
  return traits;
}

Result<void> IoDevice::place(const Traits& traits) {
  IoNode node{traits.acpi_hid, traits.fdt_compatible, {}, {}};
  SPORE_CHECK(arch::check_io_names(node));
  for (uint32_t i = 0; i < traits.windows.size(); ++i) {
    const Window& window = traits.windows[i];
    if (window.space != SPORE_IO_PORT && window.space != SPORE_IO_MMIO)
      return fail(SPORE_E_INVALID, "window " + std::to_string(i) + " is in the unknown space " +
                                       std::to_string(window.space) +
                                       "; there are SPORE_IO_PORT and SPORE_IO_MMIO (SDK-25)");
    auto base = around_.places.window(window.space, window.base, window.bytes, window.alignment, name_);
    if (!base) return base.error().in("window " + std::to_string(i));
    const bool port = window.space == SPORE_IO_PORT;
    node.windows.push_back({port, {*base, window.bytes}});
    registers_.push_back(std::make_unique<Registers>(*this, i));
    SPORE_CHECK((port ? around_.ports : around_.mmio).insert(*base, window.bytes, name_, *registers_.back()));
  }
  for (const Irq& irq : traits.irqs) {
    const bool level = irq.trigger == SPORE_TRIGGER_LEVEL;
    if (!level && irq.trigger != SPORE_TRIGGER_EDGE)
      return fail(SPORE_E_INVALID, "interrupt trigger " + std::to_string(irq.trigger) +
                                       " is neither SPORE_TRIGGER_EDGE nor SPORE_TRIGGER_LEVEL (SDK-25)");
    if (level && !around_.backend.can(SPORE_CAN_LEVEL))
      return fail(SPORE_E_UNSUPPORTED, "it has a level-triggered interrupt, which this machine's backend cannot make");
    SPORE_TRY(const uint32_t gsi, around_.places.interrupt(irq.gsi, name_));
    node.irqs.push_back({gsi, level});
  }
  node_ = std::move(node);
  placed_.store(true, std::memory_order_release);
  return {};
}

void IoDevice::tell_place() {
  std::vector<uint64_t> bases;
  std::vector<uint32_t> gsis;
  for (const IoWindowPlace& window : node_.windows) bases.push_back(window.range.gpa);
  for (const IoIrqPlace& irq : node_.irqs) gsis.push_back(irq.gsi);
  spore_io_placement placement{};
  placement.size = sizeof placement;
  placement.bases = bases.data();
  placement.gsis = gsis.data();
  const std::lock_guard lock(lock_);
  call_plugin(object_.who(), "placed", [&] { ops()->placed(object_.self(), &placement); });
}

// ---- interrupts ----------------------------------------------------------------------------------------------------

bool IoDevice::has_line(uint32_t index, bool level) {
  const bool has =
      placed_.load(std::memory_order_acquire) && index < node_.irqs.size() && node_.irqs[index].level == level;
  if (!has) wrong_lines_.fetch_add(1, std::memory_order_relaxed);
  return has;
}

void IoDevice::pulse(uint32_t index) {
  if (has_line(index, false)) around_.backend.pulse_irq(node_.irqs[index].gsi);
}

void IoDevice::set_level(uint32_t index, bool high) {
  if (has_line(index, true)) around_.backend.set_irq_line(node_.irqs[index].gsi, high);
}

std::map<std::string, uint64_t> IoDevice::counters() {
  auto values = Device::counters();
  if (const uint64_t wrong = wrong_lines_.load(std::memory_order_relaxed); wrong != 0) values["wrong-lines"] = wrong;
  return values;
}

// ---- registers -----------------------------------------------------------------------------------------------------

void IoDevice::Registers::read(uint64_t offset, std::span<uint8_t> data) {
  const std::lock_guard lock(device_.lock_);
  in_widths(offset, data, [&](uint64_t at, std::span<uint8_t> part) {
    call_plugin(device_.object_.who(), "read", [&] {
      device_.ops()->read(device_.object_.self(), index_, at, part.data(), static_cast<uint32_t>(part.size()));
    });
  });
}

void IoDevice::Registers::write(uint64_t offset, std::span<const uint8_t> data) {
  const std::lock_guard lock(device_.lock_);
  in_widths(offset, data, [&](uint64_t at, std::span<const uint8_t> part) {
    call_plugin(device_.object_.who(), "write", [&] {
      device_.ops()->write(device_.object_.self(), index_, at, part.data(), static_cast<uint32_t>(part.size()));
    });
  });
}

} // namespace sporehost

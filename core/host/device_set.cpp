#include "core/host/device_set.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/foreign_text.hpp"
#include "core/base/log_level.hpp"
#include "core/base/size.hpp"
#include "core/config/option_schema.hpp"
#include "core/virtio/mmio_transport.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

// The virtio host puts the device's name before each line itself.
void log_line(int32_t level, std::string_view text) {
  spdlog::log(spdlog_level(level), "{}", text);
}

class VirtioLock final : public DeviceLock {
 public:
  explicit VirtioLock(VirtioHost& host) : host_(host) {}
  void lock() override { host_.lock(); }
  void unlock() override { host_.unlock(); }

 private:
  VirtioHost& host_;
};

} // namespace

bool uses_elastic_memory(const plugin::Factory& factory) {
  return std::find(factory.uses.begin(), factory.uses.end(), SPORE_ELASTIC_MEMORY_1) != factory.uses.end();
}

std::string one_owner(const std::string& device, const std::string& owner) {
  return "device '" + device + "' wants the region to plug, which device '" + owner +
         "' has; a machine has one region, so remove one of the two";
}

Result<plugin::Found> find_device(plugin::Registry& registry, const PluginUse& use, const std::string& file) {
  static constexpr uint32_t kDeviceKinds[] = {SPORE_KIND_VIRTIO_DEVICE, SPORE_KIND_IO_DEVICE};
  auto found = registry.find(kDeviceKinds, use.plugin);
  if (!found) return found.error().in(format_position(file, use.at));
  return found;
}

// ---- what all devices have -----------------------------------------------------------------------------------------

class DeviceSet::Device {
 public:
  explicit Device(std::string name) : name_(std::move(name)) {}
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] virtual std::optional<MmioSlot> mmio_slot() const { return std::nullopt; }
  [[nodiscard]] virtual std::string_view hardware_id() const { return {}; }
  [[nodiscard]] virtual ResizableMemory resizable_memory() const { return {}; }
  virtual void arm_doorbells() {}
  [[nodiscard]] virtual std::map<std::string, uint64_t> counters() { return host_->counters(); }

 protected:
  // Makes the plugin's object. A device that asked for what another has failed for that reason, whatever it says.
  Result<plugin::PluginObject> create(const Surroundings& around, const plugin::Found& found,
                                      const std::string& options) const {
    auto object = around.registry.create(found, *host_->table(), options);
    if (object || !refused_elastic_) return object;
    return fail(SPORE_E_EXISTS, one_owner(name_, around.elastic->owner()) + " (" + object.error().text + ")");
  }

  // The object's host with the services every device may ask for, and `own` for its kind.
  void make_host(const Surroundings& around, std::string options, DeviceLock& lock, const char* own_name,
                 const void* own) {
    streams_ = around.streams.client(lock);
    auto interfaces = [this, own_name, own, elastic = around.elastic,
                       streams = streams_->table()](std::string_view name) -> const void* {
      if (name == own_name) return own;
      if (name == SPORE_STREAMS_1) return streams;
      if (name == SPORE_ELASTIC_MEMORY_1 && elastic != nullptr) return claim(*elastic);
      return nullptr;
    };
    host_ = std::make_unique<ObjectHost>(
        name_, std::move(options),
        ObjectHost::Surroundings{&around.loop, &around.memory, &lock, std::move(interfaces)});
  }

  std::string name_;
  std::unique_ptr<StreamHub::Client> streams_;
  std::unique_ptr<ObjectHost> host_; // outlives the object that uses it

 private:
  const spore_elastic_memory* claim(ElasticService& elastic) {
    const auto* table = elastic.claim(name_);
    refused_elastic_ = table == nullptr;
    if (refused_elastic_) spdlog::warn("{}", one_owner(name_, elastic.owner()));
    return table;
  }

  std::atomic<bool> refused_elastic_{false};
};

// ---- virtio devices behind the shared virtio-mmio transport --------------------------------------------------------

class DeviceSet::VirtioMmioDevice final : public Device {
 public:
  VirtioMmioDevice(std::string name, const Surroundings& around, const MmioSlot& slot)
      : Device(std::move(name)),
        loop_(around.loop),
        backend_(around.backend),
        slot_(slot),
        transport_(virtio_config(around)),
        virtio_(transport_.host()),
        lock_(virtio_),
        registers_(transport_) {}

  ~VirtioMmioDevice() override {
    for (const Doorbell& doorbell : doorbells_) {
      loop_.unwatch(doorbell.notifier.fd());
      backend_.remove_doorbell(describe(doorbell));
    }
  }

  Result<void> make(const Surroundings& around, const plugin::Found& found, const std::string& options) {
    make_host(around, options, lock_, SPORE_VIRTIO_1, virtio_.table());
    SPORE_TRY(object_, create(around, found, options));
    if (auto attached = virtio_.attach(object_.release(), object_.who()); !attached)
      return attached.error().in(found.plugin->origin());
    return around.mmio.insert(slot_.gpa, slot_.bytes, name_, registers_);
  }

  [[nodiscard]] std::optional<MmioSlot> mmio_slot() const override { return slot_; }

  [[nodiscard]] ResizableMemory resizable_memory() const override {
    const auto* table =
        static_cast<const spore_resizable_memory*>(virtio_.personality().query_interface(SPORE_RESIZABLE_MEMORY_1));
    return {table, virtio_.personality().self()};
  }

  void arm_doorbells() override {
    for (uint32_t queue = 0; queue < virtio_.personality().traits().queue_count; ++queue)
      if (!arm(queue)) return;
  }

  [[nodiscard]] std::map<std::string, uint64_t> counters() override {
    auto values = Device::counters();
    const VirtioCounters c = virtio_.counters();
    values["virtio.notifications"] = c.notifications;
    values["virtio.chains"] = c.chains;
    values["virtio.malformed"] = c.malformed;
    values["virtio.interrupts"] = c.interrupts;
    values["virtio.config-interrupts"] = c.config_interrupts;
    values["virtio.violations"] = c.violations;
    values["virtio.resets"] = c.resets;
    values["virtio.needs-reset"] = c.needs_reset;
    return values;
  }

 private:
  class Registers final : public BusHandler {
   public:
    explicit Registers(MmioTransport& transport) : transport_(transport) {}
    void read(uint64_t offset, std::span<uint8_t> data) override { transport_.mmio_read(offset, data); }
    void write(uint64_t offset, std::span<const uint8_t> data) override { transport_.mmio_write(offset, data); }

   private:
    MmioTransport& transport_;
  };
  struct Doorbell {
    uint32_t queue;
    Notifier notifier;
  };

  VirtioHostConfig virtio_config(const Surroundings& around) {
    return {.name = name_,
            .memory = &around.memory,
            .pulse = [&backend = around.backend, gsi = slot_.gsi] { backend.pulse_irq(gsi); },
            .reschedule = [this](uint32_t queue) { loop_.post([this, queue] { virtio_.service_queue(queue); }); },
            .log = log_line};
  }

  [[nodiscard]] spore_doorbell describe(const Doorbell& doorbell) const {
    return {.size = sizeof(spore_doorbell),
            .port_space = 0,
            .address = slot_.gpa + MmioTransport::kDoorbellOffset,
            .bytes = MmioTransport::kDoorbellBytes,
            .match = 1,
            .value = MmioTransport::doorbell_value(doorbell.queue),
            .fd = doorbell.notifier.write_fd(),
            .reserved = 0};
  }

  bool arm(uint32_t queue) {
    auto notifier = make_notifier();
    if (!notifier) return false;
    Doorbell doorbell{queue, std::move(*notifier)};
    if (auto added = backend_.add_doorbell(describe(doorbell)); !added) {
      spdlog::debug("{}: no doorbell: {}", name_, added.error().text);
      return false;
    }
    const Notifier& rings = doorbells_.emplace_back(std::move(doorbell)).notifier;
    const auto serve = [this, at = doorbells_.size() - 1, queue](uint32_t) {
      doorbells_[at].notifier.clear();
      virtio_.service_queue(queue);
    };
    return loop_.watch(rings.fd(), SPORE_FD_READABLE, serve).ok();
  }

  EventLoop& loop_;
  Backend& backend_;
  MmioSlot slot_;
  plugin::PluginObject object_; // empty once attached; keeps the plugin's code
  MmioTransport transport_;
  VirtioHost& virtio_;
  VirtioLock lock_;
  Registers registers_;
  std::vector<Doorbell> doorbells_;
};

// ---- devices with registers of their own ---------------------------------------------------------------------------

class DeviceSet::PlainIoDevice final : public Device {
 public:
  PlainIoDevice(std::string name, const Surroundings& around)
      : Device(std::move(name)), backend_(around.backend), lock_(Device::name()) {}

  Result<void> make(const Surroundings& around, const plugin::Found& found, const std::string& options) {
    interrupts_ = {sizeof(spore_interrupts), this, [](void* c, uint32_t index) {
                     auto& self = *static_cast<PlainIoDevice*>(c);
                     if (index < self.traits_.irq_count) self.backend_.pulse_irq(self.traits_.irqs[index]);
                   }};
    make_host(around, options, lock_, SPORE_INTERRUPTS_1, &interrupts_);
    SPORE_TRY(object_, create(around, found, options));
    SPORE_TRY(traits_, described());
    SPORE_TRY(const spore_io_traits again, described());
    constexpr size_t kDescribed = offsetof(spore_io_traits, hardware_id) + sizeof(spore_io_traits::hardware_id);
    if (std::memcmp(&traits_, &again, kDescribed) != 0) // what is behind it is padding
      return fail(SPORE_E_INVALID, found.plugin->origin() + ": describe does not say the same twice (SDK-21)");
    clean_field(traits_.hardware_id);
    if (traits_.window_count > SPORE_IO_WINDOWS_MAX || traits_.irq_count > SPORE_IO_IRQS_MAX)
      return fail(SPORE_E_INVALID,
                  found.plugin->origin() + " describes more windows or interrupts than there can be (SDK-25)");
    for (uint32_t i = 0; i < traits_.window_count; ++i) {
      const spore_io_window& window = traits_.windows[i];
      if (window.space != SPORE_IO_PORT && window.space != SPORE_IO_MMIO)
        return fail(SPORE_E_INVALID, found.plugin->origin() + " describes window " + std::to_string(i) +
                                         " in the unknown space " + std::to_string(window.space) +
                                         "; there are SPORE_IO_PORT and SPORE_IO_MMIO");
      windows_.push_back(std::make_unique<Window>(*this, i));
      Bus& bus = window.space == SPORE_IO_PORT ? around.ports : around.mmio;
      if (auto claimed = bus.insert(window.base, window.bytes, name_, *windows_.back()); !claimed)
        return claimed.error().in(found.plugin->origin());
    }
    return {};
  }

  ~PlainIoDevice() override {
    if (host_) host_->release();
  }

  [[nodiscard]] std::string_view hardware_id() const override { return traits_.hardware_id; }
  [[nodiscard]] std::span<const uint32_t> interrupts() const { return {traits_.irqs, traits_.irq_count}; }

 private:
  class Window final : public BusHandler {
   public:
    Window(PlainIoDevice& device, uint32_t index) : device_(device), index_(index) {}
    void read(uint64_t offset, std::span<uint8_t> data) override {
      const std::lock_guard lock(device_.lock_);
      call_plugin(device_.object_.who(), "read", [&] {
        device_.ops()->read(device_.object_.self(), index_, offset, data.data(), static_cast<uint32_t>(data.size()));
      });
    }
    void write(uint64_t offset, std::span<const uint8_t> data) override {
      const std::lock_guard lock(device_.lock_);
      call_plugin(device_.object_.who(), "write", [&] {
        device_.ops()->write(device_.object_.self(), index_, offset, data.data(), static_cast<uint32_t>(data.size()));
      });
    }

   private:
    PlainIoDevice& device_;
    uint32_t index_;
  };

  [[nodiscard]] NotedOps<spore_io_device_ops> ops() const { return object_.ops<spore_io_device_ops>(); }
  [[nodiscard]] Result<spore_io_traits> described() const {
    spore_io_traits traits{};
    traits.size = sizeof traits;
    if (call_plugin(object_.who(), "describe", [&] { ops()->describe(object_.self(), &traits); })) return traits;
    return fail(SPORE_E_INTERNAL, object_.origin() + ": describe let an exception out (SDK-7)");
  }

  Backend& backend_;
  PlainDeviceLock lock_;
  spore_interrupts interrupts_{};
  spore_io_traits traits_{};
  plugin::PluginObject object_;
  std::vector<std::unique_ptr<Window>> windows_;
};

// ---- the set -------------------------------------------------------------------------------------------------------

DeviceSet::DeviceSet(Surroundings around) : around_(std::move(around)) {
  if (const auto button = around_.board.power_button_gsi()) interrupt_owners_[*button] = "the board's power button";
}

// An edge says nothing of who made it, so no two devices share one.
Result<void> DeviceSet::claim_interrupt(uint32_t gsi, const std::string& device) {
  if (gsi >= around_.board.interrupts())
    return fail(SPORE_E_RANGE, "interrupt " + std::to_string(gsi) + " does not exist; the board has 0 to " +
                                   std::to_string(around_.board.interrupts() - 1));
  const auto [owner, free] = interrupt_owners_.try_emplace(gsi, "device '" + device + "'");
  if (free) return {};
  return fail(SPORE_E_EXISTS, "interrupt " + std::to_string(gsi) + " belongs to " + owner->second +
                                  "; the device needs another one, or remove one of the two");
}

// In reverse order of creation.
DeviceSet::~DeviceSet() {
  while (!devices_.empty()) devices_.pop_back();
}

Result<void> DeviceSet::add(const PluginUse& use) {
  SPORE_TRY(const plugin::Found found, find_device(around_.registry, use, around_.file));
  SPORE_TRY(const std::string options, validate_options(use.options, found.factory->options_schema, use.plugin));
  if (auto added = add_object(found, use.name, options); !added)
    return added.error().in(format_position(around_.file, use.at));
  return {};
}

Result<void> DeviceSet::add_object(const plugin::Found& found, const std::string& name, const std::string& options) {
  if (around_.elastic == nullptr && uses_elastic_memory(*found.factory)) {
    spdlog::debug("{}: left out: this machine has no elastic memory", name);
    return {};
  }
  return found.factory->kind == SPORE_KIND_VIRTIO_DEVICE ? add_virtio(found, name, options)
                                                         : add_io(found, name, options);
}

Result<void> DeviceSet::add_virtio(const plugin::Found& found, const std::string& name, const std::string& options) {
  const auto slot = around_.board.virtio_slot(virtio_count_);
  if (!slot) return slot.error().in("device '" + name + "'");
  if (auto claimed = claim_interrupt(slot->gsi, name); !claimed) return claimed.error().in("device '" + name + "'");
  auto device = std::make_unique<VirtioMmioDevice>(name, around_, *slot);
  SPORE_CHECK(device->make(around_, found, options));
  devices_.push_back(std::move(device));
  ++virtio_count_;
  return {};
}

Result<void> DeviceSet::add_io(const plugin::Found& found, const std::string& name, const std::string& options) {
  auto device = std::make_unique<PlainIoDevice>(name, around_);
  SPORE_CHECK(device->make(around_, found, options));
  for (const uint32_t gsi : device->interrupts())
    if (auto claimed = claim_interrupt(gsi, name); !claimed)
      return claimed.error().in(found.plugin->origin()).in("device '" + name + "'");
  devices_.push_back(std::move(device));
  return {};
}

void DeviceSet::remove(std::string_view name) {
  std::erase_if(devices_, [&](const auto& device) { return device->name() == name; });
}

Result<void> DeviceSet::check_plugs(uint64_t region_bytes) const {
  if (region_bytes == 0 || resizable_memory().table != nullptr) return {};
  return fail(SPORE_E_NOT_FOUND, "the memory policy plans " + format_size(region_bytes) +
                                     " to plug, but no device of this machine plugs memory; add virtio-mem to "
                                     "`devices`");
}

std::vector<MmioSlot> DeviceSet::mmio_slots() const {
  std::vector<MmioSlot> slots;
  for (const auto& device : devices_)
    if (const auto slot = device->mmio_slot()) slots.push_back(*slot);
  return slots;
}

bool DeviceSet::has_hardware(std::string_view hardware_id) const {
  return std::any_of(devices_.begin(), devices_.end(),
                     [&](const auto& device) { return device->hardware_id() == hardware_id; });
}

ResizableMemory DeviceSet::resizable_memory() const {
  for (const auto& device : devices_)
    if (const ResizableMemory found = device->resizable_memory(); found.table != nullptr) return found;
  return {};
}

void DeviceSet::arm_doorbells() {
  for (const auto& device : devices_) device->arm_doorbells();
}

std::map<std::string, std::map<std::string, uint64_t>> DeviceSet::counters() const {
  std::map<std::string, std::map<std::string, uint64_t>> all;
  for (const auto& device : devices_) all[device->name()] = device->counters();
  return all;
}

} // namespace sporehost

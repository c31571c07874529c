// A stranger's virtio-mem in one file (VIRTIO 1.2 section 5.15), smaller than the project's own: no saved state, no
// options, no compatibility with drivers that read unplugged memory.
//
// What it can do that the project's cannot: with `options: {portion: 2GiB}` it hands memory out in portions. A new
// requested size is shown to the driver in steps of at most that much, the next one when the step before is plugged.
// Every request is counted in `second.plugs`, `second.unplugs` and `second.refusals`, and each step has a line in the
// log.
//
// To use it, put virtio-mem.so into a folder that comes before the project's own, as with --plugin-path.
#include <sporehost/device_lock.hpp>
#include <sporehost/virtio_device.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

namespace {

constexpr unsigned kUnpluggedInaccessible = 1;         // feature bit
constexpr uint64_t kMemoryBlock = uint64_t{128} << 20; // what Linux adds at once
constexpr uint16_t kQueueSizes[] = {16};

enum Type : uint16_t { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum Answer : uint16_t { ACK, NACK, BUSY, ERROR };

// Little-endian, as both architectures of this project are.
struct Config {
  uint64_t block_size;
  uint16_t node_id;
  uint8_t padding[6];
  uint64_t addr;
  uint64_t region_size;
  uint64_t usable_region_size;
  uint64_t plugged_size;
  uint64_t requested_size;
};
static_assert(sizeof(Config) == 56);

struct Request {
  uint16_t type;
  uint8_t padding[6];
  uint64_t addr;
  uint16_t blocks;
  uint8_t more_padding[6];
};
static_assert(sizeof(Request) == 24);

struct Reply {
  uint16_t answer = ERROR;
  uint16_t state = 0;
};

class SecondVirtioMem final : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"virtio-mem", "a second virtio-mem, which can hand memory out in portions",
                                           R"({
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "portion": {
        "type": ["string", "integer"], "format": "size",
        "description": "The most that is requested from the guest at once; without it all of it."
      }
    }
  })",
                                           SPORE_ELASTIC_MEMORY_1};

  static spore::Result<std::unique_ptr<SecondVirtioMem>> create(spore::Host host, std::string_view json) {
    SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host));
    SPORE_TRY(const spore::DeviceLock lock, spore::DeviceLock::of(host));
    SPORE_TRY(const spore_elastic_memory* elastic, host.require<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1));
    const spore_elastic_info region = ask(elastic);
    const uint64_t block = region.block_bytes;
    if (block == 0 || (block & (block - 1)) != 0 || region.bytes == 0 || region.gpa % block != 0 ||
        region.bytes % block != 0 || region.requested_bytes % block != 0 || region.requested_bytes > region.bytes ||
        region.gpa >> 52 != 0 || region.bytes >> 52 != 0) {
      return spore::fail(SPORE_E_INVALID, "the elastic region is not made of whole blocks; correct the memory policy");
    }
    return std::unique_ptr<SecondVirtioMem>(
        new SecondVirtioMem(host, virtio, lock, elastic, region, spore::Options(json)));
  }

  const void* query_interface(std::string_view name) override {
    return name == SPORE_RESIZABLE_MEMORY_1 ? &kResizable : nullptr;
  }

  void describe(spore_virtio_traits& out) override {
    out.device_id = 24;
    out.features[0] = uint64_t{1} << kUnpluggedInaccessible;
    out.queue_count = std::size(kQueueSizes);
    out.queue_size_max = kQueueSizes;
    out.config_bytes = sizeof(Config);
  }

  void read_config(uint32_t offset, std::span<uint8_t> data) override {
    const Config config{region_.block_bytes, 0, {}, region_.gpa, region_.bytes, usable_, plugged(), requested_};
    if (offset > sizeof config || data.size() > sizeof config - offset) return;
    std::memcpy(data.data(), reinterpret_cast<const uint8_t*>(&config) + offset, data.size());
  }

  spore_status accept_features(const spore::Features& features) override {
    if (features.has(kUnpluggedInaccessible)) return SPORE_OK;
    host_.warn("the driver must take VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE (Linux has it since 5.17)");
    return SPORE_E_UNSUPPORTED;
  }

  spore::Result<void> activate(const spore_virtio_activation& /*activation*/) override {
    active_ = true;
    show(next_step());
    return {};
  }

  void notify(uint32_t queue) override {
    while (const auto chain = virtio_.pop(queue)) answer(*chain);
  }

  // The driver is gone; the memory stays.
  void reset() override {
    active_ = false;
    wake_owed_ = false;
  }

 private:
  SecondVirtioMem(spore::Host host, spore::Virtio virtio, spore::DeviceLock lock, const spore_elastic_memory* elastic,
                  const spore_elastic_info& region, const spore::Options& options)
      : host_(host),
        virtio_(virtio),
        lock_(lock),
        elastic_(elastic),
        region_(region),
        plugs_(host.counter("second.plugs")),
        unplugs_(host.counter("second.unplugs")),
        refusals_(host.counter("second.refusals")),
        portion_(portion_of(options, region)),
        requested_(region.requested_bytes),
        usable_(usable_for(region.requested_bytes)) {}

  static spore_elastic_info ask(const spore_elastic_memory* elastic) {
    spore_elastic_info region{};
    region.size = sizeof region;
    elastic->info(elastic->context, &region);
    return region;
  }

  [[nodiscard]] uint64_t plugged() const { return elastic_->plugged_bytes(elastic_->context); }

  // Up to the end of the memory block after the requested size: Linux leaves a last, partial one unused.
  [[nodiscard]] uint64_t usable_for(uint64_t requested) const {
    const uint64_t granule = std::max(kMemoryBlock, region_.block_bytes);
    const uint64_t end = (region_.gpa + requested + granule - 1) / granule * granule + granule;
    return std::min(end - region_.gpa, region_.bytes);
  }

  // ---- portions ----

  // Whole blocks, at least one; the whole region where there is no such option.
  static uint64_t portion_of(const spore::Options& options, const spore_elastic_info& region) {
    const auto option = options.integer("/portion");
    if (!option) return region.bytes;
    const auto wanted = static_cast<uint64_t>(std::max<int64_t>(*option, 0));
    return std::clamp(wanted / region.block_bytes * region.block_bytes, region.block_bytes, region.bytes);
  }

  // What the policy wants in the end.
  [[nodiscard]] uint64_t target() const { return ask(elastic_).requested_bytes; }

  // What the driver may see now: the target, but no more than a portion above what is plugged.
  [[nodiscard]] uint64_t next_step() const { return std::min(target(), plugged() + portion_); }

  void show(uint64_t requested) {
    const uint64_t usable = std::max(usable_, usable_for(requested));
    if (requested == requested_ && usable == usable_) return;
    requested_ = requested;
    usable_ = usable;
    host_.info("second virtio-mem: the driver is shown " + std::to_string(requested_ >> 20) + " of " +
               std::to_string(target() >> 20) + " MiB");
    virtio_.config_changed();
  }

  // ---- requests ----

  void answer(const spore_chain& chain) {
    Request request{};
    Reply reply;
    if (chain.readable_bytes >= sizeof request && chain.writable_bytes >= 10 &&
        virtio_.read(chain, 0, &request, sizeof request) == SPORE_OK) {
      reply = execute(request);
    }
    if (reply.answer == ERROR) refuse();
    std::array<uint8_t, 10> bytes{};
    std::memcpy(&bytes[0], &reply.answer, 2);
    std::memcpy(&bytes[8], &reply.state, 2);
    auto length = static_cast<uint32_t>(std::min<uint64_t>(bytes.size(), chain.writable_bytes));
    if (length != 0 && virtio_.write(chain, 0, bytes.data(), length) != SPORE_OK) length = 0;
    virtio_.push(chain, length);
    // The step is done: on to the next. After `push`, so that the driver has its answer first.
    if (reply.answer == ACK && request.type == PLUG && requested_ < target() && plugged() == requested_) {
      show(next_step());
    }
  }

  Reply execute(const Request& request) {
    if (request.type == UNPLUG_ALL) return unplug_all();
    if (request.type > STATE) return {};
    const uint64_t block = region_.block_bytes;
    if (request.addr % block != 0 || request.blocks == 0 || request.addr < region_.gpa) return {};
    const uint64_t offset = request.addr - region_.gpa;
    if (offset >= usable_ || request.blocks > (usable_ - offset) / block) return {};
    const uint64_t bytes = request.blocks * block;
    const uint32_t now = elastic_->blocks(elastic_->context, offset, bytes);
    if (request.type == STATE) {
      const uint16_t state = now == SPORE_BLOCKS_PLUGGED ? 0 : now == SPORE_BLOCKS_UNPLUGGED ? 1 : 2;
      return {ACK, state};
    }
    return request.type == PLUG ? plug(offset, bytes, now) : unplug(offset, bytes, now);
  }

  Reply plug(uint64_t offset, uint64_t bytes, uint32_t now) {
    if (now != SPORE_BLOCKS_UNPLUGGED) return {};
    const uint64_t has = plugged();
    if (requested_ < has || bytes > requested_ - has) return {NACK}; // the target may have been lowered meanwhile
    spore::ErrorText error;
    return count(plugs_, elastic_->plug(elastic_->context, offset, bytes, error.out()));
  }

  Reply unplug(uint64_t offset, uint64_t bytes, uint32_t now) {
    if (now != SPORE_BLOCKS_PLUGGED) return {};
    spore::ErrorText error;
    return count(unplugs_, elastic_->unplug(elastic_->context, offset, bytes, error.out()));
  }

  Reply unplug_all() {
    spore::ErrorText error;
    return count(unplugs_, elastic_->unplug_all(elastic_->context, error.out()));
  }

  // What the host cannot do now is BUSY, never the driver's fault: Linux gives up a device that answers ERROR.
  Reply count(spore::Counter counter, spore_status status) {
    if (status != SPORE_OK) {
      wake_owed_ = true;
      return {BUSY};
    }
    ++counter;
    virtio_.config_touched();
    return {ACK};
  }

  void refuse() {
    ++refusals_;
    if (refusals_.value() <= 8) host_.warn("second virtio-mem: the driver's request was wrong");
  }

  // ---- sporehost.resizable-memory/1 ----

  static SecondVirtioMem& of(void* self) {
    return static_cast<SecondVirtioMem&>(*static_cast<spore::VirtioDevice*>(self));
  }

  static void on_requested_changed(void* self) {
    spore::detail::swallow(of(self), "requested_changed", [&] {
      SecondVirtioMem& device = of(self);
      const std::lock_guard guard(device.lock_);
      if (device.active_) device.show(device.next_step()); // else with DRIVER_OK
    });
  }

  spore::Result<void> state(spore_resizable_state& out) {
    const std::lock_guard guard(lock_);
    out.active = active_ ? 1 : 0;
    out.region_bytes = region_.bytes;
    out.block_bytes = region_.block_bytes;
    out.requested_bytes = requested_;
    out.usable_bytes = usable_;
    out.plugged_bytes = plugged();
    return {};
  }
  static spore_status on_state(void* self, spore_resizable_state* out) {
    return spore::guarded(nullptr, [&] {
      return spore::detail::filled(out, [&](spore_resizable_state& own) { return of(self).state(own); });
    });
  }

  static void on_retry(void* self) {
    spore::detail::swallow(of(self), "retry", [&] {
      SecondVirtioMem& device = of(self);
      const std::lock_guard guard(device.lock_);
      if (device.active_ && std::exchange(device.wake_owed_, false)) device.virtio_.config_changed();
    });
  }

  static constexpr spore_resizable_memory make_resizable() {
    spore_resizable_memory table{};
    table.size = sizeof table;
    table.requested_changed = on_requested_changed;
    table.state = on_state;
    table.retry = on_retry;
    return table;
  }
  static const spore_resizable_memory kResizable;

  const spore::Host host_;
  const spore::Virtio virtio_;
  const spore::DeviceLock lock_;
  const spore_elastic_memory* const elastic_;
  const spore_elastic_info region_;
  const spore::Counter plugs_, unplugs_, refusals_;
  const uint64_t portion_;

  // Guarded by the device's lock.
  uint64_t requested_; // what the driver sees of the target
  uint64_t usable_;
  bool active_ = false;
  bool wake_owed_ = false;
};

constinit const spore_resizable_memory SecondVirtioMem::kResizable = SecondVirtioMem::make_resizable();

} // namespace

SPOREHOST_PLUGIN("second-virtio-mem", "1.0.0", SecondVirtioMem)

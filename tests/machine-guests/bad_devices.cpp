// Devices that die or do not let go, in every place where a machine can meet that. `how` says which.
#include <sporehost/device_lock.hpp>
#include <sporehost/io_device.hpp>
#include <sporehost/virtio_device.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace {

constexpr const char* kHow = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["how"],
  "properties": {"how": {"type": "string", "description": "What it does wrong."}}
})";

[[gnu::noinline]] void crash() {
  volatile int* nowhere = nullptr;
  *nowhere = 1;
}

[[gnu::noinline]] int deep(volatile char* before) {
  volatile char frame[4096];
  frame[0] = before != nullptr ? before[0] : '\1';
  return frame[0] == '\0' ? 0 : deep(frame) + frame[0]; // it never is
}

[[noreturn]] void sleep_for_ever() {
  while (true) ::pause();
}

// A device without any need of a guest: a timer of its own sets it off.
class BadDevice final : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"bad-device", "dies, or does not return; for tests", kHow};

  static spore::Result<std::unique_ptr<BadDevice>> create(spore::Host host, std::string_view options) {
    auto device = std::unique_ptr<BadDevice>(new BadDevice(spore::Options(options).string("/how").value_or("")));
    if (device->how_ == "create") crash();
    uint64_t timer = 0;
    const auto* table = device->host_ = host.table();
    table->start_timer(
        table->context, 100'000'000, [](void* self) { static_cast<BadDevice*>(self)->act(); }, device.get(), &timer);
    return device;
  }
  ~BadDevice() override {
    if (how_ == "destroy") crash();
    if (how_ == "destroy-hang") sleep_for_ever();
  }

  void describe(spore_io_traits& out) override {
    out.windows = windows_;
    out.window_count = std::size(windows_);
    if (how_ == "describe") throw std::runtime_error("nothing to describe");
  }
  void read(uint32_t, uint64_t, std::span<uint8_t>) override {}
  void write(uint32_t, uint64_t, std::span<const uint8_t>) override {
    if (how_ == "overflow") deep(nullptr); // at the guest's first byte for a serial port
  }

 private:
  explicit BadDevice(std::string how)
      : how_(std::move(how)), window_(spore::io_window(SPORE_IO_PORT, how_ == "overflow" ? 0x3f8 : 0xd00, 8)) {}

  void act() {
    uint64_t timer = 0;
    if (how_ == "timer")
      host_->start_timer(
          host_->context, 0, [](void* self) { static_cast<BadDevice*>(self)->act(); }, this, &timer);
    if (how_ == "crash") crash();
    if (how_ == "abort") std::abort();
    if (how_ == "throw") throw std::runtime_error("boom");
    if (how_ == "hang") sleep_for_ever();
    if (how_ == "thread") std::thread(crash).detach();
  }

  const std::string how_;
  const spore_io_window window_;
  const spore_io_window* const windows_[1]{&window_};
  const spore_host* host_ = nullptr;
};

// Takes its own lock in a thread and keeps it.
class BadVirtio final : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"bad-virtio", "keeps its lock; for tests", R"({"type": "object"})"};

  static spore::Result<std::unique_ptr<BadVirtio>> create(spore::Host host, std::string_view /*options*/) {
    SPORE_TRY(const spore::DeviceLock lock, spore::DeviceLock::of(host));
    auto device = std::unique_ptr<BadVirtio>(new BadVirtio);
    std::thread([lock] {
      ::usleep(100'000);
      lock.lock();
      sleep_for_ever();
    }).detach();
    return device;
  }
  void describe(spore_virtio_traits& out) override {
    static constexpr uint16_t kQueueSizes[] = {8};
    out.device_id = 4;
    out.queue_count = std::size(kQueueSizes);
    out.queue_size_max = kQueueSizes;
  }
  void read_config(uint32_t, std::span<uint8_t>) override {}
  void notify(uint32_t) override {}
  void reset() override {}
};

} // namespace

SPOREHOST_PLUGIN("bad-devices", "1.0.0", BadDevice, BadVirtio)

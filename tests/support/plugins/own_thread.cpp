// A device whose own thread takes the device's lock for as long as the device is there: `destroy` joins it, and the
// lock has to be good until then.
#include <sporehost/device_lock.hpp>
#include <sporehost/virtio_device.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace {

constexpr uint16_t kQueueSizes[] = {16};

class OwnThread final : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{FIXTURE_ID, "takes its lock until it is destroyed", R"({"type": "object"})"};

  static spore::Result<std::unique_ptr<OwnThread>> create(spore::Host host, std::string_view /*options*/) {
    SPORE_TRY(const spore::DeviceLock lock, spore::DeviceLock::of(host));
    return std::make_unique<OwnThread>(lock);
  }

  explicit OwnThread(spore::DeviceLock lock) : lock_(lock), thread_([this] { work(); }) {}
  ~OwnThread() override {
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // it is destroyed meanwhile, but for this
    done_ = true;
    thread_.join();
  }

  void describe(spore_virtio_traits& out) override {
    out.device_id = 42;
    out.queue_count = 1;
    out.queue_size_max = kQueueSizes;
  }
  void read_config(uint32_t /*offset*/, std::span<uint8_t> /*data*/) override {}
  void notify(uint32_t /*queue*/) override {}
  void reset() override {}

 private:
  void work() {
    while (!done_) {
      const std::lock_guard guard(lock_);
      std::this_thread::yield();
    }
  }

  const spore::DeviceLock lock_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

} // namespace

SPOREHOST_PLUGIN(FIXTURE_ID, "1.0.0", OwnThread)

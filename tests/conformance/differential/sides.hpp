// The two hosts that are compared, with the same memory, region, streams and queues around one device.
#pragma once

#include <sporehost/testing/fake_elastic.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/handles.hpp>

#include <memory>

#include "core/host/elastic_service.hpp"
#include "core/host/object_host.hpp"
#include "core/memory/guest_memory.hpp"
#include "core/session/stream_hub.hpp"
#include "core/virtio/mmio_transport.hpp"
#include "tests/support/fake_slot_mapper.hpp"
#include "tests/support/virtio_driver.hpp"

namespace differential {

constexpr uint64_t kRam = uint64_t{1} << 20;
constexpr uint64_t kRegion = uint64_t{4} << 30;
constexpr uint64_t kRegionBytes = uint64_t{64} << 20;
constexpr uint64_t kBlock = uint64_t{2} << 20;
constexpr uint64_t kSlot = 2 * kBlock;
constexpr uint64_t kRequested = 4 * kBlock;

// A host with one virtio device, and the driver of that device.
class Side {
 public:
  virtual ~Side() = default;
  [[nodiscard]] virtual const spore_host* table() = 0;
  virtual void adopt(spore_object object) = 0; // describes it and destroys it in the end
  virtual void start() = 0;                    // to DRIVER_OK
  virtual void offer() = 0;                    // a chain on queue 0: readable 7, 8, 9; 5 bytes writable
  virtual void collect() = 0;                  // what the device has given back, so that there is room for more
  virtual void ring() = 0;                     // queue 0
  virtual void reset() = 0;
  virtual void turn() = 0; // of the event loop, some milliseconds
  virtual void end() = 0;  // destroys the object
};

class FakeSide final : public Side {
 public:
  FakeSide() { host_.memory().add_region(0, kRam); }
  ~FakeSide() override {
    end();
    (void)host_.checks().take(); // the probe breaks rules on purpose
  }
  [[nodiscard]] const spore_host* table() override { return host_.table(); }
  void adopt(spore_object object) override { device_.emplace(host_, virtio_, object); }
  void start() override {
    device_->reset(); // a driver begins with one
    (void)device_->start(spore::testing::VirtioHandle::kVersion1);
    device_->set_queue_size(1, 0);
  }
  void offer() override { virtio_.offer(0, {{7, 8, 9}}, {5}); }
  void collect() override {}
  void ring() override { device_->notify(0); }
  void reset() override { device_->reset(); }
  void turn() override {
    host_.advance(5'000'000);
    host_.poll_once();
  }
  void end() override { device_.reset(); }

 private:
  spore::testing::FakeHost host_;
  spore::testing::FakeVirtio virtio_{host_};
  spore::testing::FakeElastic elastic_{host_, {kRegion, kRegionBytes, kBlock, kSlot, kRequested}};
  spore::testing::FakeStreams streams_{host_, {"console", "sporehost.agent"}};
  std::optional<spore::testing::VirtioHandle> device_;
};

class RealSide final : public Side {
 public:
  RealSide() {
    (void)memory_.add_ram(0, kRam);
    const uint8_t content[] = {7, 8, 9};
    for (uint64_t i = 0; i < 64; ++i) (void)memory_.write(buffer(i), content);
    host_.connect(machine_);
    host_.set_memory(machine_.memory);
  }
  ~RealSide() override { end(); }
  [[nodiscard]] const spore_host* table() override { return host_.table(); }
  void adopt(spore_object object) override {
    const auto attached = transport_->host().attach(object);
    if (!attached) throw std::runtime_error(attached.error().text);
  }
  void start() override {
    queue_.emplace(memory_, 0x1000 * ++starts_, uint16_t{64});
    (void)driver_.negotiate(sporehost::virtio::kFeatureVersion1);
    driver_.set_up_queue(0, *queue_);
    driver_.driver_ok();
  }
  void offer() override {
    queue_->add({{buffer(offered_), 3, false}, {buffer(offered_) + 8, 5, true}});
    ++offered_;
  }
  void collect() override {
    while (queue_->take_used()) {
    }
  }
  void ring() override { driver_.kick(0); }
  void reset() override { driver_.reset(); }
  void turn() override {
    loop_->start_timer(5'000'000, [this] { loop_->stop(); });
    loop_->run();
  }
  void end() override {
    host_.release();
    transport_.reset();
  }

 private:
  // What VirtioDevice of core/host does.
  class Lock final : public sporehost::DeviceLock {
   public:
    explicit Lock(RealSide& side) : side_(side) {}
    void lock() override { side_.transport_->host().lock(); }
    void unlock() override { side_.transport_->host().unlock(); }

   private:
    RealSide& side_;
  };

  static uint64_t buffer(uint64_t number) { return 0x80000 + 16 * (number % 64); }

  const void* service(std::string_view name) {
    if (name == SPORE_VIRTIO_1) return transport_->host().table();
    if (name == SPORE_STREAMS_1) return client_->table();
    return name == SPORE_ELASTIC_MEMORY_1 ? elastic_.claim("probe") : nullptr;
  }
  sporehost::VirtioHostConfig config() {
    return {.name = "probe",
            .memory = &memory_,
            .pulse = [] {},
            .reschedule = [this](uint32_t q) { loop_->post([this, q] { transport_->host().service_queue(q); }); },
            .log = [](int32_t, std::string_view) {}};
  }
  sporehost::ElasticRegion& make_region() {
    auto region = sporehost::ElasticRegion::create({kRegion, kRegionBytes, kBlock, kSlot}, mapper_);
    (void)memory_.add_elastic(std::move(region).value());
    return *memory_.elastic();
  }

  std::unique_ptr<sporehost::EventLoop> loop_ = std::move(sporehost::EventLoop::create()).value();
  sporehost::testing::FakeSlotMapper mapper_;
  sporehost::GuestMemory memory_;
  sporehost::ElasticRegion* region_ = &make_region();
  sporehost::RequestedSize requested_{kRequested};
  sporehost::ElasticService elastic_{*region_, requested_, {}};
  sporehost::StreamHub hub_{*loop_};
  Lock lock_{*this};
  std::optional<sporehost::MmioTransport> transport_{config()};
  std::unique_ptr<sporehost::StreamHub::Client> client_ = hub_.client(lock_);
  sporehost::MachineSide machine_{loop_.get(), &memory_, [](uint32_t, uint32_t, const std::string&) {}};
  sporehost::ObjectHost host_{"probe", "{}", &lock_, [this](std::string_view name) { return service(name); }};
  sporehost::testing::MmioDriver driver_{*transport_};
  std::optional<sporehost::testing::DriverQueue> queue_;
  uint64_t starts_ = 0;
  uint64_t offered_ = 0;
};

} // namespace differential

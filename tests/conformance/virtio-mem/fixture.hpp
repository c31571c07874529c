// A machine with one virtio-mem device from a plugin, and the driver's hands to work it with. Each test is named after
// the rule it shows (Vmem24 for VMEM-24); docs/virtio-mem-rules.md lists them.
#pragma once

#include <sporehost/testing/fake_elastic.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vmem {

using spore::testing::Bytes;
using spore::testing::ElasticShape;

constexpr uint64_t MiB = uint64_t{1} << 20;
constexpr uint64_t GiB = uint64_t{1} << 30;
constexpr uint64_t kBlock = 2 * MiB;
constexpr uint64_t kMemoryBlock = 128 * MiB; // of Linux on x86-64

constexpr uint64_t kAcpiPxm = 1u << 0;
constexpr uint64_t kInaccessible = 1u << 1;
constexpr uint64_t kPersistentSuspend = 1u << 2;
constexpr uint64_t kVersion1 = uint64_t{1} << 32;
constexpr uint64_t kModern = kInaccessible | kVersion1;

enum Type : uint16_t { PLUG = 0, UNPLUG = 1, UNPLUG_ALL = 2, STATE = 3 };
enum Answer : uint16_t { ACK = 0, NACK = 1, BUSY = 2, ERROR = 3, NONE = 0xffff };
enum State : uint16_t { PLUGGED = 0, UNPLUGGED = 1, MIXED = 2 };

// The configuration space by offset (VIRTIO 1.2 section 5.15.4).
enum Field : uint32_t {
  BLOCK_SIZE = 0,
  NODE_ID = 8,
  ADDR = 16,
  REGION_SIZE = 24,
  USABLE_SIZE = 32,
  PLUGGED_SIZE = 40,
  REQUESTED_SIZE = 48,
  CONFIG_END = 56
};

struct Reply {
  uint16_t type = NONE; // NONE: the device left no answer
  uint16_t state = 0;
  uint32_t written = 0;
};

struct MachineSetup {
  ElasticShape shape = {};
  std::map<std::string, spore::testing::OptionValue> options = {};
  uint64_t features = kModern;
  bool start = true; // go to DRIVER_OK
};

// Whether the plugin under test is not the project's own; its options and formats are then its own too.
bool third_party();

const spore::testing::LoadedPlugin& plugin_under_test();

Bytes encode_request(uint16_t type, uint64_t addr, uint16_t nb_blocks, uint8_t padding = 0);

class Machine {
 public:
  explicit Machine(const MachineSetup& setup = {});
  ~Machine();

  // Makes the device alone, of options that a schema may keep from it; for those that must not come into being.
  static spore::Result<void> try_create(const MachineSetup& setup);

  [[nodiscard]] uint64_t get(Field field) const { return device().config<uint64_t>(field); }
  [[nodiscard]] uint16_t node_id() const { return device().config<uint16_t>(NODE_ID); }
  [[nodiscard]] uint64_t address(uint64_t block) const { return elastic.shape().gpa + block * block_bytes(); }
  [[nodiscard]] uint64_t block_bytes() const { return elastic.shape().block_bytes; }

  // ---- the driver ----
  Reply send(uint16_t type, uint64_t addr, uint16_t nb_blocks);
  Reply send_raw(std::vector<Bytes> readable, std::vector<size_t> writable);
  uint16_t plug(uint64_t block, uint16_t count = 1) { return send(PLUG, address(block), count).type; }
  uint16_t unplug(uint64_t block, uint16_t count = 1) { return send(UNPLUG, address(block), count).type; }
  uint16_t unplug_all() { return send(UNPLUG_ALL, 0, 0).type; }
  Reply query(uint64_t block, uint16_t count = 1) { return send(STATE, address(block), count); }
  void start(uint64_t features = kModern);

  // ---- the operator ----
  void resize(uint64_t bytes); // a multiple of the block size within the region, as the host has checked
  spore_resizable_state state();
  void retry();
  [[nodiscard]] const spore_saved_state* saved_state() const;
  Bytes save();
  spore_status restore(const Bytes& bytes);

  // VMEM-02 and VMEM-04, and that device and host agree: true at any time.
  void expect_consistent();

  [[nodiscard]] spore::testing::VirtioHandle& device() { return *device_; }
  [[nodiscard]] const spore::testing::VirtioHandle& device() const { return *device_; }

  spore::testing::FakeHost host;
  spore::testing::FakeVirtio virtio{host};
  spore::testing::FakeElastic elastic;

 private:
  std::optional<spore::testing::VirtioHandle> device_;
  const spore_resizable_memory* resizable_ = nullptr;
};

} // namespace vmem

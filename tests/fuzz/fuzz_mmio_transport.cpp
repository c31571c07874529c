// links: spore_virtio
//
// A guest that writes registers at random: the input is a list of operations, 8 bytes each. Most go to registers that
// exist, some anywhere, at any width; one kind writes guest memory, so that queues can come to life.
#include "tests/support/echo_device.hpp"

#include <cstdlib>
#include <cstring>

namespace {

using sporehost::testing::EchoMachine;
using namespace sporehost::virtio;

struct Operation {
  uint8_t kind;
  uint8_t detail;
  uint16_t where;
  uint32_t value;
};
static_assert(sizeof(Operation) == 8);

void access(EchoMachine& m, uint64_t offset, size_t bytes, uint32_t value, bool write) {
  uint8_t data[8] = {};
  std::memcpy(data, &value, sizeof value);
  if (write) {
    m.transport().mmio_write(offset, {data, bytes});
  } else {
    m.transport().mmio_read(offset, {data, bytes});
  }
}

void perform(EchoMachine& m, const Operation& op) {
  switch (op.kind % 8) {
    case 0:
    case 1:
      return access(m, op.where % 0x40 * 4, 4, op.value, true);
    case 2:
      return access(m, op.where % 0x40 * 4, 4, 0, false);
    case 3:
      return access(m, op.where, op.detail % 9, op.value, (op.detail & 16) != 0);
    case 4:
      return m.memory.put(op.where & ~3u, op.value);
    case 5:
      return m.transport().service_queue(op.value);
    case 6: {
      const std::lock_guard lock(m.host());
      if (!m.record.held.empty()) {
        m.device().push(m.record.held.front(), op.value);
        m.record.held.pop_front();
      }
      return m.device().config_changed();
    }
    case 7:
      if (op.detail == 0) return m.driver().reset();
      if (op.detail == 1) return (void)m.driver().negotiate(m.driver().offered() & ~uint64_t{op.value});
      return (void)m.driver().set_up_queue(op.detail & 3, op.value >> 24, op.where & ~15u, op.value & 0xfffe,
                                           (op.value >> 8) & 0xfffc);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  EchoMachine m;
  if (!m.attach().ok()) std::abort();
  for (size_t at = 0; at + sizeof(Operation) <= size; at += sizeof(Operation)) {
    Operation operation;
    std::memcpy(&operation, data + at, sizeof operation);
    perform(m, operation);
    // What must hold whatever the guest did: a live device has gone through every step.
    constexpr uint32_t kSteps = kStatusAcknowledge | kStatusDriver | kStatusFeaturesOk;
    const uint32_t status = m.driver().status();
    if ((status & kStatusDriverOk) != 0 && (status & kSteps) != kSteps) std::abort();
    if (m.record.active_features != 0 && (m.record.active_features & kFeatureVersion1) == 0) std::abort();
  }
  return 0;
}

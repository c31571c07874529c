// links: spore_virtio
//
// A device in operation whose driver is the input: byte 0 chooses features and queue size, the next 8 the available
// indices of four doorbells, the rest is laid over guest memory from the rings on. Between the doorbells the input goes
// on to overwrite the rings, so descriptors change under the device's hands.
#include "tests/support/echo_device.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

using sporehost::testing::EchoMachine;
using namespace sporehost::virtio;

void require(bool condition) {
  if (!condition) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 9) return 0;
  EchoMachine m((data[0] & 4) != 0);
  const uint64_t features =
      kFeatureVersion1 | ((data[0] & 1) != 0 ? kFeatureEventIdx : 0) | ((data[0] & 2) != 0 ? kFeatureIndirect : 0);
  const auto queue_size = static_cast<uint16_t>(1u << (data[0] >> 5) % 5);
  require(m.start(features, queue_size));

  const uint8_t* doorbells = data + 1;
  const std::span<const uint8_t> input(data + 9, size - 9);
  const auto rings = m.memory.bytes().subspan(EchoMachine::kRings);
  for (size_t round = 0; round < 4; ++round) {
    const auto part = input.subspan(input.size() * round / 4);
    std::copy_n(part.begin(), std::min(part.size(), rings.size()), rings.begin());
    uint16_t index;
    std::memcpy(&index, doorbells + 2 * round, sizeof index);
    m.queue(round % 2).set_available_index(index);
    m.driver().kick(static_cast<uint32_t>(round % 2));
    const std::lock_guard lock(m.host());
    for (const spore_chain& chain : m.record.held) {
      uint8_t bytes[16] = {};
      (void)m.device().read(chain, data[0], bytes, sizeof bytes);
      (void)m.device().write(chain, data[0], bytes, sizeof bytes);
      if (round == 3) m.device().push(chain, 0xffffffff);
    }
  }
  const auto counters = m.host().counters();
  require(counters.chains <= 8u * queue_size + m.rescheduled.size() * 64);
  m.driver().reset();
  require(m.driver().status() == 0);
  return 0;
}

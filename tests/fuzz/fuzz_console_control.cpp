// links: spore_console_device
//
// A hostile driver at the virtio console: any chains on any queue, resets, configuration accesses, slow streams. The
// fakes end the program when the device breaks a rule of the SDK; the assertions here bound what it may keep.
#include "plugins/virtio-console/console.hpp"

#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <cstdint>
#include <cstdlib>

namespace {

using namespace spore::testing;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  Bytes bytes(size_t count) {
    Bytes out;
    while (count-- > 0 && size_ > 0) out.push_back(byte());
    return out;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

void step(Input& in, VirtioHandle& device, FakeVirtio& virtio, FakeStreams& streams, FakeHost& host) {
  const uint8_t what = in.byte();
  const uint32_t queue = (what >> 3) % 6;
  const char* stream = (what & 0x80) != 0 ? "console" : "sporehost.agent";
  switch (what & 7) {
    case 0:
    case 1:
      virtio.offer(queue, {in.bytes(in.byte() % 24)}, {});
      break;
    case 2:
      virtio.offer(queue, {}, {in.byte()});
      break;
    case 3:
      virtio.offer(queue, {in.bytes(in.byte() % 24)}, {in.byte()});
      break;
    case 4:
      streams.set_room(stream, in.byte() % 32);
      break;
    case 5:
      streams.send(stream, std::string(in.byte(), 'x'));
      break;
    case 6:
      device.write_config(in.byte() % 16, in.bytes(in.byte() % 8));
      break;
    case 7:
      if ((in.byte() & 7) == 0) {
        device.reset();
        (void)device.start(in.byte());
      } else {
        virtio.fail_reads(in.byte() & 1);
        virtio.fail_writes(in.byte() & 1);
        host.advance(1);
      }
      break;
  }
  device.notify(queue);
  // One chain of each transmit queue may wait for its stream; nothing else is kept.
  if (virtio.held() > 2) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FakeHost host;
  FakeVirtio virtio(host);
  FakeStreams streams(host, {"console", "sporehost.agent"});
  auto console = console::Console::create(spore::Host(host.table()), "{}");
  if (!console.ok()) std::abort();
  const spore_object object{&spore::VirtioDevice::Ops::table,
                            static_cast<spore::VirtioDevice*>(std::move(console).value().release())};
  VirtioHandle device(host, virtio, object);
  Input in(data, size);
  (void)device.start(in.byte());
  while (!in.empty()) step(in, device, virtio, streams, host);
  device.reset();
  return 0;
}

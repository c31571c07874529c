// An I/O device makes every call to the fakes and to the host: the transcripts are the same, and so is what becomes of
// its interrupts.
#include <gtest/gtest.h>
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <filesystem>
#include <fstream>

#include "core/host/device_set.hpp"
#include "core/host/idle_backend.hpp"
#include "core/memory/guest_memory.hpp"

namespace differential {
namespace {

constexpr uint64_t kRam = uint64_t{1} << 20; // as calls.cpp has it

// What became of the two interrupts.
struct Lines {
  unsigned edges = 0;
  unsigned rises = 0;
  unsigned wrong = 0;
  bool operator==(const Lines&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Lines& lines) {
  return out << lines.edges << " edges, " << lines.rises << " rises, " << lines.wrong << " wrong";
}

// A backend that counts what is made of its lines.
class Counting final : public sporehost::IdleBackend {
 public:
  explicit Counting(Lines& lines) : lines_(lines) {}
  spore_status set_irq_line(uint32_t, bool level) override { return lines_.rises += level ? 1 : 0, SPORE_OK; }
  spore_status pulse_irq(uint32_t) override { return ++lines_.edges, SPORE_OK; }

 private:
  Lines& lines_;
};

std::string transcript_file(const char* side) {
  return (std::filesystem::path(::testing::TempDir()) / (std::string("sporehost-probe-io-") + side)).string();
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::filesystem::remove(file);
  return lines;
}

std::vector<std::string> by_fakes(Lines& made) {
  using namespace spore::testing;
  FakeHost host;
  host.memory().add_region(0, kRam);
  const FakeInterrupts interrupts(host);
  const FakeStreams streams(host, {"console", "sporehost.agent"});
  const std::string file = transcript_file("fake");
  host.set_option("/transcript", file);
  const auto plugin = load_plugin(SPORE_PROBE_DIR "/probe-io.so");
  if (!plugin.ok()) return {plugin.error().text};
  {
    auto device = plugin->io_device("probe-io", host);
    if (!device.ok()) return {device.error().text};
    (void)device->read(1, 8, 4);
    device->write(0, 16, 1, 2);
  }
  made = {interrupts.pulses(0), interrupts.rises(1), interrupts.wrong()};
  (void)host.checks().take(); // the probe breaks rules on purpose
  return lines_of(file);
}

std::vector<std::string> by_host(Lines& made) {
  using namespace sporehost;
  const auto loop = std::move(EventLoop::create()).value();
  GuestMemory memory;
  if (!memory.add_ram(0, kRam).ok()) return {};
  const MachineSide machine{loop.get(), &memory, [](uint32_t, uint32_t, const std::string&) {}};
  StreamHub streams(*loop);
  const auto board = std::move(make_board(uint64_t{64} << 20, 0, 40)).value();
  Backend backend(to_object(std::make_unique<Counting>(made), "the test's backend"));
  Bus mmio(BusSpace::kMmio);
  Bus ports(BusSpace::kPort);
  IoPlaces places(board->io_area());
  plugin::SearchInputs inputs;
  inputs.options = {SPORE_PROBE_DIR};
  plugin::Registry registry(plugin::SearchPath(inputs), {});
  const auto found = registry.find(SPORE_KIND_IO_DEVICE, "probe-io");
  if (!found) return {found.error().text};
  const std::string file = transcript_file("host");
  {
    DeviceSet devices({registry, machine, streams, *board, backend, mmio, ports, places});
    if (auto added = devices.add(*found, "probe", R"({"transcript":")" + file + R"("})"); !added)
      return {added.error().text};
    const auto nodes = devices.io_nodes();
    uint8_t data[4] = {};
    mmio.read(nodes.at(0).windows.at(1).range.gpa + 8, data);
    mmio.write(nodes.at(0).windows.at(0).range.gpa + 16, std::span(data).first(2));
    made.wrong = static_cast<unsigned>(devices.counters()["probe"]["wrong-lines"]);
    devices.remove("probe"); // which makes as many wrong calls as one of the others
  }
  return lines_of(file);
}

TEST(Differential, AnIoDeviceIsAnsweredAlike) {
  Lines fake_lines;
  Lines real_lines;
  const auto fake = by_fakes(fake_lines);
  const auto real = by_host(real_lines);
  for (size_t i = 0; i < std::min(fake.size(), real.size()); ++i) EXPECT_EQ(fake[i], real[i]) << "line " << i;
  EXPECT_EQ(fake.size(), real.size());
  EXPECT_GE(real.size(), 300u) << "the probe has lost its tongue";
  constexpr unsigned kWrongEach = 4 + 8; // of `lines`, once the device is placed
  EXPECT_EQ(fake_lines.wrong, real_lines.wrong + kWrongEach);
  real_lines.wrong = fake_lines.wrong;
  EXPECT_EQ(fake_lines, real_lines);
  EXPECT_EQ(fake_lines.edges, 4u);
}

} // namespace
} // namespace differential

// An I/O device that makes every call to its host, and leaves the transcript in the file that its options name.
#include <fstream>
#include <sporehost/io_device.hpp>
#include <thread>

#include "calls.hpp"

namespace differential {
namespace {

class ProbeIo final : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{
      "probe-io", "calls its host",
      R"({"type":"object","required":["transcript"],"properties":{"transcript":{"type":"string"}}})"};

  static spore::Result<std::unique_ptr<ProbeIo>> create(spore::Host host, std::string_view options) {
    return std::make_unique<ProbeIo>(host.table(), spore::Options(options).string("/transcript").value_or(""));
  }
  ProbeIo(const spore_host* host, std::string file) : file_(std::move(file)), calls_(host, transcript_) {
    calls_.create();
    calls_.any("create");
    calls_.device("create, which holds no lock");
    calls_.lines();
  }
  ~ProbeIo() override {
    calls_.any("destroy");
    calls_.lines();
    std::ofstream out(file_);
    for (const std::string& line : transcript_.lines()) out << line << '\n';
  }

  void describe(spore_io_traits& out) override {
    static constexpr spore_io_window kFirst = spore::io_window(SPORE_IO_MMIO, SPORE_ANY_BASE, 0x1000);
    static constexpr spore_io_window kSecond = spore::io_window(SPORE_IO_MMIO, SPORE_ANY_BASE, 16, 0x10000);
    static constexpr spore_io_irq kEdge = spore::io_irq(SPORE_TRIGGER_EDGE);
    static constexpr spore_io_irq kLevel = spore::io_irq(SPORE_TRIGGER_LEVEL);
    static constexpr const spore_io_window* kWindows[] = {&kFirst, &kSecond};
    static constexpr const spore_io_irq* kIrqs[] = {&kEdge, &kLevel};
    out.windows = kWindows;
    out.window_count = 2;
    out.irqs = kIrqs;
    out.irq_count = 2;
  }
  void placed(const spore_io_placement& placement) override {
    transcript_.add("placed", "alignment of the first", placement.bases[0] % 0x1000);
    transcript_.add("placed", "alignment of the second", placement.bases[1] % 0x10000);
    transcript_.add("placed", "interrupts", placement.gsis[0] != placement.gsis[1] ? "differ" : "are one");
    calls_.any("placed");
    calls_.device("placed");
    calls_.lines();
  }
  void read(uint32_t window, uint64_t offset, std::span<uint8_t> data) override {
    transcript_.add("read", std::to_string(window) + " " + std::to_string(offset), data.size());
    calls_.any("read");
    calls_.device("read");
    calls_.lines();
  }
  void write(uint32_t window, uint64_t offset, std::span<const uint8_t> data) override {
    transcript_.add("write", std::to_string(window) + " " + std::to_string(offset), data.size());
    std::thread([this] { calls_.lines(); }).join(); // for which the lock is not needed
  }

 private:
  std::string file_;
  Transcript transcript_;
  Calls calls_;
};

} // namespace
} // namespace differential

SPOREHOST_PLUGIN("probe-io", "1.0.0", differential::ProbeIo)

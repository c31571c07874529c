// A sound plugin in C++ with two factories. The objects count their ends, so that a test sees that there is exactly
// one.
#include <sporehost/io_device.hpp>
#include <sporehost/memory_policy.hpp>

namespace {

class Policy : public spore::MemoryPolicy {
 public:
  static constexpr spore::FactoryInfo info{
      "good", "boots with what is asked for",
      R"({"type":"object","properties":{"refuse":{"type":"boolean","default":false}}})"};
  static spore::Result<std::unique_ptr<Policy>> create(spore::Host host, std::string_view options) {
    if (options.find(R"("refuse":true)") != options.npos) return spore::fail(SPORE_E_INVALID, "refused as asked");
    if (options.find("throw") != options.npos) throw std::bad_alloc();
    return std::make_unique<Policy>(host);
  }

  explicit Policy(spore::Host host) : host_(host) {}
  ~Policy() override { ++host_.counter("destroyed"); }
  spore::Result<void> plan(const spore_memory_request& request, const spore_memory_facts&,
                           spore_memory_plan& out) override {
    out.boot_bytes = request.mode == SPORE_MEMORY_EXPLICIT ? request.bytes : uint64_t{64} << 20;
    spore::give_reason(out, "as asked");
    return {};
  }

 private:
  spore::Host host_;
};

class Port : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"good-port", "a register that reads as 0", R"({"type":"object"})"};
  static spore::Result<std::unique_ptr<Port>> create(spore::Host, std::string_view) { return std::make_unique<Port>(); }
  void describe(spore_io_traits& out) override {
    static constexpr spore_io_window kWindow = spore::io_window(SPORE_IO_PORT, 0x500, 1);
    static constexpr const spore_io_window* kWindows[] = {&kWindow};
    out.windows = kWindows;
    out.window_count = std::size(kWindows);
  }
  void read(uint32_t, uint64_t, std::span<uint8_t> data) override { data[0] = 0; }
  void write(uint32_t, uint64_t, std::span<const uint8_t>) override {}
};

} // namespace

SPOREHOST_PLUGIN("good", "1.2.3", Policy, Port)

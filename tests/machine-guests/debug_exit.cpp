// A device by which a guest ends its machine with a status of its own, as other virtual boards have one for tests of
// kernels: a byte written to port 0xf4.
#include <sporehost/io_device.hpp>

namespace {

constexpr spore_io_window kPort = spore::io_window(SPORE_IO_PORT, 0xf4, 1);
constexpr const spore_io_window* kWindows[] = {&kPort};

class DebugExit final : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"debug-exit", "ends the machine with the status that the guest writes",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {"how": {"enum": ["status", "power-off", "reset"], "default": "status"}}})"};

  static spore::Result<std::unique_ptr<DebugExit>> create(spore::Host host, std::string_view options) {
    SPORE_TRY(const auto* machine, host.require<spore_machine>(SPORE_MACHINE_1));
    return std::unique_ptr<DebugExit>(new DebugExit(machine, spore::Options(options).string("/how").value_or("")));
  }

  void describe(spore_io_traits& out) override {
    out.windows = kWindows;
    out.window_count = 1;
  }
  void read(uint32_t /*window*/, uint64_t /*offset*/, std::span<uint8_t> data) override { data[0] = 0xff; }
  void write(uint32_t /*window*/, uint64_t /*offset*/, std::span<const uint8_t> data) override {
    (void)machine_->stop(machine_->context, how_, data[0], SPORE_STRING("the guest wrote its status"));
  }

 private:
  DebugExit(const spore_machine* machine, std::string_view how)
      : machine_(machine),
        how_(how == "reset"       ? SPORE_STOP_RESET
             : how == "power-off" ? SPORE_STOP_POWER_OFF
                                  : SPORE_STOP_STATUS) {}

  const spore_machine* const machine_;
  const uint32_t how_;
};

} // namespace

SPOREHOST_PLUGIN("debug-exit", "1.0.0", DebugExit)

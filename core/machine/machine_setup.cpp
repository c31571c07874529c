// How a machine is put together.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/log_level.hpp"
#include "core/base/size.hpp"
#include "core/lifecycle/plan_limit.hpp"
#include "core/machine/machine.hpp"
#include "core/planning/discovery.hpp"

namespace sporehost {

using spore::Result;

namespace {

// Accesses that nobody claims. Kernels probe ports as on any PC, which is not worth a warning.
LogSink bus_log(const char* name, spdlog::level::level_enum level) {
  return [name, level](int32_t, std::string_view text) { spdlog::log(level, "{}: {}", name, text); };
}

// Which console a kernel has; one of which nothing is known is taken to have a driver for the serial port.
std::string_view console_name(const kernel::KernelFeatures& features, const SerialPort& port, bool present) {
  return present && features.serial_driver.value_or(true) ? port.console : "hvc0";
}

// Nobody writes to the project's own files in place; a user's may be rebuilt while the guest runs.
loader::FileOwner owner_of(ArtifactOrigin origin) {
  return origin == ArtifactOrigin::managed ? loader::FileOwner::project : loader::FileOwner::anybody;
}

} // namespace

Machine::Machine(const MachineConfig& config, plugin::Registry& registry, Outputs& outputs, Signals& signals,
                 uint64_t started_ns)
    : config_(config),
      registry_(registry),
      outputs_(outputs),
      signals_(signals),
      started_ns_(started_ns),
      unplugged_log_([](int32_t, std::string_view text) { spdlog::warn("memory: {}", text); }),
      life_({.has_workload = !config.workload.argv.empty(),
             .ready_timeout = config.lifecycle.ready_timeout,
             .stop_grace = config.lifecycle.stop_grace,
             .run_timeout = config.lifecycle.run_timeout}) {}

Machine::~Machine() {
  if (vcpus_) vcpus_->stop();
  if (planned_.policy) planned_.policy->detach();
  for (ObjectHost* host : {backend_.host.get(), planned_.policy_host.get()})
    if (host != nullptr) host->set_memory(nullptr); // which goes before they do
  outputs_.detach();
  signals_.detach();
}

Result<std::unique_ptr<Machine>> Machine::create(const MachineConfig& config, plugin::Registry& registry,
                                                 Outputs& outputs, Signals& signals, uint64_t started_ns) {
  std::unique_ptr<Machine> machine(new Machine(config, registry, outputs, signals, started_ns));
  SPORE_CHECK(machine->set_up());
  return machine;
}

// A plan may fetch or build a kernel, for minutes; until there is a machine to be asked, a signal does what it does to
// any program. Where a guest is started again its kernel is there, and whatever comes is the new machine's to serve: it
// ends with a report.
Result<void> Machine::plan() {
  if (signals_.watches()) {
    watch_over_plugins();
    return decide();
  }
  {
    const PlanLimit limit(config_.lifecycle.run_timeout, started_ns_);
    SPORE_CHECK(decide());
  }
  watch_over_plugins();
  signals_.watch();
  return {};
}

// The backend first: what it can do is among the facts that the policy plans with.
Result<void> Machine::decide() {
  SPORE_TRY(backend_, choose_backend(config_, registry_));
  SPORE_TRY(planned_, make_plan(config_, registry_, backend_.probe));
  requested_.set(planned_.plan.requested_bytes);
  return {};
}

void Machine::watch_over_plugins() {
  std::optional<uint64_t> ends_ns;
  if (const auto allowed = config_.lifecycle.run_timeout)
    ends_ns = started_ns_ + static_cast<uint64_t>(allowed->count()) * 1'000'000;
  watchdog_ = std::make_unique<Watchdog>(ends_ns, config_.lifecycle.stop_grace + RunLife::kGoodbye);
}

Result<void> Machine::set_up() {
  if (config_.capture || config_.resume)
    return spore::fail(SPORE_E_UNSUPPORTED,
                       "capture and resume are not there yet; leave out --capture, --resume and the "
                       "keys of that name (`sporehost plan` shows the memory they would give)");
  SPORE_CHECK(plan());
  SPORE_TRY(loop_, EventLoop::create());
  side_ = {loop_.get(), &memory_, [this](uint32_t how, uint32_t status, std::string reason) {
             loop_->post([this, how, status, reason = std::move(reason)] { on_plugin_stop(how, status, reason); });
           }};
  backend_.host->connect(side_);
  planned_.policy_host->connect(side_);
  SPORE_CHECK(signals_.attach(*loop_, [this](int signal) { feed({RunLife::Event::Kind::signal, signal}); }));
  spdlog::info("memory policy: {} of RAM and {} to plug: {}", format_size(planned_.plan.boot_bytes),
               format_size(planned_.plan.region_bytes), planned_.plan.reason);
  const uint32_t address_bits = backend_.probe.guest_address_bits != 0 ? backend_.probe.guest_address_bits : 40;
  auto board = make_board(planned_.plan.boot_bytes, planned_.plan.region_bytes, address_bits);
  if (!board) return board.error().in(planned_.policy->origin());
  board_ = std::move(board).value();
  places_ = std::make_unique<IoPlaces>(*board_);

  streams_ = std::make_unique<StreamHub>(*loop_);
  outputs_.attach(*loop_);
  console_ = std::make_unique<Console>(*loop_, *streams_, outputs_);
  session_ = std::make_unique<GuestSession>(
      *streams_, outputs_, config_.workload,
      GuestSession::Events{.answered = [this] { on_answered(); },
                           .ready = [this] { on_ready(); },
                           .memory = [this] { on_guest_memory(); },
                           .workload_ended = [this] { on_workload_ended(); },
                           .said_bye = [this] { feed({RunLife::Event::Kind::said_bye}); },
                           .failed =
                               [this](std::string_view reason) {
                                 feed({.kind = RunLife::Event::Kind::channel_failed, .text = std::string(reason)});
                               }});
  mmio_ = std::make_unique<Bus>(BusSpace::kMmio, bus_log("mmio", spdlog::level::warn));
  ports_ = std::make_unique<Bus>(BusSpace::kPort, bus_log("ports", spdlog::level::debug));

  spore_vm_config vm{};
  vm.size = sizeof vm;
  vm.vcpu_count = config_.cpus;
  vm.flags = SPORE_VM_IRQCHIP;
  vm.gpa_end = board_->gpa_end();
  SPORE_CHECK(backend_.backend->open(vm, callbacks()));
  SPORE_CHECK(board_->prepare_vm(*backend_.backend, config_.cpus));
  SPORE_CHECK(make_memory());
  SPORE_CHECK(make_devices());
  SPORE_CHECK(load_guest());
  backend_.host->set_memory(&memory_);
  planned_.policy_host->set_memory(&memory_);
  return {};
}

spore_vm_callbacks Machine::callbacks() {
  spore_vm_callbacks served{};
  served.size = sizeof served;
  served.context = this;
  served.mmio_read = [](void* c, uint32_t, uint64_t gpa, void* data, uint32_t bytes) {
    const PluginCall ours(nullptr);
    static_cast<Machine*>(c)->mmio_->read(gpa, {static_cast<uint8_t*>(data), bytes});
  };
  served.mmio_write = [](void* c, uint32_t, uint64_t gpa, const void* data, uint32_t bytes) {
    const PluginCall ours(nullptr);
    static_cast<Machine*>(c)->mmio_->write(gpa, {static_cast<const uint8_t*>(data), bytes});
  };
  served.port_read = [](void* c, uint32_t, uint16_t port, void* data, uint32_t bytes) {
    const PluginCall ours(nullptr);
    static_cast<Machine*>(c)->ports_->read(port, {static_cast<uint8_t*>(data), bytes});
  };
  served.port_write = [](void* c, uint32_t, uint16_t port, const void* data, uint32_t bytes) {
    const PluginCall ours(nullptr);
    static_cast<Machine*>(c)->ports_->write(port, {static_cast<const uint8_t*>(data), bytes});
  };
  return served;
}

Result<void> Machine::make_memory() {
  // What is refused is a part of the memory; what was asked for is the whole.
  const auto of_the_whole = [this](const spore::Error& error) {
    return error.in("memory of " + format_size(planned_.plan.boot_bytes + planned_.plan.region_bytes));
  };
  for (const GpaRange& range : board_->ram())
    if (auto added = memory_.add_ram(range.gpa, range.bytes); !added) return of_the_whole(added.error());
  const GpaRange elastic = board_->elastic();
  if (elastic.bytes == 0) return {};
  auto region = ElasticRegion::create(
      {elastic.gpa, elastic.bytes, planned_.plan.block_bytes, planned_.plan.slot_bytes}, *backend_.backend,
      [](int32_t level, std::string_view text) { spdlog::log(spdlog_level(level), "memory: {}", text); });
  if (!region) return of_the_whole(region.error());
  elastic_ = std::make_unique<ElasticService>(
      **region, requested_,
      ElasticService::Events{[this] { on_plugged_changed(); },
                             [this](const std::string& why) { on_plug_refused(why); }});
  SPORE_CHECK(memory_.add_elastic(std::move(*region)));
  // What the guest touches there although it is not plugged reads as all-ones and is dropped; it is worth a word.
  mmio_->on_unclaimed([this, elastic](const UnclaimedAccess& access) {
    if (access.address < elastic.gpa || access.address - elastic.gpa >= elastic.bytes) return false;
    unplugged_accesses_.fetch_add(1, std::memory_order_relaxed);
    unplugged_log_.write(SPORE_LOG_WARN, [&] {
      return fmt::format("the guest {} {} bytes of unplugged memory at GPA {:#x}", access.is_write ? "wrote" : "read",
                         access.bytes, access.address);
    });
    return true;
  });
  return {};
}

Result<void> Machine::make_devices() {
  devices_ = std::make_unique<DeviceSet>(DeviceSurroundings{registry_, side_, *streams_, *board_, *backend_.backend,
                                                            *mmio_, *ports_, *places_, elastic_.get()});
  for (const PlannedDevice& device : planned_.devices) {
    auto added = devices_->add(device.found, device.name, device.options);
    if (!added) return device.place.empty() ? added.error() : added.error().in(device.place);
  }
  SPORE_CHECK(
      board_->add_power_registers(*ports_, *mmio_, [this](PowerRequest request) { on_power_request(request); }));
  mmio_->seal();
  ports_->seal();
  return devices_->check_plugs(planned_.plan.region_bytes);
}

kernel::KernelFeatures Machine::kernel_features(const loader::KernelImage& image) const {
  const std::string_view serial = board_->serial_port().config_symbol;
  if (config_.boot.kernel.origin == ArtifactOrigin::managed)
    return kernel::features_of(planned_.managed->config, serial, "its verified configuration");
  return kernel::find_features(image, planned_.kernel, serial);
}

// How the kernel is told of its devices. Of arm64's kernels nothing need be known for that: all read the device tree.
Discovery Machine::discovery(const kernel::KernelFeatures& features) const {
  if (!board_->has_command_line_discovery()) {
    spdlog::debug("kernel {}: it finds its devices in the device tree", planned_.kernel);
    return Discovery::tables;
  }
  const DiscoveryChoice choice = choose_discovery(features, config_.boot.cmdline);
  spdlog::debug("kernel {}: {}", planned_.kernel, choice.reason);
  if (!choice.warning.empty()) spdlog::warn("{}", choice.warning);
  return choice.discovery;
}

bool Machine::has_serial_port() const {
  const SerialPort port = board_->serial_port();
  const auto nodes = devices_->io_nodes();
  return std::any_of(nodes.begin(), nodes.end(), [&](const IoNode& node) {
    const bool is_one = node.acpi_hid == port.hardware_id || node.fdt_compatible == port.hardware_id;
    return is_one && !node.windows.empty() && node.windows.front().range.gpa == port.base;
  });
}

// What the board needs, then what the kernel needs, then what the user adds, so that the user has the last word.
std::string Machine::command_line(const kernel::KernelFeatures& features, Discovery discovery) const {
  const bool managed = config_.boot.kernel.origin == ArtifactOrigin::managed;
  const SerialPort port = board_->serial_port();
  std::string line = "console=";
  line += console_name(features, port, has_serial_port());
  line += " ";
  line += board_->usual_cmdline(discovery);
  if (managed) line += " quiet";
  if (managed && !planned_.managed->cmdline.empty()) line += " " + planned_.managed->cmdline;
  if (!config_.boot.cmdline.empty()) line += " " + config_.boot.cmdline;
  return line;
}

Result<void> Machine::load_guest() {
  loader::KernelOptions options = board_->kernel_options();
  options.owner = owner_of(config_.boot.kernel.origin);
  SPORE_TRY(const loader::KernelImage kernel, loader::load_kernel(planned_.kernel, options));
  const kernel::KernelFeatures features = kernel_features(kernel);
  BootRequest request;
  request.initrd = planned_.initrd;
  request.initrd_owner = owner_of(config_.boot.initrd.origin);
  request.discovery = discovery(features);
  request.cmdline = command_line(features, request.discovery);
  request.vcpus = config_.cpus;
  request.devices = devices_->mmio_slots();
  request.io_devices = devices_->io_nodes();
  request.serial = has_serial_port();
  spdlog::debug("kernel {} with command line: {}", planned_.kernel, request.cmdline);
  SPORE_CHECK(board_->load(memory_, kernel, request));
  // Mapped only now: files that were laid over RAM have their final pages, and the backend sees each range once.
  for (const GuestMemory::Region& region : memory_.ram())
    SPORE_CHECK(backend_.backend->map_memory(region.gpa, region.mapping.data(), region.bytes(),
                                             SPORE_MAP_READ | SPORE_MAP_WRITE | SPORE_MAP_EXECUTE));
  return {};
}

} // namespace sporehost

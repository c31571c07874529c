// One microVM from its parts to its end: backend, memory, devices and policy are put together here, run, and taken
// apart.
//
//   create:  plan -> backend -> memory -> devices -> guest image
//   run:     vCPU threads execute the guest; the main thread serves the event loop until somebody ends the machine
//   end:     vCPUs stop, then devices, memory and backend go, in the order of their dependence
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "core/base/rate_limited_log.hpp"
#include "core/board/board.hpp"
#include "core/bus/bus.hpp"
#include "core/config/machine_config.hpp"
#include "core/host/backend_choice.hpp"
#include "core/host/device_set.hpp"
#include "core/kernel/kernel_features.hpp"
#include "core/lifecycle/memory_count.hpp"
#include "core/lifecycle/report.hpp"
#include "core/lifecycle/run_life.hpp"
#include "core/machine/vcpu_threads.hpp"
#include "core/planning/planning.hpp"
#include "core/session/console.hpp"
#include "core/session/guest_session.hpp"
#include "core/system/progress.hpp"
#include "core/system/signals.hpp"
#include "core/system/watchdog.hpp"

namespace sporehost {

class Machine {
 public:
  // `registry`, `outputs` and `signals` outlive the machine; `started_ns` is when the process began its work,
  // monotonic. [main] Signals that are not watched yet are so once there is a plan.
  static spore::Result<std::unique_ptr<Machine>> create(const MachineConfig& config, plugin::Registry& registry,
                                                        Outputs& outputs, Signals& signals, uint64_t started_ns);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Runs the guest to its end. [main], once. An error means that it never ran. What it wrote is in the outputs, and may
  // still be on its way. The time allowed for the run counts from
  // `started_ns`, so that a machine that follows another one after a guest's reset has what is left of it.
  spore::Result<Report> run();

 private:
  Machine(const MachineConfig& config, plugin::Registry& registry, Outputs& outputs, Signals& signals,
          uint64_t started_ns);

  // machine_setup.cpp
  spore::Result<void> set_up();
  spore::Result<void> decide();
  spore::Result<void> plan();
  void watch_over_plugins();
  spore::Result<void> make_memory();
  spore::Result<void> make_devices();
  spore::Result<void> load_guest();
  [[nodiscard]] kernel::KernelFeatures kernel_features(const loader::KernelImage& image) const;
  [[nodiscard]] Discovery discovery(const kernel::KernelFeatures& features) const;
  [[nodiscard]] std::string command_line(const kernel::KernelFeatures& features, Discovery discovery) const;
  [[nodiscard]] bool has_serial_port() const;
  [[nodiscard]] spore_vm_callbacks callbacks();

  // machine_run.cpp: events of a run, all [main] unless tagged
  void on_vcpu_exit(uint32_t index, const spore::Result<VcpuExit>& exit);
  void on_power_request(PowerRequest request); // [vcpu]
  void on_plugin_stop(uint32_t how, uint32_t status, const std::string& reason);
  void on_plugged_changed();                    // [device]
  void on_plug_refused(const std::string& why); // [device]
  void look_at_plugged();
  void on_answered();
  void on_ready();
  void on_guest_memory();
  void on_workload_ended();
  void on_guest_gone(bool powered_off);
  [[nodiscard]] bool memory_complete() const;
  [[nodiscard]] Outcome workload_outcome() const;
  void feed(const RunLife::Event& event); // the one way into life_: hands it over and does what comes of it
  void carry_out(const RunLife::Actions& actions);
  void arm(RunLife::Timer timer, std::chrono::nanoseconds delay);
  void disarm(RunLife::Timer timer);
  [[nodiscard]] Report make_report() const;
  [[nodiscard]] double ms_since_entry(uint64_t ns) const;

  const MachineConfig config_;
  plugin::Registry& registry_;
  Outputs& outputs_;
  Signals& signals_;
  const uint64_t started_ns_;

  // In the order of dependence: what is below uses what is above, and is destroyed first.
  std::unique_ptr<EventLoop> loop_;
  MachineSide side_; // what plugins may do with this machine
  std::unique_ptr<Watchdog> watchdog_;
  ChosenBackend backend_;
  Planned planned_;
  RequestedSize requested_;
  std::unique_ptr<Board> board_;
  std::unique_ptr<IoPlaces> places_;
  GuestMemory memory_;
  std::unique_ptr<ElasticService> elastic_;
  std::unique_ptr<StreamHub> streams_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<GuestSession> session_;
  std::unique_ptr<Bus> mmio_;
  std::unique_ptr<Bus> ports_;
  std::unique_ptr<DeviceSet> devices_;
  std::unique_ptr<VcpuThreads> vcpus_;

  RateLimitedLog unplugged_log_;
  std::atomic<uint64_t> unplugged_accesses_{0};
  std::atomic<bool> plugged_posted_{false};
  std::unique_ptr<TerminalProgress> plugging_; // while memory is on its way, for a person at a terminal
  uint64_t request_ns_ = 0;                    // when the policy asked for more, monotonic
  uint64_t plugged_ns_ = 0;                    // when all of it was plugged
  uint64_t ready_ns_ = 0;
  MemoryCount memory_count_;
  RunLife life_;
  std::array<uint64_t, RunLife::kTimers> timers_{}; // of life_: numbers of the loop's timers
};

} // namespace sporehost

// What a run reports, for people (`key=value` words) and for programs (JSON).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/lifecycle/outcome.hpp"
#include "core/session/output_sink.hpp"

namespace sporehost {

struct Report {
  std::string name;
  std::string backend;
  std::string kernel_release; // as the guest says
  std::string plan_reason;    // the policy's sentence
  uint64_t ram_mib = 0;
  uint64_t virtio_mem_mib = 0;
  std::optional<double> response_ms;          // first vCPU entry to PID 1's first answer
  std::optional<double> ready_ms;             // first vCPU entry to ready
  std::optional<double> plug_ms;              // request of the policy to all of it plugged
  std::optional<uint64_t> plugged_mib;        // at the end
  std::optional<uint64_t> mem_total_first_kb; // MemTotal in PID 1's first answer
  std::optional<uint64_t> mem_total_last_kb;  // MemTotal as last reported
  double ran_ms = 0;                          // from the first vCPU entry to the end; not shown
  uint32_t restarts = 0;                      // times that the guest was started again
  double total_ms = 0;                        // from the start of the process's work to the end of the guest
  bool stdout_open_line = false;              // what has arrived on standard output ends within a line
  Outcome outcome;
  std::vector<Loss> losses;    // output of the run that did not arrive
  uint64_t log_lines_lost = 0; // likewise, of the log
  std::string console_tail;    // the last lines of the console, where the guest failed
  std::map<std::string, std::map<std::string, uint64_t>> counters; // by device
};

// Output that was lost is a failure even where the workload knows nothing of it; a reader that went away is none.
void judge_losses(Report& report);

// One line of `key=value`.
[[nodiscard]] std::string to_text(const Report& report);
// One JSON object on one line.
[[nodiscard]] std::string to_json(const Report& report);

} // namespace sporehost

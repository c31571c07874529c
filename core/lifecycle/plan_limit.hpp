// The time allowed for a run, while there is no machine yet: a kernel may be fetched, built, or waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sporehost {

// While it lives, the process ends with kExitTimeout when `allowed` has passed since `started_ns` (monotonic): as at a
// SIGTERM, so that a script that runs is ended with all that it started. Empty: no limit. [main], one at a time
class PlanLimit {
 public:
  PlanLimit(std::optional<std::chrono::milliseconds> allowed, uint64_t started_ns);
  ~PlanLimit();
  PlanLimit(const PlanLimit&) = delete;
  PlanLimit& operator=(const PlanLimit&) = delete;

 private:
  bool armed_ = false;
};

} // namespace sporehost

// `sporehost --config FILE`: runs one machine.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/app/common.hpp"
#include "core/app/standard_output.hpp"
#include "core/base/size.hpp"
#include "core/lifecycle/restarts.hpp"
#include "core/machine/machine.hpp"
#include "core/system/crash.hpp"
#include "core/system/log_output.hpp"
#include "core/system/non_blocking_writer.hpp"

namespace sporehost::app {
namespace {

using spore::fail;
using spore::Result;

spore::Error report_file_error(const std::string& file) {
  const std::string why = errno == ENXIO ? "it is a pipe that nobody reads; start the reader first"
                          : errno == ETIMEDOUT
                              ? "its reader takes nothing"
                              : std::string(std::strerror(errno)) + "; name a file in a folder that is there";
  return fail(SPORE_E_IO, "--report-file: '" + file + "' cannot be written: " + why);
}

// O_NONBLOCK: a named pipe that nobody reads is an error and not a wait.
Result<UniqueFd> open_report(const std::string& file, int flags) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags, 0644));
  if (!fd) return report_file_error(file);
  return fd;
}

// Before the guest runs: a report that has nowhere to go afterwards would mean that all was for nothing. What it gives
// stays open over the run, so that a pipe's reader does not take this look for the end.
Result<UniqueFd> check_report_file(const std::optional<std::string>& file) {
  return file ? open_report(*file, O_APPEND) : Result<UniqueFd>(UniqueFd());
}

// How long the last steps before the report wait for readers, all together.
constexpr std::chrono::seconds kLastSteps{6};

// From now on: a signal ends the waits, though not what there is to do.
Patience last_steps(Signals& signals) {
  while (signals.take()) { // one that ended the wait for the output has done so
  }
  Patience patience(kLastWords);
  patience.ends = std::chrono::steady_clock::now() + kLastSteps;
  patience.wake_fd = signals.fd();
  return patience;
}

// Text goes to standard error, beside the log; JSON is the last line of standard output, behind the workload's. Its
// readers have their own time, which no signal shortens.
Result<void> publish(const Report& report, ReportFormat format, const std::optional<std::string>& file) {
  if (format == ReportFormat::none) return {};
  const std::string text = format == ReportFormat::json ? to_json(report) : to_text(report);
  Patience patience(kLastWords);
  patience.ends = std::chrono::steady_clock::now() + 2 * kLastWords;
  if (file) {
    SPORE_TRY(UniqueFd out, open_report(*file, O_TRUNC));
    if (!write_within(out.get(), text + "\n", patience) || ::close(out.release()) != 0) return report_file_error(*file);
    return {};
  }
  if (format == ReportFormat::text) {
    say(text + "\n", patience);
    return {};
  }
  const std::string line_end = report.stdout_open_line ? "\n" : "";
  if (write_within(STDOUT_FILENO, line_end + text + "\n", patience)) return {};
  return fail(SPORE_E_IO, std::string("the report cannot be written to standard output: ") + std::strerror(errno));
}

// After this the log is over.
void finish_log(Report& report, const Patience& patience) {
  const auto log = log_output();
  if (!log) return;
  log->finish(patience);
  report.log_lines_lost = log->lost_lines();
  if (report.log_lines_lost != 0)
    say(fmt::format("sporehost: {}: {} lines of the log were lost: {}\n", log->name(), report.log_lines_lost,
                    log->error() == 0 ? "nobody read them" : std::strerror(log->error())),
        patience);
}

void explain(const Report& report, const Patience& patience) {
  for (const Loss& loss : report.losses)
    if (!loss.reader_gone()) say("sporehost: " + loss.text() + "\n", patience);
  if (report.outcome.text.empty()) return;
  say("sporehost: " + report.outcome.text + "\n", patience);
  if (!report.console_tail.empty())
    say("sporehost: the last lines of the guest's console:\n" + report.console_tail + "\n", patience);
}

// A run over all its starts: what they share.
struct Run {
  const MachineConfig& config;
  plugin::Registry& registry;
  Outputs& outputs;
  Signals& signals;
  const uint64_t started_ns;
};

// One start of the guest. The machine is gone when this returns.
Result<Report> run_once(const Run& run) {
  SPORE_TRY(auto machine, Machine::create(run.config, run.registry, run.outputs, run.signals, run.started_ns));
  return machine->run();
}

// Whether the guest is to be started again after this report, with the pause before it behind it. Where it is not, the
// report's outcome says why.
Result<bool> start_again(const Run& run, Report& report, Restarts& restarts) {
  const MachineConfig& config = run.config;
  const bool reset = report.outcome.end == RunEnd::guest_reset || report.outcome.end == RunEnd::panic;
  if (!reset || config.lifecycle.on_guest_reset != GuestReset::restart) return false;
  const auto pause = restarts.next(std::chrono::nanoseconds(static_cast<int64_t>(report.ran_ms * 1e6)));
  if (!pause) {
    report.outcome.text = restarts.why_not(report.outcome.text);
    return false;
  }
  spdlog::info("{}; starting it again in {} (lifecycle.on-guest-reset)", report.outcome.text,
               format_duration(static_cast<uint64_t>(pause->count())));
  std::optional<std::chrono::nanoseconds> left;
  if (const auto allowed = config.lifecycle.run_timeout)
    left = *allowed - std::chrono::nanoseconds(monotonic_ns() - run.started_ns);
  SPORE_TRY(auto loop, EventLoop::create());
  run.outputs.attach(*loop); // a slow reader need not wait for the next machine
  auto end = pause_before_restart(*loop, run.signals, *pause, left, config.lifecycle.run_timeout);
  run.outputs.detach();
  if (!end) return end.error();
  if (!*end) return true;
  report.outcome = std::move(**end);
  return false;
}

// Starts the guest as often as it is to be; gives the report of the last start. An error means that it never ran.
Result<Report> run_all(const Run& run) {
  Restarts restarts(run.config.lifecycle.restart_max);
  SPORE_TRY(Report report, run_once(run));
  while (true) {
    const auto again = start_again(run, report, restarts);
    if (again.ok() && !*again) return report;
    Result<Report> next = again.ok() ? Result<Report>(Report{}) : Result<Report>(again.error());
    if (next) {
      // A new machine is the most thorough system reset there is: nothing of the old one is left.
      run.outputs.mark_restart(restarts.count());
      next = run_once(run);
    }
    if (!next) { // something did run, and its end is known
      if (const auto signal = run.signals.take()) {
        report.outcome = stopped_between_starts(*signal);
      } else {
        report.outcome.text += "; it could not be started again: " + next.error().text;
      }
      return report;
    }
    report = std::move(*next);
    report.restarts = restarts.count();
  }
}

// Waits for the readers of the run's output, once, at its end: what a machine leaves is not in the way of the next. A
// signal gives up what is left, and so does the end of the time allowed; a moment it has in any case.
void finish_outputs(const Run& run, Report& report) {
  FlushLimit limit{.wake_fd = run.signals.fd()};
  if (const auto allowed = run.config.lifecycle.run_timeout) {
    const uint64_t ends_ns = run.started_ns + static_cast<uint64_t>(allowed->count()) * 1'000'000;
    limit.deadline_ns = std::max(ends_ns, monotonic_ns() + 1'000'000'000);
  }
  (void)run.outputs.flush(limit);
  report.losses = run.outputs.losses();
  report.stdout_open_line = run.outputs.standard_output().open_line();
  judge_losses(report);
}

} // namespace

int run_machine(const Arguments& arguments) {
  const uint64_t started_ns = monotonic_ns();
  install_crash_handler();
  const ExitGuard guard; // until the report is out
  auto config = load_config(arguments);
  if (!config) return complain(config.error());
  if (auto logging = set_up_logging(arguments, &*config); !logging) return complain(logging.error());
  if (auto runnable = check_runnable(*config); !runnable) return complain(runnable.error());
  const auto report_file = check_report_file(arguments.value("report-file"));
  if (!report_file) return complain(report_file.error());
  plugin::Registry registry = make_registry(arguments, &*config, PluginsFor::run);
  const ConsoleTarget console = ConsoleTarget::parse(arguments.value("console").value_or("auto"))
                                    .resolved(config->boot.initrd.origin != ArtifactOrigin::managed);
  auto outputs = Outputs::create(console);
  if (!outputs) return complain(outputs.error());
  const auto signals = Signals::create(); // until the report is published: no signal loses it
  if (!signals) return complain(signals.error());
  const Run run{*config, registry, **outputs, **signals, started_ns};
  auto report = run_all(run);
  if (!report) return complain(report.error());
  finish_outputs(run, *report);
  const Patience patience = last_steps(**signals);
  finish_log(*report, patience);
  explain(*report, patience);
  int status = report->outcome.exit_status;
  if (auto published = publish(*report, config->report, arguments.value("report-file")); !published) {
    say("sporehost: " + published.error().text + "\n");
    if (status == 0) status = kExitOutput; // not "nothing was run"
  }
  return status;
}

} // namespace sporehost::app

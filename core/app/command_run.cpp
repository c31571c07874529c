// `sporehost --config FILE`: runs one machine.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/app/common.hpp"
#include "core/machine/machine.hpp"

namespace sporehost::app {
namespace {

using spore::fail;
using spore::Result;

spore::Error report_file_error(const std::string& file) {
  return fail(SPORE_E_IO, "--report-file: '" + file + "' cannot be written: " + std::strerror(errno) +
                              "; name a file in a folder that is there");
}

// Before the guest runs: a report that has nowhere to go afterwards would mean that all was for nothing.
Result<void> check_report_file(const std::optional<std::string>& file) {
  if (!file || std::ofstream(*file, std::ios::app)) return {};
  return report_file_error(*file);
}

// Text goes to standard error, beside the log; JSON is the last line of standard output, behind the workload's.
Result<void> publish(const Report& report, ReportFormat format, const std::optional<std::string>& file) {
  if (format == ReportFormat::none) return {};
  const std::string text = format == ReportFormat::json ? to_json(report) : to_text(report);
  if (file) {
    std::ofstream out(*file);
    out << text << '\n';
    out.close();
    if (!out) return report_file_error(*file);
    return {};
  }
  std::FILE* stream = format == ReportFormat::json ? stdout : stderr;
  const char* line_end = format == ReportFormat::json && report.stdout_open_line ? "\n" : "";
  std::fprintf(stream, "%s%s\n", line_end, text.c_str());
  std::fflush(stream);
  return {};
}

void explain(const Report& report) {
  if (report.outcome.text.empty()) return;
  std::fprintf(stderr, "sporehost: %s\n", report.outcome.text.c_str());
  if (!report.console_tail.empty())
    std::fprintf(stderr, "sporehost: the last lines of the guest's console:\n%s\n", report.console_tail.c_str());
}

Result<Report> run_once(const MachineConfig& config, plugin::Registry& registry, const Arguments& arguments,
                        uint64_t started_ns, uint64_t& first_run_ns) {
  const ConsoleTarget console = ConsoleTarget::parse(arguments.value("console").value_or("auto"));
  SPORE_TRY(auto machine, Machine::create(config, registry, console, started_ns));
  if (first_run_ns == 0) first_run_ns = monotonic_ns();
  return machine->run(monotonic_ns() - first_run_ns);
}

} // namespace

int run_machine(const Arguments& arguments) {
  const uint64_t started_ns = monotonic_ns();
  auto config = load_config(arguments);
  if (!config) return complain(config.error());
  if (auto logging = set_up_logging(arguments, &*config); !logging) return complain(logging.error());
  if (auto runnable = check_runnable(*config); !runnable) return complain(runnable.error());
  if (auto writable = check_report_file(arguments.value("report-file")); !writable) return complain(writable.error());
  plugin::Registry registry = make_registry(arguments, &*config);
  uint64_t first_run_ns = 0; // a reset starts another machine, but no other run: lifecycle.run-timeout goes on
  while (true) {
    const auto report = run_once(*config, registry, arguments, started_ns, first_run_ns);
    if (!report) return complain(report.error());
    const bool reset = report->outcome.end == RunEnd::guest_reset || report->outcome.end == RunEnd::panic;
    if (reset && config->lifecycle.on_guest_reset == GuestReset::restart) {
      // A new machine is the most thorough system reset there is: nothing of the old one is left.
      spdlog::info("{}; starting it again (lifecycle.on-guest-reset)", report->outcome.text);
      continue;
    }
    explain(*report);
    if (auto published = publish(*report, config->report, arguments.value("report-file")); !published)
      return complain(published.error());
    return report->outcome.exit_status;
  }
}

} // namespace sporehost::app

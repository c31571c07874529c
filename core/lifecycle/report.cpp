#include "core/lifecycle/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace sporehost {
namespace {

double tenth(double ms) {
  return std::round(ms * 10) / 10;
}

uint64_t lost_bytes(const Report& r) {
  uint64_t bytes = 0;
  for (const Loss& loss : r.losses) bytes += loss.bytes;
  return bytes;
}

} // namespace

void judge_losses(Report& report) {
  for (const Loss& loss : report.losses)
    if (!loss.reader_gone() && report.outcome.exit_status == 0) report.outcome.exit_status = kExitOutput;
}

std::string to_text(const Report& r) {
  std::string text = fmt::format("ram_mib={} virtio_mem_mib={}", r.ram_mib, r.virtio_mem_mib);
  if (r.response_ms) text += fmt::format(" response_ms={:.0f}", *r.response_ms);
  if (r.plug_ms) text += fmt::format(" plug_ms={:.0f}", *r.plug_ms);
  if (r.plugged_mib && r.virtio_mem_mib != 0) text += fmt::format(" plugged_mib={}", *r.plugged_mib);
  if (r.mem_total_first_kb) text += fmt::format(" memtotal_before_kb={}", *r.mem_total_first_kb);
  if (r.mem_total_last_kb) text += fmt::format(" memtotal_after_kb={}", *r.mem_total_last_kb);
  if (r.mem_total_first_kb && r.mem_total_last_kb && *r.mem_total_last_kb >= *r.mem_total_first_kb)
    text += fmt::format(" growth_kb={}", *r.mem_total_last_kb - *r.mem_total_first_kb);
  if (r.restarts != 0) text += fmt::format(" restarts={}", r.restarts);
  if (!r.losses.empty()) text += fmt::format(" lost_bytes={}", lost_bytes(r));
  if (r.log_lines_lost != 0) text += fmt::format(" log_lines_lost={}", r.log_lines_lost);
  return text + fmt::format(" end={} status={}", to_string(r.outcome.end), r.outcome.exit_status);
}

std::string to_json(const Report& r) {
  nlohmann::ordered_json json;
  const auto put = [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  json["name"] = r.name;
  json["backend"] = r.backend;
  json["ram_mib"] = r.ram_mib;
  json["virtio_mem_mib"] = r.virtio_mem_mib;
  json["plan"] = r.plan_reason;
  if (!r.kernel_release.empty()) json["kernel"] = r.kernel_release;
  if (r.response_ms) json["response_ms"] = tenth(*r.response_ms);
  if (r.ready_ms) json["ready_ms"] = tenth(*r.ready_ms);
  if (r.plug_ms) json["plug_ms"] = tenth(*r.plug_ms);
  put("plugged_mib", r.plugged_mib);
  put("memtotal_before_kb", r.mem_total_first_kb);
  put("memtotal_after_kb", r.mem_total_last_kb);
  if (r.restarts != 0) json["restarts"] = r.restarts;
  json["total_ms"] = tenth(r.total_ms);
  json["end"] = to_string(r.outcome.end);
  json["exit_status"] = r.outcome.exit_status;
  if (!r.outcome.text.empty()) json["message"] = r.outcome.text;
  for (const Loss& loss : r.losses) json["lost_bytes"][loss.stream] = loss.bytes;
  if (r.log_lines_lost != 0) json["log_lines_lost"] = r.log_lines_lost;
  json["devices"] = r.counters;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace sporehost

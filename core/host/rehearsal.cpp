// The parent's side of a rehearsal, and the form in which it travels.
#include "core/host/rehearsal.hpp"

#include <spdlog/spdlog.h>

#include <string_view>

#include "core/base/foreign_text.hpp"
#include "core/base/text.hpp"
#include "core/host/rehearsal_wire.hpp"
#include "core/plugin/child.hpp"

namespace sporehost {

using nlohmann::json;
using spore::fail;
using spore::Result;

namespace {

constexpr std::chrono::seconds kMeasuring{10}; // a backend may take its time to see how fast it is

constexpr std::string_view kOrigin = "plugin '"; // what an error that names its plugin begins with

template <typename Struct>
std::string to_hex(const Struct& value) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  std::string text;
  for (size_t i = 0; i < sizeof value; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <typename Struct>
bool from_hex(const json& object, const char* key, Struct& out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() != 2 * sizeof out) return false;
  auto* bytes = reinterpret_cast<unsigned char*>(&out);
  for (size_t i = 0; i < sizeof out; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

json to_json(const RehearsedPart& part) {
  return {{"file", part.file.string()}, {"kind", part.kind},       {"id", part.id},
          {"name", part.name},          {"options", part.options}, {"place", part.place}};
}

RehearsedPart part_from_json(const json& object) {
  const auto text = [&](const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                                                 : std::string();
  };
  RehearsedPart part{text("file"), 0, text("id"), text("name"), text("options"), text("place")};
  if (object.is_object() && object.contains("kind") && object["kind"].is_number_unsigned())
    part.kind = object["kind"].get<uint32_t>();
  return part;
}

std::string text_of(const json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? printable(found->get_ref<const std::string&>()) : std::string();
}

json to_json(const MemoryPlan& plan) {
  return {{"numbers", {plan.boot_bytes, plan.region_bytes, plan.requested_bytes, plan.block_bytes, plan.slot_bytes}},
          {"reason", plan.reason}};
}

json to_json(const Probe& probe) {
  return {
      {"numbers",
       {uint64_t{probe.usable}, uint64_t{probe.fit_for_linux}, uint64_t{probe.vcpus_max}, probe.instructions_per_second,
        probe.capabilities, probe.page_bytes, uint64_t{probe.memory_slots_max}, uint64_t{probe.guest_address_bits}}},
      {"summary", probe.summary}};
}

// As many numbers as there have to be, or nothing.
std::optional<std::vector<uint64_t>> numbers_of(const json& object, size_t count) {
  const json& list = object.is_object() ? object.value("numbers", json()) : json();
  if (!list.is_array() || list.size() != count) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const json& number : list) {
    if (!number.is_number_unsigned()) return std::nullopt;
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

bool plan_from_json(const json& object, MemoryPlan& plan) {
  const auto n = numbers_of(object, 5);
  if (!n) return false;
  plan = {(*n)[0], (*n)[1], (*n)[2], (*n)[3], (*n)[4], text_of(object, "reason")};
  return true;
}

bool probe_from_json(const json& object, Probe& probe) {
  const auto n = numbers_of(object, 8);
  if (!n) return false;
  probe = {(*n)[0] != 0,
           (*n)[1] != 0,
           static_cast<uint32_t>((*n)[2]),
           (*n)[3],
           (*n)[4],
           (*n)[5],
           static_cast<uint32_t>((*n)[6]),
           static_cast<uint32_t>((*n)[7]),
           text_of(object, "summary")};
  return true;
}

// An exception that the boundary stopped is an error in the log, of the host's or of the wrapper's, and no more: the
// call goes on as if nothing had been. Empty: the line is none of those.
std::string escaped_exception(const json& line) {
  const json& level = line["log"];
  const std::string text = text_of(line, "text");
  const bool is_error = level.is_number_integer() && level == static_cast<int>(spdlog::level::err);
  return is_error && text.find("(SDK-7)") != std::string::npos ? text : std::string();
}

// What an object of the rehearsal logged.
void pass_on(const json& line) {
  const json& level = line["log"];
  if (!level.is_number_integer() || level < spdlog::level::trace || level > spdlog::level::err) return;
  spdlog::log(static_cast<spdlog::level::level_enum>(level.get<int>()), "{}", text_of(line, "text"));
}

} // namespace

json rehearsal_to_json(const Rehearsal& rehearsal) {
  json out = {{"request", to_hex(rehearsal.request)},
              {"facts", to_hex(rehearsal.facts)},
              {"measure", rehearsal.measure},
              {"backend_may_fail", rehearsal.backend_may_fail},
              {"devices", json::array()}};
  if (rehearsal.policy) out["policy"] = to_json(*rehearsal.policy);
  if (rehearsal.backend) out["backend"] = to_json(*rehearsal.backend);
  for (const RehearsedPart& part : rehearsal.devices) out["devices"].push_back(to_json(part));
  return out;
}

std::optional<Rehearsal> rehearsal_from_json(const json& object) {
  Rehearsal rehearsal;
  if (!object.is_object() || !from_hex(object, "request", rehearsal.request) ||
      !from_hex(object, "facts", rehearsal.facts) || !object.contains("devices"))
    return std::nullopt;
  rehearsal.measure = object.value("measure", json()) == true;
  rehearsal.backend_may_fail = object.value("backend_may_fail", json()) == true;
  if (object.contains("policy")) rehearsal.policy = part_from_json(object["policy"]);
  if (object.contains("backend")) rehearsal.backend = part_from_json(object["backend"]);
  for (const json& part : object["devices"]) rehearsal.devices.push_back(part_from_json(part));
  return rehearsal;
}

json result_to_json(const Result<Rehearsed>& result) {
  if (!result) return {{"error", result.error().text}, {"status", result.error().status}};
  return {{"plan", to_json(result->plan)}, {"probe", to_json(result->probe)}};
}

std::optional<Result<Rehearsed>> result_from_json(const json& object) {
  if (object.contains("error")) {
    const json& status = object.value("status", json());
    const bool known = status.is_number_integer() && status > SPORE_OK && status <= SPORE_E_TIMEOUT;
    return fail(known ? status.get<spore_status>() : static_cast<spore_status>(SPORE_E_INTERNAL),
                text_of(object, "error"));
  }
  Rehearsed done;
  if (!object.contains("plan") || !object.contains("probe") || !plan_from_json(object["plan"], done.plan) ||
      !probe_from_json(object["probe"], done.probe))
    return std::nullopt;
  return done;
}

Result<Rehearsed> rehearse(const Rehearsal& rehearsal) {
  plugin::ChildCall call;
  call.arguments = {kRehearseCommand};
  call.input = rehearsal_to_json(rehearsal).dump(-1, ' ', false, json::error_handler_t::replace);
  call.limit = plugin::step_limit() + (rehearsal.measure ? kMeasuring : std::chrono::seconds(0));
  const plugin::ChildEnd end = plugin::run_child(call);
  std::string where, whose = "plugins", escaped;
  std::optional<Result<Rehearsed>> result;
  for (const json& line : end.lines) {
    if (line.contains("log")) pass_on(line);
    if (line.contains("log") && escaped.empty())
      if (const std::string text = escaped_exception(line); !text.empty())
        escaped = text.starts_with(kOrigin) ? text : whose + ": " + text;
    if (line.contains("step")) where = text_of(line, "step"), whose = text_of(line, "whose");
    if (line.contains("plan") || line.contains("error")) result = result_from_json(line);
  }
  if (!end.clean() || !result) {
    const bool by_itself = end.how == plugin::ChildEnd::How::exited;
    return fail(SPORE_E_INTERNAL, whose + " " + end.text(where, call.limit) + (by_itself ? plugin::rule_text(20) : ""));
  }
  if (*result && !escaped.empty()) return fail(SPORE_E_INTERNAL, escaped);
  if (*result) (*result)->remarks = plugin::remarks_of(end);
  return std::move(*result);
}

} // namespace sporehost

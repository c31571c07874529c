#include "core/kernel/supply_wire.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"
#include "core/kernel/source_facts.hpp"

namespace sporehost::kernel {

using nlohmann::json;
using spore::Result;

namespace {

constexpr std::string_view kCallFormat = "format=1";
constexpr int kAnswerFormat = 1;
constexpr size_t kMostNotes = 8, kMostNote = 2048, kMostError = 16384; // six bytes each in JSON, at worst

// Every single text of the settings, with its name on the wire.
template <typename Settings, typename Visit>
void for_each_text(Settings& settings, Visit&& visit) {
  visit("arch", settings.arch);
  visit("cache", settings.cache);
  visit("initrd-cache", settings.initrd_cache);
  visit("agent", settings.agent);
  visit("scripts", settings.scripts);
  visit("base-url", settings.release.base_url);
  visit("repository", settings.release.repository);
  visit("tag", settings.release.tag);
  visit("version", settings.release.version);
  visit("sha256", settings.release.sha256);
  visit("flavour", settings.flavour);
  visit("ca-file", settings.ca_file);
}

const std::string& text_of(const std::string& text) {
  return text;
}
const std::string& text_of(const std::filesystem::path& path) {
  return path.native();
}

// What follows `key` may be what a script called its folder, and nothing that leads out of the cache.
bool is_key_of(const std::string& key, const SourceFacts& source) {
  if (source.key_is_whole) return key == source.key;
  return key.starts_with(source.key) && key.size() <= 255 && key.find('/') == std::string::npos;
}

std::optional<std::string> text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<Result<SupplyAnswer>> refusal_from(const json& object) {
  const auto status = object.find("status");
  auto text = text_at(object, "error");
  if (status == object.end() || !status->is_number_integer() || !text || text->empty()) return std::nullopt;
  const auto number = status->get<int64_t>();
  if (number < SPORE_E_INVALID || number > SPORE_E_TIMEOUT) return std::nullopt;
  return Result<SupplyAnswer>(spore::fail(static_cast<spore_status>(number), std::move(*text)));
}

} // namespace

std::vector<std::string> call_to_words(const SupplyCall& call) {
  std::vector<std::string> words{std::string(kCallFormat),
                                 std::string("offline=") + (call.settings.offline ? "yes" : "no"),
                                 std::string("digests=") + (call.digests == Digests::compute ? "all" : "once")};
  for (const std::string& source : call.settings.sources) words.push_back("source=" + source);
  for_each_text(call.settings, [&](const char* name, const auto& value) {
    words.push_back(std::string(name) + "=" + text_of(value));
  });
  return words;
}

std::optional<SupplyCall> call_from_words(const std::vector<std::string>& words) {
  if (words.empty() || words.front() != kCallFormat) return std::nullopt;
  SupplyCall call;
  call.settings.sources.clear();
  std::map<std::string, std::string> values;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) return std::nullopt;
    const std::string name = words[i].substr(0, equals), value = words[i].substr(equals + 1);
    if (name == "source") {
      if (!check_source_name(value)) return std::nullopt;
      call.settings.sources.push_back(value);
    } else if (!values.emplace(name, value).second) {
      return std::nullopt;
    }
  }
  const auto one_of = [&](const char* name, const char* yes, const char* no) -> std::optional<bool> {
    const auto value = values.extract(name);
    if (value.empty() || (value.mapped() != yes && value.mapped() != no)) return std::nullopt;
    return value.mapped() == yes;
  };
  const auto offline = one_of("offline", "yes", "no"), all = one_of("digests", "all", "once");
  bool complete = offline && all;
  for_each_text(call.settings, [&](const char* name, auto& value) {
    auto found = values.extract(name);
    complete = complete && !found.empty();
    if (!found.empty()) value = std::move(found.mapped());
  });
  if (!complete || !values.empty()) return std::nullopt;
  call.settings.offline = *offline;
  call.digests = *all ? Digests::compute : Digests::compute_once;
  return call;
}

std::string answer_to_json(const Result<SupplyAnswer>& answer) {
  json object = {{"format", kAnswerFormat}};
  if (answer) {
    object["source"] = answer->source;
    object["key"] = answer->key;
    object["notes"] = json::array();
    for (size_t i = 0; i < std::min(answer->notes.size(), kMostNotes); ++i)
      object["notes"].push_back(cut_text(answer->notes[i], kMostNote));
  } else {
    object["status"] = answer.error().status;
    object["error"] = cut_text(answer.error().text, kMostError);
  }
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Result<SupplyAnswer>> answer_from_json(std::string_view text, const KernelSettings& settings) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || object.value("format", json()) != json(kAnswerFormat)) return std::nullopt;
  if (object.contains("error")) return refusal_from(object);
  SupplyAnswer answer;
  const auto source = text_at(object, "source"), key = text_at(object, "key");
  const auto notes = object.find("notes");
  if (!source || !key || notes == object.end() || !notes->is_array() || notes->size() > kMostNotes) return std::nullopt;
  const std::vector<std::string> known = cached_sources(settings);
  if (std::find(known.begin(), known.end(), *source) == known.end()) return std::nullopt;
  if (!is_key_of(*key, source_facts(*source, settings))) return std::nullopt;
  answer.source = *source;
  answer.key = *key;
  for (const json& note : *notes) {
    if (!note.is_string()) return std::nullopt;
    answer.notes.push_back(note.get<std::string>());
  }
  return Result<SupplyAnswer>(std::move(answer));
}

} // namespace sporehost::kernel

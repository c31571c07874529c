#include "core/plugin/examination.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/text.hpp"
#include "core/config/option_schema.hpp"
#include "core/config/words.hpp"
#include "core/plugin/shared_object.hpp"

namespace sporehost::plugin {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kConstructors = "in its constructors";
constexpr const char* kEntry = "in " SPORE_PLUGIN_ENTRY_SYMBOL;
constexpr const char* kUnloading = "when it was unloaded";
constexpr size_t kMostQuoted = 200;
// What an answer may hold; an honest one stays below, as the descriptor was read with the same bounds.
constexpr size_t kMostFactories = 64;
constexpr size_t kMostUses = 64;
constexpr size_t kMostLine = 3 * 512; // what is no UTF-8 grows on its way
constexpr size_t kMostReason = 16384;
constexpr size_t kMostSchema = 3 * 256 * 1024;
constexpr uint32_t kMostRule = 99;

Examination refused(LoadFailure failure) {
  return {failure.state, std::move(failure.reason), failure.rule, {}, {}};
}

Examination read_entry(Library& library, HostAbi abi) {
  auto raw = library.enter();
  if (auto* failure = std::get_if<LoadFailure>(&raw)) return refused(std::move(*failure));
  auto descriptor = read_descriptor(std::get<0>(raw), abi);
  if (auto* failure = std::get_if<LoadFailure>(&descriptor)) return refused(std::move(*failure));
  return {LoadState::Loaded, "", 0, std::get<0>(std::move(descriptor)), {}};
}

// A schema that users' options cannot be checked against makes its factory useless, and the plugin's author should hear
// of it before they do.
void check_schemas(Examination& found) {
  for (const Factory& factory : found.descriptor.factories) {
    const auto schema = OptionSchema::parse(factory.options_schema, factory.id);
    if (schema) continue;
    found = refused({LoadState::BadDescriptor, schema.error().text, 6});
    return;
  }
}

// ---- over the boundary between the processes -----------------------------------------------------------------------

json to_json(const Examination& found) {
  json factories = json::array();
  for (const Factory& factory : found.descriptor.factories)
    factories.push_back({{"kind", factory.kind},
                         {"id", factory.id},
                         {"summary", factory.summary},
                         {"schema", factory.options_schema},
                         {"uses", factory.uses}});
  return {{"state", name_of(found.state)},
          {"reason", found.reason},
          {"rule", found.rule},
          {"id", found.descriptor.id},
          {"version", found.descriptor.version},
          {"abi", {found.descriptor.abi_major, found.descriptor.abi_minor}},
          {"arch", found.descriptor.arch},
          {"factories", std::move(factories)}};
}

// The values of an answer that is not trusted: what is missing or of another type makes the whole answer void.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  std::string text(const char* key) {
    const auto found = object_.find(key);
    if (found != object_.end() && found->is_string()) return found->get<std::string>();
    sound_ = false;
    return {};
  }
  // One line of 1 to `most` bytes, as the descriptor's fields are.
  std::string line(const char* key, size_t most) {
    std::string value = text(key);
    require(!value.empty() && value.size() <= most);
    return printable(value);
  }
  uint32_t number(const char* key, uint32_t most) {
    const auto found = object_.find(key);
    return bounded(found != object_.end() ? *found : json(), most);
  }
  uint32_t bounded(const json& value, uint32_t most) {
    if (value.is_number_unsigned() && value.get<uint64_t>() <= most) return value.get<uint32_t>();
    sound_ = false;
    return 0;
  }
  const json& list(const char* key, size_t most) {
    static const json kNone = json::array();
    const auto found = object_.find(key);
    if (found != object_.end() && found->is_array() && found->size() <= most) return *found;
    sound_ = false;
    return kNone;
  }
  void require(bool holds) { sound_ = sound_ && holds; }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  const json& object_;
  bool sound_ = true;
};

std::optional<LoadState> state_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(LoadState::TimedOut); ++i)
    if (const auto state = static_cast<LoadState>(i); name_of(state) == name) return state;
  return std::nullopt;
}

std::optional<Factory> read_factory(const json& object) {
  if (!object.is_object()) return std::nullopt;
  Reader reader(object);
  Factory factory;
  factory.kind = reader.number("kind", UINT32_MAX);
  factory.id = reader.text("id");
  factory.summary = reader.line("summary", kMostLine);
  factory.options_schema = reader.text("schema");
  reader.require(factory.options_schema.size() <= kMostSchema);
  for (const json& name : reader.list("uses", kMostUses)) {
    reader.require(name.is_string());
    if (name.is_string()) factory.uses.push_back(name.get<std::string>());
  }
  reader.require(is_plugin_id(factory.id));
  return reader.sound() ? std::optional(std::move(factory)) : std::nullopt;
}

bool has_factory(const std::vector<Factory>& factories, const Factory& like) {
  return std::any_of(factories.begin(), factories.end(),
                     [&](const Factory& one) { return one.kind == like.kind && one.id == like.id; });
}

// Of a file that can be used.
std::optional<Descriptor> read_answered_descriptor(const json& object) {
  Reader reader(object);
  Descriptor descriptor;
  descriptor.id = reader.text("id");
  descriptor.version = reader.line("version", kMostLine);
  descriptor.arch = reader.number("arch", UINT32_MAX);
  const json& abi = reader.list("abi", 2);
  reader.require(abi.size() == 2);
  if (!reader.sound()) return std::nullopt;
  descriptor.abi_major = static_cast<uint16_t>(reader.bounded(abi[0], UINT16_MAX));
  descriptor.abi_minor = static_cast<uint16_t>(reader.bounded(abi[1], UINT16_MAX));
  for (const json& one : reader.list("factories", kMostFactories)) {
    auto factory = read_factory(one);
    reader.require(factory && !has_factory(descriptor.factories, *factory));
    if (reader.sound()) descriptor.factories.push_back(std::move(*factory));
  }
  reader.require(is_plugin_id(descriptor.id) && !descriptor.factories.empty() && descriptor.arch == SPORE_ARCH_NATIVE &&
                 descriptor.abi_major == HostAbi{}.major);
  for (const Factory& factory : descriptor.factories)
    reader.require(!kind_name(factory.kind).empty() || descriptor.abi_minor > HostAbi{}.minor);
  return reader.sound() ? std::optional(std::move(descriptor)) : std::nullopt;
}

std::optional<Examination> from_json(const json& object) {
  Reader reader(object);
  Examination found;
  const auto state = state_named(reader.text("state"));
  found.reason = printable(reader.text("reason"));
  found.rule = static_cast<int>(reader.number("rule", kMostRule));
  if (!state || !reader.sound() || found.reason.size() > kMostReason) return std::nullopt;
  found.state = *state;
  if (!is_usable(*state)) return found.reason.empty() ? std::nullopt : std::optional(std::move(found));
  auto descriptor = read_answered_descriptor(object);
  if (!descriptor || *state != LoadState::Loaded) return std::nullopt;
  found.reason.clear();
  found.rule = 0;
  found.descriptor = std::move(*descriptor);
  check_schemas(found); // the child has done so, if it was the child that answered
  return found;
}

LoadState state_of(const ChildEnd& end) {
  switch (end.how) {
    case ChildEnd::How::signalled:
      return LoadState::Crashed;
    case ChildEnd::How::timed_out:
      return LoadState::TimedOut;
    default:
      return LoadState::Exited;
  }
}

// Where everybody may write, everybody may decide what the host runs.
void remark_rights(const fs::path& file, std::vector<Remark>& remarks) {
  const auto open_to_all = [](const fs::path& path, bool folder) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & S_IWOTH) == 0) return false;
    return !(folder && (status.st_mode & S_ISVTX) != 0); // as in /tmp: others' files are safe
  };
  if (open_to_all(file, false))
    remarks.push_back({"can be changed by every user of this computer: chmod o-w " + file.string(), 0});
  if (const fs::path folder = file.parent_path(); open_to_all(folder, true))
    remarks.push_back({"is in a folder that every user of this computer can change: chmod o-w " + folder.string(), 0});
}

void quote_printed(const std::string& text, const char* stream, std::vector<Remark>& remarks) {
  if (!text.empty())
    remarks.push_back({std::string("writes to ") + stream + ": " + printed_line(text, kMostQuoted), 20});
}

} // namespace

std::string rule_text(int rule) {
  return rule == 0 ? std::string() : " (SDK-" + std::to_string(rule) + ")";
}

Examination load_here(const fs::path& file, HostAbi abi, std::shared_ptr<Library>& library) {
  if (auto failure = check_shared_object(file)) return refused(std::move(*failure));
  auto opened = Library::open(file);
  if (auto* failure = std::get_if<LoadFailure>(&opened)) return refused(std::move(*failure));
  auto kept = std::get<0>(std::move(opened));
  Examination found = read_entry(*kept, abi);
  if (is_usable(found.state)) library = std::move(kept);
  return found;
}

std::vector<Remark> remarks_of(const ChildEnd& end) {
  std::vector<Remark> remarks;
  quote_printed(end.out, "standard output", remarks);
  quote_printed(end.err, "standard error", remarks);
  if (end.doubled) remarks.push_back({"forks the process while it is loaded", 20});
  if (end.left_processes) remarks.push_back({"leaves processes behind that it started", 20});
  return remarks;
}

Examination examine_in_child(const fs::path& file) {
  if (auto failure = check_shared_object(file)) return refused(std::move(*failure));
  const auto limit = step_limit();
  ChildCall call;
  call.arguments = {kExamineCommand, file.string()};
  call.limit = limit;
  const ChildEnd end = run_child(call);
  std::string where = kConstructors;
  std::optional<Examination> found;
  bool threads = false, garbled = false;
  for (const json& line : end.lines) {
    if (line.contains("step") && line["step"].is_string()) where = printable(line["step"].get<std::string>());
    if (line.contains("state")) found = from_json(line), garbled = !found;
    threads = threads || line.contains("threads");
  }
  if (end.how == ChildEnd::How::not_started) return {state_of(end), end.text(where, limit), 0, {}, {}};
  if (end.clean() && garbled)
    return {LoadState::Exited, "wrote what cannot be true to a descriptor that is not its own", 20, {}, {}};
  if (!end.clean() || !found) {
    const bool ended = end.how == ChildEnd::How::exited;
    return {state_of(end), end.text(where, limit), ended ? 20 : 1, {}, {}};
  }
  found->remarks = remarks_of(end);
  if (threads) found->remarks.push_back({"starts a thread while it is loaded", 1});
  remark_rights(file, found->remarks);
  return std::move(*found);
}

void answer_examination(const fs::path& file) {
  const Answer answer;
  answer.step(kConstructors);
  auto opened = Library::open(file);
  if (auto* failure = std::get_if<LoadFailure>(&opened)) {
    answer.send(to_json(refused(std::move(*failure))));
    answer.end();
  }
  auto library = std::get<0>(std::move(opened));
  answer.step(kEntry);
  Examination found = read_entry(*library, {});
  if (is_usable(found.state)) check_schemas(found);
  if (answer.has_new_threads()) {
    answer.send({{"threads", true}}); // and its code stays where they run
  } else {
    answer.step(kUnloading);
    library.reset();
  }
  answer.send(to_json(found));
  answer.end();
}

} // namespace sporehost::plugin

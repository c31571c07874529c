// links: spore_config
// Feeds any bytes to the machine description's reader, and what it accepts to an option schema.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/config/machine_config.hpp"
#include "core/config/option_schema.hpp"

namespace {

constexpr std::string_view kSchema = R"({"type":"object","properties":{
  "slot":{"type":"string","format":"size","default":"128MiB","minimum":"2MiB"},
  "poll":{"type":"string","format":"duration"},
  "limit":{"anyOf":[{"const":"auto"},{"type":"string","format":"size"}]},
  "sub":{"type":"object","properties":{"on":{"type":"boolean","default":false}}},
  "list":{"type":"array","items":{"type":"integer","multipleOf":2}}}})";

sporehost::OptionTree some_options() {
  sporehost::OptionTree options;
  options.value = {
      {"a", "1KiB"}, {"b", {1, "x", nullptr}}, {"c", {{"a", -3}, {"d", 1.5}}}, {"e", true}, {"f", INT64_MIN}};
  options.file = "options";
  return options;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto schema = sporehost::OptionSchema::parse(kSchema, "fuzz");
  if (!schema) std::abort();
  // Any text may also turn up as a plugin's schema.
  if (auto odd = sporehost::OptionSchema::parse(text, "fuzz")) (void)odd->apply(some_options());
  auto config = sporehost::parse_machine_config(text, "/fuzz/m.yaml");
  if (!config) {
    if (config.error().text.empty()) std::abort(); // every refusal says why
    return 0;
  }
  if (config->cpus < 1 || config->cpus > sporehost::kMostCpus) std::abort();
  if (config->memory.size && *config->memory.size % (1u << 20) != 0) std::abort();
  for (const auto& device : config->devices) (void)schema->apply(device.options);
  return 0;
}

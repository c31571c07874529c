#include "core/config/machine_schema.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "core/config/machine_config.hpp"
#include "core/config/option_tree.hpp"
#include "core/config/yaml_node.hpp"

namespace sporehost {
namespace {

using nlohmann::json;
using valijson::adapters::NlohmannJsonAdapter;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Empty, or what the schema has against the YAML text.
std::string schema_verdict(std::string_view schema_text, const std::string& yaml) {
  auto node = parse_yaml(yaml, "m.yaml");
  if (!node) return node.error().text;
  Diagnostics diagnostics("m.yaml");
  const json value = make_option_tree(*node, diagnostics).value;
  const json schema_json = json::parse(schema_text);
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(NlohmannJsonAdapter(schema_json), schema);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(schema, NlohmannJsonAdapter(value), &results)) return "";
  std::string text;
  for (const auto& error : results) text += error.description + "\n";
  return text;
}

TEST(MachineSchema, TheBuiltInTextIsTheFile) {
  EXPECT_EQ(base_machine_schema(), contents(std::filesystem::path(SPORE_EXAMPLES) / "machine.schema.json"));
}

TEST(MachineSchema, EveryExamplePassesParserAndSchema) {
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SPORE_EXAMPLES)) {
    if (entry.path().extension() != ".yaml") continue;
    ++examples;
    auto config = load_machine_config(entry.path());
    EXPECT_TRUE(config.ok()) << (config ? "" : config.error().text);
    EXPECT_EQ(schema_verdict(base_machine_schema(), contents(entry.path())), "") << entry.path();
  }
  EXPECT_GE(examples, 4);
}

TEST(MachineSchema, TheFirstExampleIsWhatTheDocumentationSays) {
  auto config = load_machine_config(std::filesystem::path(SPORE_EXAMPLES) / "machine.yaml");
  ASSERT_TRUE(config.ok()) << config.error().text;
  EXPECT_FALSE(config->memory.size.has_value());
  EXPECT_EQ(config->workload.argv, std::vector<std::string>{"/bin/true"});
  EXPECT_TRUE(config->workload.wait_for_memory);
  EXPECT_TRUE(check_runnable(*config).ok());
}

struct Case {
  std::string yaml;
  bool valid;
};

// What the parser accepts the schema accepts, and the common mistakes are refused by both.
TEST(MachineSchema, ParserAndSchemaAgree) {
  const std::vector<Case> cases = {
      {"version: 1", true},
      {"version: 2", false},
      {"name: x", false},
      {"version: 1\nmemroy: auto", false},
      {"version: 1\nmemory: 512M", true},
      {"version: 1\nmemory: 512MB", false},
      {"version: 1\nmemory: 512", false},
      {"version: 1\nmemory: {size: 16 GiB, policy: memory-policy-fixed}", true},
      {"version: 1\nmemory: {policy: {plugin: a, options: {x: 1}}}", true},
      {"version: 1\nmemory: {policy: {options: {x: 1}}}", false},
      {"version: 1\ncpus: 65", false},
      {"version: 1\nbackend: auto", true},
      {"version: 1\nbackend: {plugin: kvm, options: {a: 1}}", true},
      {"version: 1\nbackend: [kvm]", false},
      {"version: 1\ndevices: []", true},
      {"version: 1\ndevices: [virtio-mem, {plugin: virtio-rng, name: r}]", true},
      {"version: 1\ndevices: [{name: r}]", false},
      {"version: 1\ndevices: [Bad]", false},
      {"version: 1\nworkload: {argv: [/bin/echo, 5, true], env: {A: 1}, cwd: /, wait-for-memory: false}", true},
      {"version: 1\nworkload: {argv: []}", false},
      {"version: 1\nworkload: {cwd: tmp}", false},
      {"version: 1\nworkload:\nlog:", true},
      {"version: 1\nlifecycle: {ready-timeout: 1h, stop-grace: 0s, run-timeout: none, on-guest-reset: restart, "
       "restart-max: 0}",
       true},
      {"version: 1\nlifecycle: {restart-max: none}", true},
      {"version: 1\nlifecycle: {restart-max: -1}", false},
      {"version: 1\nlifecycle: {run-timeout: 30}", false},
      {"version: 1\nboot: {kernel: ./k, initrd: none, cmdline: a b}", true},
      {"version: 1\nboot: {kernal: ./k}", false},
      {"version: 1\nkernel: {directory: k, initrd-cache: c}\nplugins: {path: [p]}\nreport: json\nlog: {level: off, "
       "file: f}",
       true},
      {"version: 1\nreport: xml", false},
      {"version: 1\ncapture: a\nresume: b", true},
  };
  for (const Case& one : cases) {
    auto parsed = parse_machine_config(one.yaml, "m.yaml");
    EXPECT_EQ(parsed.ok(), one.valid) << one.yaml << "\n" << (parsed ? "" : parsed.error().text);
    EXPECT_EQ(schema_verdict(base_machine_schema(), one.yaml).empty(), one.valid)
        << one.yaml << "\n"
        << schema_verdict(base_machine_schema(), one.yaml);
  }
}

TEST(MachineSchema, MergesThePluginsThatAreThere) {
  const std::vector<PluginSchema> plugins = {
      {PluginKind::device, "virtio-demo", "A demonstration",
       R"({"type":"object","properties":{"slot":{"type":"string","format":"size"}}})"},
      {PluginKind::backend, "kvm", "", ""},
      {PluginKind::memory_policy, "site", "", R"({"type":"object","properties":{"floor":{"type":"integer"}}})"},
      {PluginKind::device, "broken", "", "{"},
  };
  std::string skipped;
  auto merged = merged_machine_schema(base_machine_schema(), plugins, &skipped);
  ASSERT_TRUE(merged.ok()) << merged.error().text;
  EXPECT_EQ(skipped, "options schema of broken: the schema is not valid JSON at byte 1, behind '{'");
  const json schema = json::parse(*merged);
  EXPECT_EQ(schema["definitions"]["device-id"]["anyOf"][0]["const"], "virtio-demo");
  EXPECT_EQ(schema["definitions"]["device-id"]["anyOf"][0]["description"], "A demonstration");
  const auto valid = [&](const std::string& yaml) { return schema_verdict(*merged, "version: 1\n" + yaml).empty(); };
  EXPECT_TRUE(valid("devices: [{plugin: virtio-demo, options: {slot: 2MiB}}]"));
  EXPECT_FALSE(valid("devices: [{plugin: virtio-demo, options: {slot: 2MB}}]"));
  EXPECT_FALSE(valid("devices: [{plugin: virtio-demo, options: {slto: 2MiB}}]"));
  EXPECT_TRUE(valid("devices: [{plugin: not-here, options: {x: 1}}]"));
  EXPECT_TRUE(valid("devices: [{plugin: broken, options: {x: 1}}]"));
  EXPECT_FALSE(valid("backend: {plugin: kvm, options: {x: 1}}"));
  EXPECT_TRUE(valid("memory: {policy: {plugin: site, options: {floor: 1}}}"));
  EXPECT_FALSE(valid("memory: {policy: {plugin: site, options: {floor: x}}}"));
  for (const auto& entry : std::filesystem::directory_iterator(SPORE_EXAMPLES)) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_EQ(schema_verdict(*merged, contents(entry.path())), "") << entry.path();
  }
}

TEST(MachineSchema, AnUnfitBaseIsAnError) {
  EXPECT_EQ(merged_machine_schema("{", {}).error().text, "the machine schema is not JSON with 'definitions'");
  EXPECT_EQ(merged_machine_schema(R"({"definitions":{}})", {}).error().text,
            "the machine schema lacks the definition 'device-id'");
}

} // namespace
} // namespace sporehost

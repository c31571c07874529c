// The options of the project's own plugins, as the fakes make them and as the host does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sporehost/testing/plugin_loader.hpp>

#include <filesystem>

#include "core/config/diagnostics.hpp"
#include "core/config/option_schema.hpp"
#include "core/config/yaml_reader.hpp"

namespace differential {
namespace {

using spore::testing::Json;

// What the host makes of options that stand in a machine description; nothing where it refuses them.
std::optional<std::string> by_host(std::string_view schema, const Json& options) {
  const auto node = sporehost::parse_yaml(options.text(), "m.yaml");
  if (!node) return std::nullopt;
  sporehost::Diagnostics diagnostics("m.yaml");
  const auto tree = sporehost::make_option_tree(*node, diagnostics);
  const auto out = sporehost::validate_options(tree, schema, "probe");
  return out ? std::optional(*out) : std::nullopt;
}

std::optional<std::string> by_fakes(std::string_view schema, const Json& options) {
  const auto out = spore::testing::OptionSchema::apply(schema, options);
  return out ? std::optional(*out) : std::nullopt;
}

const Json kValues[] = {Json(),
                        Json(true),
                        Json(int64_t{0}),
                        Json(int64_t{1}),
                        Json(int64_t{-1}),
                        Json(int64_t{8}),
                        Json(int64_t{4096}),
                        Json(int64_t{1} << 30),
                        Json(0.5),
                        Json(""),
                        Json("auto"),
                        Json("64MiB"),
                        Json("64 MiB"),
                        Json("1.5GiB"),
                        Json("2GB"),
                        Json("16T"),
                        Json("500ms"),
                        Json("0s"),
                        Json("1h"),
                        Json("never"),
                        Json("ready"),
                        Json(Json::List{Json(int64_t{1})}),
                        Json(Json::Object{})};

unsigned compare(std::string_view schema) {
  unsigned compared = 0;
  const auto both = [&](const Json& options) {
    EXPECT_EQ(by_fakes(schema, options), by_host(schema, options)) << options.text() << "\n" << schema;
    ++compared;
  };
  both(Json(Json::Object()));
  both(Json(Json::Object{{"no-such-option", Json(true)}}));
  const auto read = Json::parse(schema);
  const Json* properties = read ? read->find("properties") : nullptr;
  if (properties == nullptr) return compared;
  for (const auto& [name, property] : *properties->as<Json::Object>()) {
    for (const Json& value : kValues) both(Json(Json::Object{{name, value}}));
  }
  return compared;
}

TEST(OptionSchemaDifferential, EveryPluginOfTheProject) {
  unsigned compared = 0;
  unsigned factories = 0;
  for (const auto& file : std::filesystem::directory_iterator(SPOREHOST_PLUGIN_DIR)) {
    if (file.path().extension() != ".so") continue;
    const auto plugin = spore::testing::load_plugin(file.path().string());
    ASSERT_TRUE(plugin.ok()) << plugin.error().text;
    for (uint32_t i = 0; i < plugin->descriptor().factory_count; ++i, ++factories)
      compared += compare(spore::from_abi(plugin->descriptor().factories[i]->options_schema));
  }
  EXPECT_GE(factories, 6u);
  EXPECT_GE(compared, 250u);
}

TEST(OptionSchemaDifferential, NestedOnes) {
  const unsigned compared = compare(R"({"type":"object","required":["size"],"properties":{
    "size":{"type":["string","integer"],"format":"size","minimum":4096,"maximum":"16T","default":"1GiB"},
    "wait":{"type":"string","format":"duration","default":"30s","minimum":"1s"},
    "mode":{"enum":["auto","never",8]},
    "inner":{"type":"object","additionalProperties":true,"properties":{"on":{"type":"boolean","default":false}}},
    "list":{"type":"array","items":{"type":"integer"},"maxItems":3},
    "step":{"type":"integer","multipleOf":8,"exclusiveMinimum":0}}})");
  EXPECT_GE(compared, 100u);
}

} // namespace
} // namespace differential

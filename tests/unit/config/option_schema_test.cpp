#include "core/config/option_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sporehost {
namespace {

using nlohmann::json;

constexpr const char* kSchema = R"({
  "type": "object",
  "properties": {
    "slot": {"type": "string", "format": "size", "default": "128MiB", "minimum": "2MiB", "maximum": "1GiB"},
    "poll": {"type": "string", "format": "duration", "default": "100ms"},
    "mode": {"enum": ["lazy", "eager"], "default": "lazy"},
    "ports": {"type": "integer", "minimum": 1, "maximum": 8},
    "label": {"type": "string", "pattern": "^[a-z]+$"},
    "limit": {"anyOf": [{"const": "auto"}, {"type": "string", "format": "size"}], "default": "auto"},
    "log": {"type": "object", "properties": {"on": {"type": "boolean", "default": false}, "to": {"type": "string"}}},
    "files": {"type": "array", "items": {"type": "object", "required": ["path"],
      "properties": {"path": {"type": "string"}, "size": {"type": "string", "format": "size", "default": 4096}}}}
  }
})";

// The options as they stand from line 1 on.
OptionTree tree(const std::string& yaml) {
  if (yaml.empty()) return OptionTree{};
  auto node = parse_yaml(yaml, "m.yaml");
  EXPECT_TRUE(node.ok()) << (node ? "" : node.error().text);
  Diagnostics diagnostics("m.yaml");
  OptionTree options = make_option_tree(*node, diagnostics);
  EXPECT_TRUE(diagnostics.empty());
  return options;
}

std::string outcome(const std::string& yaml, const std::string& schema = kSchema) {
  auto result = validate_options(tree(yaml), schema, "demo");
  return result ? *result : result.error().text;
}

std::string schema_error(const std::string& schema) {
  auto result = OptionSchema::parse(schema, "demo");
  return result ? "accepted" : result.error().text;
}

TEST(OptionSchema, FillsInDefaultsAlsoNestedAndCanonicalises) {
  EXPECT_EQ(outcome(""), R"({"limit":"auto","log":{"on":false},"mode":"lazy","poll":100,"slot":134217728})");
  EXPECT_EQ(
      outcome("{slot: 2M, poll: 2min, mode: eager, ports: 3, limit: 1GiB, log: {to: x}, files: [{path: a}, {path: b, "
              "size: 1KiB}]}"),
      R"({"files":[{"path":"a","size":4096},{"path":"b","size":1024}],"limit":1073741824,"log":{"on":false,"to":"x"},)"
      R"("mode":"eager","poll":120000,"ports":3,"slot":2097152})");
  EXPECT_EQ(outcome("{slot: 4194304}"),
            R"({"limit":"auto","log":{"on":false},"mode":"lazy","poll":100,"slot":4194304})");
}

TEST(OptionSchema, ErrorsCarryPlaceAndPointer) {
  EXPECT_EQ(outcome("slot: 1MiB\n"), "m.yaml:1:7: options of demo, /slot: must be at least 2MiB, got '1MiB'");
  EXPECT_EQ(outcome("slot: 2GiB\n"), "m.yaml:1:7: options of demo, /slot: must be at most 1GiB, got '2GiB'");
  EXPECT_EQ(outcome("slot: 2GB\n"),
            "m.yaml:1:7: options of demo, /slot: '2GB' is not a size: unit 'GB' is not accepted; write 2GiB");
  EXPECT_EQ(outcome("slot: []\n"), "m.yaml:1:7: options of demo, /slot: expected a size such as 512MiB, got a list");
  EXPECT_EQ(outcome("slot: -1\n"), "m.yaml:1:7: options of demo, /slot: must be at least 2MiB, got -1");
  for (const char* bare : {"5", "0", "-1", "1.5"})
    EXPECT_THAT(
        outcome(std::string("poll: ") + bare + "\n"),
        testing::StartsWith(std::string("m.yaml:1:7: options of demo, /poll: '") + bare + "' is not a duration: "));
  EXPECT_EQ(outcome("poll: {}\n"),
            "m.yaml:1:7: options of demo, /poll: expected a duration such as 30s, got a mapping");
  EXPECT_EQ(outcome("mode: lasy\n"),
            "m.yaml:1:7: options of demo, /mode: expected 'lazy' or 'eager', got 'lasy' (did you mean 'lazy'?)");
  EXPECT_EQ(outcome("ports: 9\n"), "m.yaml:1:8: options of demo, /ports: must be at most 8, got 9");
  EXPECT_EQ(outcome("ports: \"3\"\n"),
            "m.yaml:1:8: options of demo, /ports: expected a whole number, got the text '3'; write it without quotes");
  EXPECT_EQ(outcome("ports: 1.5\n"), "m.yaml:1:8: options of demo, /ports: expected a whole number, got 1.5");
  EXPECT_EQ(outcome("label: ABC\n"),
            "m.yaml:1:8: options of demo, /label: 'ABC' does not match the pattern '^[a-z]+$'");
  EXPECT_EQ(outcome("limit: some\n"),
            "m.yaml:1:8: options of demo, /limit: expected 'auto' or a size such as 512MiB, got 'some'");
  EXPECT_EQ(outcome("log:\n  on: maybe\n"),
            "m.yaml:2:7: options of demo, /log/on: expected true or false, got 'maybe'");
  EXPECT_EQ(outcome("files:\n- path: a\n- size: 1K\n"), "m.yaml:3:3: options of demo, /files/1: missing: 'path'");
}

TEST(OptionSchema, UnknownKeysAreRefusedAtTheKey) {
  EXPECT_EQ(outcome("a: 1\n", R"({"type":"object"})"),
            "m.yaml:1:1: options of demo, /a: unknown option 'a'; there are no options here");
  EXPECT_EQ(outcome("log:\n  onn: true\n"),
            "m.yaml:2:3: options of demo, /log/onn: unknown option 'onn' (did you mean 'on'?)");
  EXPECT_EQ(outcome("log: {colour: red}\n"),
            "m.yaml:1:7: options of demo, /log/colour: unknown option 'colour'; the options here are on or to");
  EXPECT_EQ(outcome("slto: 4MiB\nports: 0\n"),
            "m.yaml:1:1: options of demo, /slto: unknown option 'slto' (did you mean 'slot'?)\n"
            "m.yaml:2:8: options of demo, /ports: must be at least 1, got 0");
  EXPECT_EQ(outcome("a/b~c: 1\n", R"({"type":"object"})"),
            "m.yaml:1:1: options of demo, /a~1b~0c: unknown option 'a/b~c'; there are no options here");
}

TEST(OptionSchema, ObjectsCanSayThatTheyAreOpen) {
  EXPECT_EQ(outcome("{x: 1}", R"({"type":"object","additionalProperties":true})"), R"({"x":1})");
  EXPECT_EQ(outcome("{x: 1K}", R"({"type":"object","additionalProperties":{"type":"string","format":"size"}})"),
            R"({"x":1024})");
  EXPECT_EQ(outcome("{ab: 1}", R"({"type":"object","patternProperties":{"^a":{"type":"integer"}}})"), R"({"ab":1})");
  EXPECT_EQ(
      outcome(
          "{a: 1, b: 2}",
          R"({"type":"object","properties":{"a":{"type":"integer"}},"allOf":[{"properties":{"b":{"type":"integer"}}}]})"),
      R"({"a":1,"b":2})");
}

TEST(OptionSchema, UnitsMaySayThatTheyAreNumbersToo) {
  for (const char* type : {R"(["string","integer"])", R"(["integer","string"])"}) {
    const std::string schema = std::string(R"({"type":"object","properties":{"x":{"type":)") + type +
                               R"(,"format":"size","default":"1GiB"}}})";
    EXPECT_EQ(outcome("{x: 2MiB}", schema), R"({"x":2097152})") << type;
    EXPECT_EQ(outcome("{x: 4096}", schema), R"({"x":4096})") << type;
    EXPECT_EQ(outcome("{}", schema), R"({"x":1073741824})") << type;
  }
}

TEST(OptionSchema, RequiredOptions) {
  const std::string schema = R"({"type":"object","required":["path"],"properties":{"path":{"type":"string"},
    "sub":{"type":"object","required":["x"],"properties":{"x":{"type":"integer"},"y":{"type":"integer","default":1}}}}})";
  EXPECT_EQ(outcome("{path: x}", schema), R"({"path":"x"})") << "no half-made 'sub'";
  EXPECT_EQ(outcome("{sub: {x: 1}}", schema), "m.yaml:1:1: options of demo: missing: 'path'");
  auto absent = validate_options(OptionTree{.values = {}, .keys = {}, .file = "m.yaml"}, schema, "demo");
  EXPECT_EQ(absent.error().text, "m.yaml: options of demo: missing: 'path'");
}

TEST(OptionSchema, ReferencesInsideTheSchema) {
  EXPECT_EQ(
      outcome(
          "{a: 1K}",
          R"({"type":"object","definitions":{"s":{"type":"string","format":"size"}},"properties":{"a":{"$ref":"#/definitions/s"}}})"),
      R"({"a":1024})");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"$ref":"http://example.org/x"}}})"),
            "options schema of demo: $ref 'http://example.org/x' leads out of the schema; only '#/...' is accepted");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"$ref":"#/nowhere"}}})"),
            "options schema of demo: $ref '#/nowhere' points to nothing");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"$ref":"#"}}})"),
            "options schema of demo: the schema is nested deeper than 32 levels, or a $ref leads back to itself");
}

TEST(OptionSchema, ABrokenSchemaIsAnErrorValue) {
  EXPECT_EQ(schema_error("{"), "options schema of demo: the schema is not valid JSON at byte 1, behind '{'");
  EXPECT_EQ(schema_error(R"({"type": "object", "properties": {"a": {,}}})"),
            "options schema of demo: the schema is not valid JSON at byte 40, behind 'erties\": {\"a\": {'");
  EXPECT_EQ(schema_error("[]"),
            "options schema of demo: the schema must describe an object: {\"type\": \"object\", ...}");
  EXPECT_EQ(schema_error(""),
            "options schema of demo: the schema is not valid JSON: it is empty or begins with what is none");
  EXPECT_EQ(schema_error(std::string(100000, '[')),
            "options schema of demo: the schema is nested deeper than 32 levels");
  EXPECT_EQ(schema_error(std::string(300000, ' ')), "options schema of demo: the schema is larger than 256KiB");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"type":"integer","multipleOf":0}}})"),
            "options schema of demo: 'multipleOf' must be a number greater than 0");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"type":"string","format":"size","minimum":"1MB"}}})"),
            "options schema of demo: 'minimum': '1MB' is not a size: unit 'MB' is not accepted; write 1MiB");
  EXPECT_EQ(schema_error(R"({"type":"object","properties":{"a":{"type":"integer","default":"x"}}})"),
            "options schema of demo: the default of '/a' does not fit its own schema");
  for (const char* broken :
       {R"({"type":"object","properties":7})", R"({"type":"object","properties":{"a":7}})",
        R"({"type":"object","required":"a"})", R"({"type":"object","properties":{"a":{"type":"thing"}}})",
        R"({"type":"object","allOf":{}})", R"({"type":"object","properties":{"a":{"minLength":-1}}})",
        R"({"type":"object","properties":{"a":{"enum":5}}})"})
    EXPECT_EQ(schema_error(broken).substr(0, 23), "options schema of demo:") << broken << "\n" << schema_error(broken);
}

TEST(OptionSchema, PatternsAreCheckedBeforeAValueMeetsThem) {
  const auto with = [](const std::string& pattern) {
    return schema_error(R"({"type":"object","properties":{"a":{"type":"string","pattern":")" + pattern + R"("}}})");
  };
  EXPECT_EQ(with("(").substr(0, 51), "options schema of demo: the pattern '(' is broken: ");
  EXPECT_EQ(with(std::string(200000, '(')), "options schema of demo: a pattern is longer than 1024 bytes");
  EXPECT_EQ(schema_error(R"({"type":"object","patternProperties":{"[":{}}})").substr(0, 51),
            "options schema of demo: the pattern '[' is broken: ");
}

TEST(OptionSchema, LongTextsNeverReachARegularExpression) {
  EXPECT_EQ(outcome("label: \"" + std::string(5000, 'a') + "\"\n"),
            "m.yaml:1:8: options of demo, /label: the text is longer than 4096 bytes");
}

TEST(OptionSchema, ForEditorsSizesArePatterns) {
  auto schema = OptionSchema::parse(kSchema, "demo");
  ASSERT_TRUE(schema.ok()) << schema.error().text;
  const json editor = schema->for_editors();
  EXPECT_EQ(editor["additionalProperties"], false);
  EXPECT_EQ(editor["properties"]["slot"]["default"], "128MiB");
  EXPECT_EQ(editor["properties"]["slot"]["anyOf"][1]["type"], "integer");
}

// Which keyword, and where; the validator would say "JSON value is not an array."
TEST(OptionSchema, NamesTheKeywordThatIsBroken) {
  const auto error = [](const std::string& part) {
    return schema_error(R"({"type":"object","properties":{"a":)" + part + "}}");
  };
  const std::string where = "options schema of demo: '/properties/a";
  EXPECT_EQ(error(R"({"type":7})"), where + "/type' must be a text or a list of texts");
  EXPECT_EQ(error(R"({"type":"object","required":"b"})"), where + "/required' must be a list of texts");
  EXPECT_EQ(error(R"({"enum":"b"})"), where + "/enum' must be a list that is not empty");
  EXPECT_EQ(error(R"({"minimum":"b"})"), where + "/minimum' must be a number");
  EXPECT_EQ(error(R"({"anyOf":{}})"), where + "/anyOf' must be a list of schemas");
  EXPECT_EQ(error(R"({"anyOf":[{"maxLength":-1}]})"),
            where + "/anyOf/0/maxLength' must be a whole number of at least 0");
  EXPECT_EQ(error(R"({"items":{"properties":[]}})"),
            where + "/items/properties' must be a mapping of names to schemas");
  EXPECT_EQ(error(R"({"type":"string","format":"size","minimum":"1MiB"})"), "accepted");
}

} // namespace
} // namespace sporehost

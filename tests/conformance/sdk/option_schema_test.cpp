// The schema of a factory as the fakes apply it. That the host makes the same of it is shown in
// tests/conformance/differential.
#include <sporehost/testing/option_schema.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spore::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kSchema = R"({
  "type": "object", "required": ["name"],
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 4},
    "size": {"type": "string", "format": "size", "default": "64MiB", "minimum": "1MiB", "maximum": "1GiB"},
    "wait": {"type": "string", "format": "duration"},
    "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
    "step": {"type": ["integer", "null"], "multipleOf": 4, "exclusiveMinimum": 0, "exclusiveMaximum": 100},
    "share": {"type": "number", "maximum": 1},
    "inner": {"type": "object", "properties": {"on": {"type": "boolean", "default": true}}},
    "strict": {"type": "object", "required": ["x"], "properties": {"x": {}, "y": {"default": 1}}},
    "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "format": "size"}}
  }})";

std::string applied(std::string_view options, std::string_view schema = kSchema) {
  const auto out = OptionSchema::apply(schema, Json::parse(options).value());
  return out ? *out : out.error().text;
}

TEST(OptionSchema, DefaultsAreFilledInAndSizesAreNumbers) {
  EXPECT_EQ(applied(R"({"name":"x"})"), R"({"inner":{"on":true},"mode":"a","name":"x","size":67108864})");
  EXPECT_EQ(applied(R"({"name":"x","inner":{"on":false},"size":"2 MiB","wait":"1min","list":["4K",5]})"),
            R"({"inner":{"on":false},"list":[4096,5],"mode":"a","name":"x","size":2097152,"wait":60000})");
  EXPECT_EQ(applied(R"({"name":"x","size":2097152,"strict":{"x":null}})"),
            R"({"inner":{"on":true},"mode":"a","name":"x","size":2097152,"strict":{"x":null,"y":1}})");
}

TEST(OptionSchema, WhatDoesNotFitIsRefusedWithItsPlace) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({})", "options: 'name' is required"},
      {R"({"name":5})", "options, /name: 5 is not of type \"string\""},
      {R"({"name":""})", "minLength"},
      {R"({"name":"\u00e4\u00e4\u00e4\u00e4\u00e4"})", "maxLength"},
      {R"({"name":"x","other":1})", "options, /other: there is no such option"},
      {R"({"name":"x","size":"1.5GiB"})", "/size: '1.5GiB' is no size"},
      {R"({"name":"x","size":"64MB"})", "is no size"},
      {R"({"name":"x","size":"512KiB"})", "minimum \"1MiB\""},
      {R"({"name":"x","size":"2GiB"})", "maximum"},
      {R"({"name":"x","size":"9999999999TiB"})", "is no size"},
      {R"({"name":"x","wait":"10"})", "is no duration"},
      {R"({"name":"x","wait":10})", "has a unit"},
      {R"({"name":"x","mode":"c"})", "is none of [\"a\",\"b\"]"},
      {R"({"name":"x","step":6})", "multipleOf 4"},
      {R"({"name":"x","step":0})", "exclusiveMinimum"},
      {R"({"name":"x","step":100})", "exclusiveMaximum"},
      {R"({"name":"x","step":1.5})", "is not of type"},
      {R"({"name":"x","share":2})", "maximum 1"},
      {R"({"name":"x","inner":{"of":1}})", "/inner/of: there is no such option"},
      {R"({"name":"x","strict":{}})", "/strict: 'x' is required"},
      {R"({"name":"x","list":[]})", "minItems"},
      {R"({"name":"x","list":[1,2,3]})", "maxItems"},
      {R"({"name":"x","list":["x"]})", "/list/0"},
  };
  for (const auto& [options, reason] : wrong) EXPECT_THAT(applied(options), HasSubstr(reason)) << options;
  EXPECT_EQ(applied(R"({"name":"\u00e4\u00e4\u00e4\u00e4"})").find("maxLength"), std::string::npos) << "characters";
}

TEST(OptionSchema, AnObjectIsOpenWhereItSaysSo) {
  EXPECT_EQ(applied(R"({"x":1})", R"({"type":"object","additionalProperties":true})"), R"({"x":1})");
  EXPECT_THAT(applied(R"({"x":1})", R"({"type":"object"})"), HasSubstr("no such option"));
}

TEST(OptionSchema, WhatItDoesNotKnowItSays) {
  EXPECT_THAT(applied("{}", R"({"type":"object","patternProperties":{}})"),
              HasSubstr("does not know the keyword 'patternProperties' in the options schema; give"));
  EXPECT_THAT(applied("{}", R"({"properties":{"a":{"properties":{"b":{"anyOf":[]}}}}})"),
              HasSubstr("'anyOf' in the options schema at /a/b"));
  EXPECT_THAT(applied("{}", R"({"properties":{"a":{"format":"uri"}}})"), HasSubstr("the format \"uri\""));
  EXPECT_THAT(applied("{}", R"({"additionalProperties":{}})"), HasSubstr("additionalProperties"));
  EXPECT_THAT(applied("{}", R"({"properties":{"a":true}})"), HasSubstr("no object"));
  EXPECT_THAT(applied("{}", "{"), HasSubstr("is not JSON"));
}

TEST(Json, ReadsWhatItWrites) {
  for (const char* text :
       {"null", "true", "-7", "1.5", "1e+300", "\"a\\\"b\\\\\\u0001\"", "[]", "{}", "[[1],{\"a\":[2.0]}]"}) {
    const auto read = Json::parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->text(), text);
  }
  for (const char* text : {"", "[", "[1", "{\"a\"", "{\"a\":}", "nul", "1 2", "\"", "01x", "-", "[1,]"})
    EXPECT_FALSE(Json::parse(text)) << text;
  EXPECT_FALSE(Json::parse(std::string(100, '[') + std::string(100, ']'))) << "deeper than anybody needs";
  EXPECT_EQ(Json::parse("1"), Json::parse("1.0"));
}

} // namespace
} // namespace spore::testing

// options.h: every type, escapes, pointers, and texts that are none.
#include <sporehost/options.hpp>

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

extern "C" int options_in_c_numbers(void);
extern "C" int options_in_c_strings(void);

namespace spore {
namespace {

// A text with an unmapped page behind it: reading one byte too many ends the test, in any build.
class AtTheEnd {
 public:
  explicit AtTheEnd(std::string_view text) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    bytes_ = (text.size() + page - 1) / page * page + page;
    base_ = static_cast<char*>(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0));
    char* end = base_ + bytes_ - page;
    ::mprotect(end, page, PROT_NONE);
    text_ = {end - text.size(), text.size()};
    if (!text.empty()) std::memcpy(end - text.size(), text.data(), text.size());
  }
  ~AtTheEnd() { ::munmap(base_, bytes_); }
  AtTheEnd(const AtTheEnd&) = delete;
  AtTheEnd& operator=(const AtTheEnd&) = delete;

  [[nodiscard]] spore_string get() const { return text_; }

 private:
  char* base_;
  size_t bytes_;
  spore_string text_{};
};

spore_status integer(std::string_view json, const char* pointer, int64_t* out = nullptr) {
  const AtTheEnd text(json);
  int64_t value = 0;
  const spore_status status = spore_option_integer(text.get(), pointer, &value);
  if (out != nullptr) *out = value;
  return status;
}

std::string string(std::string_view json, uint64_t capacity = 64) {
  const AtTheEnd text(json);
  std::string buffer(capacity, '?');
  spore_text out{buffer.data(), capacity, 0};
  const spore_status status = spore_option_string(text.get(), "", &out);
  if (status != SPORE_OK) return "status " + std::to_string(status);
  return buffer.substr(0, out.length);
}

TEST(Options, InC) {
  EXPECT_EQ(options_in_c_numbers(), 0) << "line of options_in_c.c";
  EXPECT_EQ(options_in_c_strings(), 0) << "line of options_in_c.c";
}

TEST(Options, EveryTypeInCpp) {
  const Options options(R"({"a":-7,"b":1.5,"c":false,"d":"x","e":null,"f":[10,{"g":true}],"h":{}})");
  EXPECT_EQ(options.integer("/a"), -7);
  EXPECT_EQ(options.number("/a"), -7.0);
  EXPECT_EQ(options.number("/b"), 1.5);
  EXPECT_EQ(options.boolean("/c"), false);
  EXPECT_EQ(options.string("/d"), "x");
  EXPECT_EQ(options.integer("/f/0"), 10);
  EXPECT_EQ(options.boolean("/f/1/g"), true);
  for (const char* none : {"/e", "/x", "/f/2", "/f/-1", "/f/01", "/a/b", "/d/0", "/h/x", "/", "/f/"})
    EXPECT_EQ(options.integer(none), std::nullopt) << none;
  EXPECT_EQ(options.integer("/b"), std::nullopt);
  EXPECT_EQ(options.boolean("/a"), std::nullopt);
  EXPECT_EQ(options.string("/a"), std::nullopt);
  EXPECT_EQ(options.number("/c"), std::nullopt);
}

TEST(Options, WhatIsNotThereAndWhatIsOfAnotherTypeAreToldApart) {
  constexpr std::string_view kJson = R"({"a":"text","b":null,"c":{"d":1}})";
  EXPECT_EQ(integer(kJson, "/x"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(integer(kJson, "/b"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(integer(kJson, "/c/x"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(integer(kJson, "/a"), SPORE_E_INVALID);
  EXPECT_EQ(integer(kJson, "/c"), SPORE_E_INVALID);
  EXPECT_EQ(integer(kJson, "c"), SPORE_E_INVALID) << "a pointer begins with a slash";
}

TEST(Options, IntegersToTheEndsOfTheirRange) {
  int64_t value = 0;
  EXPECT_EQ(integer("9223372036854775807", "", &value), SPORE_OK);
  EXPECT_EQ(value, INT64_MAX);
  EXPECT_EQ(integer("-9223372036854775808", "", &value), SPORE_OK);
  EXPECT_EQ(value, INT64_MIN);
  EXPECT_EQ(integer("9223372036854775808", ""), SPORE_E_RANGE);
  EXPECT_EQ(integer("-9223372036854775809", ""), SPORE_E_RANGE);
  EXPECT_EQ(integer(std::string(63, '9'), ""), SPORE_E_RANGE);
}

TEST(Options, WhatTheCLibraryTakesForANumberAndJsonDoesNot) {
  using std::string_literals::operator""s;
  for (const std::string& text :
       {"0x10"s, "-inf"s, "nan"s, "+5"s, "-"s, "1.0"s, "1e3"s, "12\0"s, "\0"s, "1_000"s, "--1"s})
    EXPECT_EQ(integer(text, ""), SPORE_E_INVALID) << text;
  for (const char* text : {"0x10", "-inf", "-nan", "+5", "1.2.3", "."})
    EXPECT_EQ(Options(text).number(""), std::nullopt) << text;
  EXPECT_EQ(Options("-1.25e2").number(""), -125.0);
}

TEST(Options, Escapes) {
  EXPECT_EQ(string(R"("")"), "");
  EXPECT_EQ(string(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(string(R"("\u0041\u00e4\u20AC\ud83d\uDE00")"), "A\u00e4\u20ac\U0001F600");
  EXPECT_EQ(string("\"\\u0000\"").size(), 1u);
  EXPECT_EQ(string("\"\u00e4\u20ac\""), "\u00e4\u20ac") << "UTF-8 as it is";
  for (const char* bad : {R"("\x")", R"("\u12")", R"("\u12g4")", R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\n")",
                          R"("\ud83d\u0041")", R"("\ude00")", R"("\ud83d\ud83d")", "\"\\\"", "\"", "\"abc"})
    EXPECT_EQ(string(bad), "status 1") << bad;
}

TEST(Options, AStringFitsOrNothingIsSaid) {
  EXPECT_EQ(string(R"("abc")", 3), "abc");
  EXPECT_EQ(string(R"("abc")", 2), "status 7");
  EXPECT_EQ(string(R"("\u20ac")", 2), "status 7") << "no half of a character";
  EXPECT_EQ(string(R"("")", 0), "");
}

TEST(Options, PointersAsInRfc6901) {
  constexpr std::string_view kJson = R"({"":0,"a/b":1,"m~n":8,"~1":9," ":7,"a":{"":5}})";
  int64_t value = 0;
  const std::pair<const char*, int64_t> found[] = {{"/", 0},    {"/a~1b", 1}, {"/m~0n", 8},
                                                   {"/~01", 9}, {"/ ", 7},    {"/a/", 5}};
  for (const auto& [pointer, expected] : found) {
    EXPECT_EQ(integer(kJson, pointer, &value), SPORE_OK) << pointer;
    EXPECT_EQ(value, expected) << pointer;
  }
  EXPECT_EQ(integer(kJson, "/a/b"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(integer(kJson, "/m"), SPORE_E_NOT_FOUND);
}

TEST(Options, BlanksBetweenAreAllowed) {
  int64_t value = 0;
  EXPECT_EQ(integer(" { \"a\" :\t[ 1 ,\r\n 2 ] } ", "/a/1", &value), SPORE_OK);
  EXPECT_EQ(value, 2);
}

TEST(Options, TextsThatAreNone) {
  for (const char* text : {"", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\" 1}", "{\"b\":1,}",
                           "{a:1}", "{\"b\":1 \"a\":2}", "}", "]", ":", ",", "{\"a\":1}x", "{\"b\":\"\\"})
    EXPECT_EQ(integer(text, "/a"), SPORE_E_INVALID) << text;
  EXPECT_EQ(Options(std::string_view()).integer("/a"), std::nullopt);
}

// Cut anywhere, the text is no JSON, and nothing behind its end is read.
TEST(Options, EveryTruncation) {
  constexpr std::string_view kWhole =
      R"({"list":[1,2.5,true,null,{"deep":[[],{}]}],"name":"a\u00e4\"\\z","size":12345,"on":false})";
  const char* pointers[] = {"", "/list", "/list/4/deep/1", "/name", "/size", "/on", "/absent"};
  for (size_t length = 0; length < kWhole.size(); ++length) {
    const AtTheEnd text(kWhole.substr(0, length));
    for (const char* pointer : pointers) {
      spore_string json{};
      int64_t whole = 0;
      double real = 0;
      int on = 0;
      char buffer[16];
      spore_text to{buffer, sizeof buffer, 0};
      EXPECT_EQ(spore_option_text(text.get(), pointer, &json), SPORE_E_INVALID) << length << pointer;
      EXPECT_EQ(spore_option_integer(text.get(), pointer, &whole), SPORE_E_INVALID);
      EXPECT_EQ(spore_option_number(text.get(), pointer, &real), SPORE_E_INVALID);
      EXPECT_EQ(spore_option_boolean(text.get(), pointer, &on), SPORE_E_INVALID);
      EXPECT_EQ(spore_option_string(text.get(), pointer, &to), SPORE_E_INVALID);
    }
  }
}

// No recursion: a text as deep as it is long costs no stack.
TEST(Options, DepthCostsNothing) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  spore_string json{};
  EXPECT_EQ(spore_option_text(to_abi(deep), "", &json), SPORE_OK);
  EXPECT_EQ(json.length, deep.size());
}

} // namespace
} // namespace spore

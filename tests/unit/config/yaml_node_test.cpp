#include "core/config/yaml_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace sporehost {
namespace {

std::string error_of(std::string_view text) {
  auto result = parse_yaml(text, "m.yaml");
  return result ? "accepted" : result.error().text;
}

TEST(YamlNode, KnowsKindsTextsAndPlaces) {
  auto root = parse_yaml("a: 1\nb:\n  - \"x\"\n  - y\nc:\nd: {e: ~}\n", "m.yaml");
  ASSERT_TRUE(root.ok()) << root.error().text;
  ASSERT_EQ(root->entries.size(), 4u);
  EXPECT_EQ(root->entries[0].key, "a");
  EXPECT_EQ(root->entries[0].key_at, (Position{1, 1}));
  EXPECT_EQ(root->entries[0].value.at, (Position{1, 4}));
  EXPECT_FALSE(root->entries[0].value.quoted);
  const YamlNode& list = root->entries[1].value;
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_EQ(list.items[1].text, "y");
  EXPECT_EQ(list.items[1].at, (Position{4, 5}));
  EXPECT_EQ(root->entries[2].value.kind, YamlNode::Kind::null);
  EXPECT_EQ(root->entries[2].value.at, (Position{5, 1})) << "an empty value stands where its key does";
  EXPECT_EQ(root->entries[3].value.entries[0].value.kind, YamlNode::Kind::null);
}

TEST(YamlNode, RefusesDuplicateKeys) {
  EXPECT_EQ(error_of("cpus: 1\nmemory: auto\ncpus: 2\n"),
            "m.yaml:3:1: the key 'cpus' is there twice; the first is in line 1");
  EXPECT_EQ(error_of("a: {b: 1, b: 2}\n"), "m.yaml:1:11: the key 'b' is there twice; the first is in line 1");
}

TEST(YamlNode, RefusesASecondDocumentAndAnEmptyFile) {
  EXPECT_EQ(error_of("a: 1\n---\nb: 1\n"), "m.yaml:2:1: a second document begins here; one file describes one machine");
  EXPECT_EQ(error_of(""), "m.yaml: the file is empty");
  EXPECT_EQ(error_of("# only a comment\n"), "m.yaml: the file is empty");
}

TEST(YamlNode, NamesATabRatherThanItsConsequence) {
  EXPECT_EQ(error_of("boot:\n\tkernel: managed\n"),
            "m.yaml:2:1: the line is indented with a tab; YAML accepts only spaces there");
  EXPECT_EQ(error_of("boot:\n  \tkernel: managed\n"),
            "m.yaml:2:3: the line is indented with a tab; YAML accepts only spaces there");
}

TEST(YamlNode, ReportsSyntaxErrorsWithTheirPlace) {
  EXPECT_EQ(error_of("a: [1, 2\nb: 3\n").substr(0, 25), "m.yaml:2:2: not valid YAM");
  const std::string cut = ": not valid YAML: the file ends inside a quoted text, a list or a mapping; close it";
  EXPECT_EQ(error_of("a: \"unterminated\n"), "m.yaml:1:1" + cut);
  EXPECT_EQ(error_of("a: 'unterminated"), "m.yaml:1:1" + cut);
  EXPECT_EQ(error_of("a: 1\nb: [1, 2\n"), "m.yaml:2:1" + cut);
  EXPECT_EQ(error_of("a: {b: 1\n"), "m.yaml:1:1" + cut);
  EXPECT_EQ(error_of("a: 1\n...\n"), "accepted");
  EXPECT_EQ(error_of("a: |+\n  x\n\n"), "accepted");
  EXPECT_EQ(error_of("a: *nowhere\n").substr(0, 28), "m.yaml:1:4: not valid YAML: ");
  EXPECT_EQ(error_of("a: b: c\n").substr(0, 28), "m.yaml:1:5: not valid YAML: ");
}

TEST(YamlNode, RefusesWhatIsNotText) {
  EXPECT_EQ(error_of("a: 1\nb: \xff\n"), "m.yaml:2:4: the file is not UTF-8 text");
  EXPECT_EQ(error_of("a: \xc0\x80\n"), "m.yaml:1:4: the file is not UTF-8 text") << "overlong";
  EXPECT_EQ(error_of("a: \xed\xa0\x80\n"), "m.yaml:1:4: the file is not UTF-8 text") << "surrogate";
  EXPECT_EQ(error_of("a: \xe2\x82"), "m.yaml:1:4: the file is not UTF-8 text") << "cut short";
  EXPECT_EQ(error_of(std::string_view("a: \0b\n", 6)),
            "m.yaml:1:4: the file holds a control character; it is not text");
  EXPECT_EQ(error_of("a: \"x\\0y\"\n"), "m.yaml:1:4: this text holds a NUL character, which no option accepts");
  EXPECT_EQ(error_of("a: gr\u00fc\u00dfe\n"), "accepted");
}

TEST(YamlNode, RefusesKeysMergesAndTagsThatNobodyNeeds) {
  EXPECT_EQ(error_of("? [a]\n: 1\n"), "m.yaml:1:3: a key must be a plain word, not a list or a mapping");
  EXPECT_EQ(error_of("~: 1\n"), "m.yaml:1:1: a key is missing before ':'");
  EXPECT_EQ(error_of("a: &x {b: 1}\nc:\n  <<: *x\n"),
            "m.yaml:3:3: merge keys ('<<') are not accepted; write the keys out");
  EXPECT_EQ(error_of("a: !ruby/object x\n"), "m.yaml:1:4: the tag '!ruby/object' is not accepted; remove it");
  EXPECT_EQ(error_of("a: !!str 5\n"), "accepted");
  EXPECT_EQ(error_of("&k a: 1\n*k : 2\n"), "m.yaml:2:1: an alias cannot be a key; write the key out");
}

TEST(YamlNode, BoundsDepth) {
  std::string fits = "a: ", deep = "a: ", very_deep = "a: ";
  for (int i = 0; i < 31; ++i) fits += '[';
  for (int i = 0; i < 31; ++i) fits += ']';
  EXPECT_EQ(error_of(fits), "accepted");
  for (int i = 0; i < 32; ++i) deep += '[';
  for (int i = 0; i < 32; ++i) deep += ']';
  EXPECT_EQ(error_of(deep), "m.yaml:1:35: values are nested deeper than 32 levels");
  very_deep += std::string(500000, '[');
  EXPECT_EQ(error_of(very_deep).substr(0, 9), "m.yaml:1:") << error_of(very_deep);
}

TEST(YamlNode, BoundsAliases) {
  auto root = parse_yaml("a: &x [1, 2]\nb: *x\n", "m.yaml");
  ASSERT_TRUE(root.ok()) << root.error().text;
  EXPECT_EQ(root->entries[1].value.items.size(), 2u);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) bomb += std::string(n > 0 ? ", " : "") + "*a" + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find("more than 20000 values once aliases are expanded"), std::string::npos)
      << error_of(bomb);
  std::string long_text = "a: &x \"" + std::string(60000, 'x') + "\"\nb: [";
  for (int i = 0; i < 5000; ++i) long_text += "*x, ";
  EXPECT_NE(error_of(long_text + "]\n").find("more than 20000 values"), std::string::npos);
  EXPECT_EQ(error_of("a: &x [*x]\n"), "m.yaml:1:8: this alias names a value that contains the alias itself");
  std::string tower = "a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n";
  for (int i = 1; i < 4; ++i)
    tower +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [[[[[[[[[[*a" + std::to_string(i - 1) + "]]]]]]]]]]\n";
  EXPECT_NE(error_of(tower).find("nested deeper than 32 levels"), std::string::npos) << error_of(tower);
}

TEST(YamlNode, BoundsSizes) {
  EXPECT_EQ(error_of("#" + std::string(kYamlFileBytes, 'x')), "m.yaml: the file is larger than 1MiB");
  EXPECT_EQ(error_of("a: \"" + std::string(70000, 'x') + "\"\n"),
            "m.yaml:1:4: this text is longer than 64KiB; put it into a file");
  std::string many = "a:\n";
  for (int i = 0; i < 21000; ++i) many += "- x\n";
  EXPECT_NE(error_of(many).find("more than 20000 values"), std::string::npos);
}

class YamlFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/spore-yaml-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::system(("rm -rf " + folder_).c_str()); }
  std::string folder_;
};

TEST_F(YamlFile, ReadsRegularFiles) {
  const std::string path = folder_ + "/m.yaml";
  EXPECT_EQ(read_yaml_file(path).error().text, path + ": cannot open the file: No such file or directory");
  EXPECT_EQ(read_yaml_file(path).error().status, SPORE_E_NOT_FOUND);
  std::ofstream(path) << "a: 1\n";
  EXPECT_EQ(read_yaml_file(path)->text, "a: 1\n");
  EXPECT_TRUE(read_yaml_file(path)->is_file);
  EXPECT_EQ(read_yaml_file(folder_).error().text, folder_ + ": neither a file nor a pipe");
  std::ofstream(path) << std::string(kYamlFileBytes + 1, '#');
  EXPECT_EQ(read_yaml_file(path).error().text, path + ": the file is larger than 1MiB");
}

// `--config <(generate)`: a pipe comes in pieces, and what has no end is refused like a file that is too large.
TEST_F(YamlFile, ReadsAPipeToItsEnd) {
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(fifo) << "a: " << std::flush << "1\n"; });
  const auto read = read_yaml_file(fifo);
  writer.join();
  ASSERT_TRUE(read.ok()) << read.error().text;
  EXPECT_EQ(read->text, "a: 1\n");
  EXPECT_FALSE(read->is_file);
  EXPECT_EQ(read_yaml_file("/dev/zero").error().text, "/dev/zero: the file is larger than 1MiB");
  EXPECT_EQ(read_yaml_file("/dev/null")->text, "");
}

// What Python's json.dumps makes of a character beyond U+FFFF; places behind it are those of the text as it is.
TEST(YamlNode, TakesSurrogatePairsOfJson) {
  const auto root = parse_yaml(R"({"a\\": "x\ud83d\ude00\uD834\uDD1Ey", "b": 1,)"
                               "\n"
                               R"("c": "\\ud83d\\ude00"})",
                               "m.json");
  ASSERT_TRUE(root.ok()) << root.error().text;
  EXPECT_EQ(root->entries[0].key, "a\\");
  EXPECT_EQ(root->entries[0].value.text, "x\U0001F600\U0001D11Ey");
  EXPECT_EQ(root->entries[1].key_at, (Position{1, 39}));
  EXPECT_EQ(root->entries[1].value.at, (Position{1, 44}));
  EXPECT_EQ(root->entries[2].value.text, "\\ud83d\\ude00");
  EXPECT_EQ(root->entries[2].value.at, (Position{2, 6}));
}

TEST(YamlNode, NamesASurrogateThatIsNotJson) {
  EXPECT_THAT(error_of("a: \"\\ud83d\\ude00\"\n"), testing::StartsWith("m.yaml:1:"));
  EXPECT_THAT(error_of("a: \"\\ud83d\\ude00\"\n"),
              testing::HasSubstr("write the character itself, or \"\\U0001F600\""));
  EXPECT_THAT(error_of(R"({"a": "\ud83d"})"), testing::HasSubstr("half of a JSON surrogate pair"));
  EXPECT_EQ(parse_yaml("a: '\\ud83d\\ude00'\n", "m.yaml")->entries[0].value.text, "\\ud83d\\ude00");
}

} // namespace
} // namespace sporehost

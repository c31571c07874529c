// What every start pays for.
#include <fstream>
#include <set>
#include <sstream>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::IsSubsetOf;

// Of "libz.so.1 => /lib/...": "libz". The kernel's own object is left out.
std::string library_of(const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  name = name.substr(name.rfind('/') + 1);
  return name.substr(0, name.find(".so"));
}

std::set<std::string> linked_libraries() {
  const Output output = run({{"--version"}, {{"LD_TRACE_LOADED_OBJECTS", "1"}}});
  EXPECT_EQ(output.status, 0) << output.err;
  std::set<std::string> linked;
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) linked.insert(library_of(line));
  EXPECT_TRUE(linked.contains("libc")) << "the dynamic linker listed nothing:\n" << output.out;
  return linked;
}

// As a truth value: a failure must not print a program.
bool has(const std::filesystem::path& file, const std::string& word) {
  std::ifstream stream(file, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_FALSE(content.empty()) << file;
  return content.find(word) != std::string::npos;
}

// Each library costs every start, whether it is used or not: a hundred microseconds for a small one, a millisecond for
// one of C++. Parts that few starts need belong in a module (core/system/module.hpp).
TEST_F(CliTest, AStartLinksNoMoreLibrariesThanItNeeds) {
  const std::set<std::string> expected = {"libPocoUtil",
                                          "libPocoFoundation",
                                          "libPocoXML",
                                          "libPocoJSON",
                                          "libexpat",
                                          "libpcre",
                                          "libz", // Poco, and what Poco needs
                                          "libyaml-cpp",
                                          "libfmt",
                                          "libstdc++",
                                          "libm",
                                          "libgcc_s",
                                          "libc",
                                          "ld-linux-x86-64",
                                          "ld-linux-aarch64",
                                          "linux-vdso"};
  EXPECT_THAT(linked_libraries(), IsSubsetOf(expected));
}

// The process that runs a guest has no downloader in it: neither linked, nor compiled in, nor in a module. The program
// that has one shows that the test would find it.
TEST_F(CliTest, OnlyTheSupplierOfKernelsHasADownloader) {
  const std::vector<std::string> libraries = {"libPocoNet", "libPocoNetSSL", "libssl", "libcurl"};
  const std::set<std::string> linked = linked_libraries();
  for (const std::string& library : libraries) EXPECT_FALSE(linked.contains(library)) << library;

  const std::vector<std::string> words = {"HTTPClientSession", "kernels are fetched by https only",
                                          "6kernel6supply"}; // as compilers write sporehost::kernel::supply
  for (const std::string& word : words) {
    EXPECT_TRUE(has(SPOREHOST_KERNEL_PROGRAM, word)) << word;
    EXPECT_FALSE(has(SPOREHOST_PROGRAM, word)) << word;
    std::istringstream modules(SPORE_MODULES);
    for (std::string module; modules >> module;) EXPECT_FALSE(has(module, word)) << module << ": " << word;
  }
}

} // namespace
} // namespace cli

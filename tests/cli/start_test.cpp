// What every start pays for.
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

// Each library costs every start, whether it is used or not: a hundred microseconds for a small one, a millisecond for
// one of C++. Parts that few starts need belong in a module (core/base/module.hpp).
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
  const Output output = run({{"--version"}, {{"LD_TRACE_LOADED_OBJECTS", "1"}}});
  ASSERT_EQ(output.status, 0) << output.err;
  std::set<std::string> linked;
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) linked.insert(library_of(line));
  ASSERT_TRUE(linked.contains("libc")) << "the dynamic linker listed nothing:\n" << output.out;
  EXPECT_THAT(linked, IsSubsetOf(expected));
}

} // namespace
} // namespace cli

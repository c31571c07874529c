#include "core/plugin/search_path.hpp"
#include "tests/unit/plugin/plugin_folder.hpp"

namespace sporehost::plugin::test {
namespace {

TEST(SearchPath, KeepsTheOrderAndTheReasons) {
  PluginFolder root;
  fs::create_directories(root.file("lib/sporehost/plugins"));
  fs::create_directories(root.file("bin"));
  SearchInputs inputs;
  inputs.options = {root.file("o1").string(), root.file("o2").string()};
  inputs.configuration = {root.file("c").string()};
  inputs.environment = root.file("e1").string() + "::" + root.file("e2").string();
  inputs.executable = root.file("bin/sporehost");
  inputs.installed = root.file("installed");
  const SearchPath path(inputs);
  std::vector<std::string> seen;
  for (const Folder& folder : path.folders()) {
    seen.push_back(fs::relative(folder.path, root.path()).string() + " " + folder.why);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "o1 --plugin-path", "o2 --plugin-path", "c plugins.path", "e1 environment SPOREHOST_PLUGIN_PATH",
                      "e2 environment SPOREHOST_PLUGIN_PATH", "lib/sporehost/plugins beside the executable",
                      "plugins beside the executable", "installed installation"}));
  EXPECT_TRUE(path.folders()[5].exists);
  EXPECT_FALSE(path.folders()[6].exists);
}

TEST(SearchPath, FindsTheSharedObjectsByName) {
  PluginFolder folder;
  folder.write("b.so", "").write("a.so", "").write("a.so.1", "").write("notes.txt", "");
  const SearchPath path = only({folder.text()});
  ASSERT_EQ(path.folders().size(), 1U);
  EXPECT_EQ(path.folders()[0].files, (std::vector<fs::path>{folder.file("a.so"), folder.file("b.so")}));
}

TEST(SearchPath, MergesAFolderNamedTwice) {
  PluginFolder folder;
  SearchInputs inputs;
  inputs.options = {folder.text(), folder.text() + "/"};
  inputs.configuration = {folder.text() + "/../" + folder.path().filename().string()};
  const SearchPath path(inputs);
  EXPECT_EQ(path.text(), folder.text() + " (--plugin-path and plugins.path)");
}

TEST(SearchPath, SaysWhatIsWrongWithAFolder) {
  PluginFolder folder;
  folder.write("file", "");
  const SearchPath path = only({folder.file("file").string(), folder.file("gone").string()});
  EXPECT_EQ(path.text(), folder.text() + "/file (--plugin-path; is not a folder), " + folder.text() +
                             "/gone (--plugin-path; does not exist)");
  EXPECT_EQ(only({}).text(), "no folder");
}

TEST(SearchPath, OfThisProcessLooksBesideTheExecutable) {
  const SearchPath path = SearchPath::of_process({}, {});
  const fs::path beside = fs::weakly_canonical(fs::read_symlink("/proc/self/exe").parent_path() / "../plugins");
  EXPECT_TRUE(std::any_of(path.folders().begin(), path.folders().end(), [&](const Folder& folder) {
    return folder.path == beside;
  })) << path.text();
}

} // namespace
} // namespace sporehost::plugin::test

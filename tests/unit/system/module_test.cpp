// Modules: parts of the program that are loaded on first use.
#include "core/system/module.hpp"

#include <gmock/gmock.h>

namespace sporehost {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const ModuleName& name, spore_status status) {
  const auto table = load_module_table(name);
  EXPECT_FALSE(table.ok());
  if (table.ok()) return "";
  EXPECT_EQ(table.error().status, status);
  return table.error().text;
}

TEST(Module, IsLoadedOnce) {
  const ModuleName name{SPORE_TEST_MODULE_DIR "/module-good.so", "module_good", "a test"};
  const auto first = load_module_table(name);
  ASSERT_TRUE(first.ok()) << first.error().text;
  EXPECT_EQ(*load_module_table(name), *first);
}

TEST(Module, ThatIsNotThereIsNamedWithItsPurpose) {
  EXPECT_THAT(refusal({"no-such.so", "entry", "a compressed kernel"}, SPORE_E_NOT_FOUND),
              AllOf(HasSubstr("a compressed kernel needs '"), HasSubstr("/lib/sporehost/no-such.so'"),
                    HasSubstr("neither is there; install sporehost anew")));
}

TEST(Module, OfAnotherVersionIsRefused) {
  EXPECT_THAT(refusal({SPORE_TEST_MODULE_DIR "/module-old.so", "module_old", "a test"}, SPORE_E_UNSUPPORTED),
              AllOf(HasSubstr("module-old.so' is of version 0.0.1, the program of "), HasSubstr("install sporehost")));
}

TEST(Module, WithoutItsEntryIsRefused) {
  EXPECT_THAT(refusal({SPORE_TEST_MODULE_DIR "/module-good.so", "no_such_entry", "a test"}, SPORE_E_INTERNAL),
              AllOf(HasSubstr("a test needs '"), HasSubstr("no_such_entry")));
}

TEST(Module, ThatIsNoSharedObjectIsRefused) {
  EXPECT_THAT(refusal({SPORE_TEST_MODULE_DIR "/module_fixture.c", "entry", "a test"}, SPORE_E_INTERNAL),
              HasSubstr("module_fixture.c"));
}

} // namespace
} // namespace sporehost

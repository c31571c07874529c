// The table of what is decided from what is known of a kernel.
#include "core/planning/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sporehost {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

kernel::KernelFeatures features(std::optional<bool> acpi, std::optional<bool> pci, std::optional<bool> mmio_cmdline) {
  kernel::KernelFeatures all;
  all.acpi = acpi, all.pci = pci, all.mmio_cmdline = mmio_cmdline, all.told_by = "a test";
  return all;
}

constexpr std::nullopt_t kUnknown = std::nullopt;

struct Row {
  const char* name;
  std::optional<bool> acpi, pci, mmio_cmdline;
  const char* cmdline;
  Discovery discovery;
  bool warns;
};

class Discoveries : public ::testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(
    Table, Discoveries,
    ::testing::Values(
        Row{"Debian", true, true, false, "quiet", Discovery::tables, false},
        Row{"Both", true, true, true, "", Discovery::tables, false},
        Row{"Unknown", kUnknown, kUnknown, kUnknown, "", Discovery::tables, false},
        Row{"NoAcpi", false, false, true, "", Discovery::command_line, false},
        Row{"AcpiWithoutPci", true, false, true, "", Discovery::command_line, false},
        Row{"AcpiWithoutPciAlone", true, false, false, "", Discovery::tables, false},
        Row{"Neither", false, false, false, "", Discovery::command_line, true},
        Row{"SwitchedOff", true, true, true, "quiet acpi=off", Discovery::command_line, false},
        Row{"SwitchedOffInDebian", true, true, false, "acpi=off", Discovery::command_line, true},
        Row{"SwitchedOffUnknown", kUnknown, kUnknown, kUnknown, "acpi=off", Discovery::command_line, false},
        Row{"NotSwitchedOff", true, true, false, "acpi=offer xacpi=off -- acpi=off", Discovery::tables, false}),
    [](const auto& row) { return row.param.name; });

TEST_P(Discoveries, AreAsTheTableSays) {
  const Row& row = GetParam();
  const DiscoveryChoice choice = choose_discovery(features(row.acpi, row.pci, row.mmio_cmdline), row.cmdline);
  EXPECT_EQ(choice.discovery, row.discovery);
  EXPECT_EQ(!choice.warning.empty(), row.warns) << choice.warning;
  EXPECT_FALSE(choice.reason.empty());
}

TEST(DiscoveryWords, SayWhatWasFoundAndWhatToDo) {
  EXPECT_EQ(choose_discovery(features(true, true, false), "").reason, "it has ACPI (a test)");
  EXPECT_THAT(choose_discovery(features(false, false, false), "").warning,
              HasSubstr("use a kernel with one of the two"));
  EXPECT_THAT(choose_discovery(features(true, true, false), "acpi=off").warning, HasSubstr("leave out acpi=off"));
}

} // namespace
} // namespace sporehost

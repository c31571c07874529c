// Names of I/O devices, which plugins write and AML and the device tree carry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/arch/io_names.hpp"

namespace sporehost::arch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(IoNames, HidsAreThreeOrFourCapitalsAndFourDigits) {
  for (const char* id : {"PNP0501", "QEMU0001", "ARMH0011", "A120FFFF", "PNP0B00"}) EXPECT_TRUE(is_acpi_hid(id)) << id;
  for (const char* id :
       {"", "PNP", "PNP050", "PNP050G", "A120001", "pnp0501", "PNP0b00", "1NP0501", "QEMUX0001", "PN-0501", "PNP 501"})
    EXPECT_FALSE(is_acpi_hid(id)) << id;
  EXPECT_FALSE(is_acpi_hid(std::string_view("PNP05\0001", 8)));
}

TEST(IoNames, CompatiblesAreOneString) {
  EXPECT_TRUE(is_fdt_compatible("arm,pl031"));
  EXPECT_TRUE(is_fdt_compatible("acme,thing-2.0+x_y"));
  EXPECT_TRUE(is_fdt_compatible(std::string(63, 'x')));
  EXPECT_FALSE(is_fdt_compatible(std::string(64, 'x')));
  for (const char* name : {"", "a b", "a/b", "a@b", "a\"b", "a\nb", "\xc3\xa9"})
    EXPECT_FALSE(is_fdt_compatible(name)) << name;
  EXPECT_FALSE(is_fdt_compatible(std::string_view("arm,pl0\0arm,primecell", 21)));
}

TEST(IoNames, MessagesNameTheRuleAndAreFitForALine) {
  EXPECT_TRUE(check_io_names({}).ok());
  EXPECT_TRUE(check_io_names({"PNP0B00", "acme,clock", {}, {}}).ok());
  const auto hid = check_io_names({"PNP\n\x1b[2J", "", {}, {}});
  ASSERT_FALSE(hid.ok());
  EXPECT_EQ(hid.error().status, SPORE_E_INVALID);
  EXPECT_THAT(hid.error().text,
              AllOf(HasSubstr("acpi_hid"), HasSubstr("SDK-25"), Not(HasSubstr("\n")), Not(HasSubstr("\x1b"))));
  const auto compatible = check_io_names({"", "a/../chosen", {}, {}});
  ASSERT_FALSE(compatible.ok());
  EXPECT_THAT(compatible.error().text, AllOf(HasSubstr("fdt_compatible 'a/../chosen'"), HasSubstr("SDK-25")));
}

} // namespace
} // namespace sporehost::arch

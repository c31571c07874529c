#include <gtest/gtest.h>

#include "core/arch/x86_64/aml.hpp"

namespace sporehost::arch::x86_64::aml {
namespace {

TEST(Aml, Integers) {
  EXPECT_EQ(integer(0), (Code{0x00}));
  EXPECT_EQ(integer(1), (Code{0x01}));
  EXPECT_EQ(integer(2), (Code{0x0a, 0x02}));
  EXPECT_EQ(integer(0x1234), (Code{0x0b, 0x34, 0x12}));
  EXPECT_EQ(integer(0xd0000000), (Code{0x0c, 0x00, 0x00, 0x00, 0xd0}));
  EXPECT_EQ(integer(0x100000000), (Code{0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Aml, Names) {
  EXPECT_EQ(name_string("_HID"), (Code{'_', 'H', 'I', 'D'}));
  EXPECT_EQ(name_string("\\_SB"), (Code{'\\', '_', 'S', 'B', '_'}));
  EXPECT_EQ(name_string("\\_SB.PWRB"), (Code{'\\', 0x2e, '_', 'S', 'B', '_', 'P', 'W', 'R', 'B'}));
  EXPECT_EQ(name_string("A.B.C"), (Code{0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_'}));
  EXPECT_EQ(name_string("\\"), (Code{'\\', 0}));
}

TEST(Aml, EisaIds) {
  EXPECT_EQ(eisa_id("PNP0501"), (Code{0x0c, 0x41, 0xd0, 0x05, 0x01}));
  EXPECT_EQ(eisa_id("PNP0C0C"), (Code{0x0c, 0x41, 0xd0, 0x0c, 0x0c}));
}

// The length counts its own bytes; each limit is where one more byte becomes necessary.
TEST(Aml, PackageLengths) {
  const auto lead = [](size_t body) {
    const Code code = scope("ABCD", Code(body - 4, 0xa3));
    EXPECT_EQ(code[0], 0x10);
    const size_t extra = code[1] >> 6;
    size_t length = extra == 0 ? code[1] & 0x3f : code[1] & 0x0f;
    for (size_t i = 0; i < extra; ++i) length |= size_t{code[2 + i]} << (4 + 8 * i);
    EXPECT_EQ(length, code.size() - 1);
    return extra;
  };
  EXPECT_EQ(lead(62), 0u);
  EXPECT_EQ(lead(63), 1u);
  EXPECT_EQ(lead(0xfff - 2), 1u);
  EXPECT_EQ(lead(0xfff - 1), 2u);
  EXPECT_EQ(lead(0xfffff - 3), 2u);
  EXPECT_EQ(lead(0xfffff - 2), 3u);
}

TEST(Aml, Packages) {
  EXPECT_EQ(name("\\_S5", package({integer(5), integer(0)})),
            (Code{0x08, '\\', '_', 'S', '5', '_', 0x12, 0x05, 0x02, 0x0a, 0x05, 0x00}));
}

TEST(Aml, Resources) {
  const Code code = resources({memory32_fixed(0xd0000000, 0x1000), interrupt(5, Trigger::edge)});
  const Code expected = {0x11, 0x1a, 0x0a, 0x17,                                                 // Buffer (23)
                         0x86, 0x09, 0x00, 0x01, 0,    0,    0,    0xd0, 0x00, 0x10, 0x00, 0x00, // Memory32Fixed
                         0x89, 0x06, 0x00, 0x03, 0x01, 0x05, 0x00, 0x00, 0x00,                   // Interrupt
                         0x79, 0x00};
  EXPECT_EQ(code, expected);
  EXPECT_EQ(interrupt(0x17, Trigger::level), (Code{0x89, 0x06, 0x00, 0x01, 0x01, 0x17, 0x00, 0x00, 0x00}));
  EXPECT_EQ(io_ports(0x3f8, 8), (Code{0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08}));
}

TEST(Aml, Methods) {
  EXPECT_EQ(method("_EVT", 1, notify("\\_SB.PWRB", 0x80)),
            (Code{0x14, 0x13, '_', 'E', 'V', 'T', 0x01, 0x86, '\\', 0x2e,
                  '_',  'S',  'B', '_', 'P', 'W', 'R',  'B',  0x0a, 0x80}));
}

} // namespace
} // namespace sporehost::arch::x86_64::aml

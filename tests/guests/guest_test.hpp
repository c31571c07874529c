// The fixture of the guest tests: skips, with the reason, where no guest can run.
#pragma once

#include <gtest/gtest.h>

#include "tests/guests/harness.hpp"

namespace guests {

class GuestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = machine.unusable()) GTEST_SKIP() << *reason;
  }

  // Opens a VM and enters `program`.
  void boot(const std::string& program, uint32_t vcpus = 1, uint32_t flags = SPORE_VM_IRQCHIP) {
    const auto opened = machine.open(vcpus, flags);
    ASSERT_TRUE(opened) << opened.error().text;
    machine.load(program);
    machine.start();
  }

  GuestMachine machine;
};

} // namespace guests

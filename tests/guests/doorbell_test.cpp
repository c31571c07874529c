// Doorbells: writes that signal an eventfd and do not come to the callbacks.
#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kBell = kMmio + 0x50;
const Access kSeven{Kind::kMmioWrite, kBell, 4, 7};
const Access kEight{Kind::kMmioWrite, kBell, 4, 8};
const Access kPort{Kind::kPortWrite, 0x70, 2, 7};

class DoorbellTest : public GuestTest {
 protected:
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped()) return;
    fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT_GE(fd_, 0);
    boot("doorbell");
  }
  void TearDown() override {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] spore_doorbell bell() const {
    spore_doorbell bell{};
    bell.address = kBell;
    bell.bytes = 4;
    bell.fd = fd_;
    return bell;
  }
  spore_status add(const spore_doorbell& doorbell) {
    const auto added = machine.backend().add_doorbell(doorbell);
    if (!added) error_ = added.error().text;
    return added ? SPORE_OK : added.error().status;
  }
  spore_status remove(const spore_doorbell& doorbell) { return machine.backend().remove_doorbell(doorbell); }
  // How often the eventfd was signalled since the last look.
  [[nodiscard]] uint64_t rings() const {
    eventfd_t count = 0;
    return ::eventfd_read(fd_, &count) == 0 ? count : 0;
  }

  int fd_ = -1;
  std::string error_;
};

TEST_F(DoorbellTest, EveryWriteRingsAndNoneIsCalledBack) {
  const spore_status added = add(bell());
  if (added == SPORE_E_UNSUPPORTED) GTEST_SKIP() << error_;
  ASSERT_EQ(added, SPORE_OK) << error_;
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(rings(), 2U);
  EXPECT_THAT(machine.accesses(), ElementsAre(kPort));
}

TEST_F(DoorbellTest, OnlyTheValueRings) {
  spore_doorbell doorbell = bell();
  doorbell.match = 1;
  doorbell.value = 7;
  const spore_status added = add(doorbell);
  if (added == SPORE_E_UNSUPPORTED) GTEST_SKIP() << error_;
  ASSERT_EQ(added, SPORE_OK) << error_;
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(rings(), 1U);
  EXPECT_THAT(machine.accesses(), ElementsAre(kEight, kPort));
}

TEST_F(DoorbellTest, PortsRingToo) {
  if (!kHasPorts) GTEST_SKIP() << "this architecture has no ports";
  spore_doorbell doorbell = bell();
  doorbell.port_space = 1;
  doorbell.address = 0x70;
  doorbell.bytes = 2;
  const spore_status added = add(doorbell);
  if (added == SPORE_E_UNSUPPORTED) GTEST_SKIP() << error_;
  ASSERT_EQ(added, SPORE_OK) << error_;
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(rings(), 1U);
  EXPECT_THAT(machine.accesses(), ElementsAre(kSeven, kEight));
}

TEST_F(DoorbellTest, ARemovedOneIsCalledBackAgain) {
  const spore_status added = add(bell());
  if (added == SPORE_E_UNSUPPORTED) GTEST_SKIP() << error_;
  ASSERT_EQ(added, SPORE_OK) << error_;
  EXPECT_EQ(add(bell()), SPORE_E_EXISTS);
  ASSERT_EQ(remove(bell()), SPORE_OK);
  EXPECT_EQ(remove(bell()), SPORE_E_NOT_FOUND);
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(rings(), 0U);
  EXPECT_THAT(machine.accesses(), ElementsAre(kSeven, kEight, kPort));
}

TEST_F(DoorbellTest, NonsenseIsRefused) {
  spore_doorbell doorbell = bell();
  doorbell.bytes = 3;
  EXPECT_EQ(add(doorbell), SPORE_E_INVALID);
  doorbell = bell();
  doorbell.fd = -1;
  EXPECT_EQ(add(doorbell), SPORE_E_INVALID);
  doorbell = bell();
  doorbell.match = 1;
  doorbell.value = uint64_t{1} << 32;
  EXPECT_EQ(add(doorbell), SPORE_E_INVALID);
  doorbell = bell();
  doorbell.port_space = 1;
  EXPECT_EQ(add(doorbell), SPORE_E_RANGE);
}

} // namespace
} // namespace guests

// serial-pl011 against the SDK's fake host: the register dance of Linux' amba-pl011 driver, interrupts, slow readers.
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace spore::testing;

enum : uint64_t {
  DR = 0,
  RSR = 4,
  FR = 0x18,
  IBRD = 0x24,
  LCR_H = 0x2c,
  CR = 0x30,
  IFLS = 0x34,
  IMSC = 0x38,
  RIS = 0x3c,
  MIS = 0x40,
  ICR = 0x44
};
constexpr uint32_t kRxff = 0x40, kTxfe = 0x80, kRxfe = 0x10;
constexpr uint32_t kReceive = 0x10, kTransmit = 0x20, kTimeout = 0x40, kOverrun = 0x400;
constexpr uint32_t kOn = 0x301, kLoop = 0x80;

class Pl011 : public ::testing::Test {
 protected:
  void SetUp() override {
    auto plugin = load_plugin(SPORE_PLUGIN_DIR "/serial-pl011.so");
    ASSERT_TRUE(plugin.ok()) << plugin.error().text;
    plugin_.emplace(std::move(plugin).value());
    auto device = plugin_->io_device("serial-pl011", host_);
    ASSERT_TRUE(device.ok()) << device.error().text;
    device_.emplace(std::move(device).value());
  }

  uint32_t in(uint64_t reg, uint32_t bytes = 4) { return static_cast<uint32_t>(device_->read(0, reg, bytes)); }
  void out(uint64_t reg, uint32_t value, uint32_t bytes = 4) { device_->write(0, reg, value, bytes); }
  bool line() { return interrupts_.level(); }
  void start() { // as pl011_startup
    out(LCR_H, 0x70);
    out(CR, kOn);
  }

  FakeHost host_;
  FakeInterrupts interrupts_{host_};
  FakeStreams streams_{host_, {"console"}};
  std::optional<LoadedPlugin> plugin_;
  std::optional<IoHandle> device_;
};

TEST_F(Pl011, DescribesItself) {
  const spore_io_traits& traits = device_->traits();
  ASSERT_EQ(traits.window_count, 1U);
  EXPECT_EQ(traits.windows[0]->space, uint32_t{SPORE_IO_MMIO});
  EXPECT_EQ(traits.windows[0]->base, 0x09000000U);
  EXPECT_EQ(traits.windows[0]->bytes, 4096U);
  ASSERT_EQ(traits.irq_count, 1U);
  EXPECT_EQ(traits.irqs[0]->gsi, 1U);
  EXPECT_EQ(traits.irqs[0]->trigger, uint32_t{SPORE_TRIGGER_LEVEL});
  EXPECT_EQ(device_->description().acpi_hid, "ARMH0011");
}

// The AMBA bus matches drivers by these: 0x00041011 under mask 0x000fffff, and the cell's own 0xb105f00d.
TEST_F(Pl011, IsTakenForAPl011) {
  uint32_t id = 0, cell = 0;
  for (unsigned i = 0; i < 4; ++i) id |= (in(0xfe0 + 4 * i) & 0xff) << 8 * i;
  for (unsigned i = 0; i < 4; ++i) cell |= (in(0xff0 + 4 * i) & 0xff) << 8 * i;
  EXPECT_EQ(id & 0xfffff, 0x41011U);
  EXPECT_EQ(cell, 0xb105f00dU);
}

// An early console writes bytes before any driver has switched the port on, 8 or 32 bits wide.
TEST_F(Pl011, WritesToTheConsole) {
  out(DR, 'e', 1);
  out(DR, 'a', 4);
  start();
  out(DR, 'r', 2);
  EXPECT_EQ(streams_.received("console"), "ear");
  EXPECT_EQ(in(FR) & (kTxfe | 0x28), kTxfe) << "empty, not full, not busy";
}

TEST_F(Pl011, ASlowReaderNeverStopsTheGuest) {
  start();
  streams_.set_room("console", 2);
  for (const char c : std::string("abcdef")) out(DR, static_cast<uint8_t>(c));
  EXPECT_EQ(in(FR)&kTxfe, kTxfe);
  EXPECT_EQ(streams_.received("console"), "ab");
  streams_.set_room("console", 100);
  EXPECT_EQ(streams_.received("console"), "abcdef");
}

TEST_F(Pl011, ReadsFromTheConsoleAndTheFifoHolds16) {
  start();
  streams_.send("console", std::string(100, 'x'));
  EXPECT_EQ(streams_.unsent("console"), 84U);
  EXPECT_EQ(in(FR) & (kRxff | kRxfe), kRxff);
  size_t count = 0;
  for (; (in(FR)&kRxfe) == 0; ++count) EXPECT_EQ(in(DR), uint32_t{'x'});
  EXPECT_EQ(count, 100U);
  EXPECT_EQ(in(DR), 0U);
}

TEST_F(Pl011, WithoutFifosTheReceiverHoldsOneByte) {
  out(CR, kOn);
  streams_.send("console", "ab");
  EXPECT_EQ(streams_.unsent("console"), 1U);
  EXPECT_EQ(in(FR)&kRxff, kRxff);
  EXPECT_EQ(in(DR), uint32_t{'a'});
  EXPECT_EQ(in(DR), uint32_t{'b'});
}

TEST_F(Pl011, NothingIsTakenWhileTheReceiverIsOff) {
  out(CR, 0x101);
  streams_.send("console", "x");
  EXPECT_EQ(in(FR)&kRxfe, kRxfe);
  out(CR, kOn);
  EXPECT_EQ(in(FR)&kRxfe, 0U);
}

// High from the first byte on, until the cause has gone.
TEST_F(Pl011, ReceivingInterrupts) {
  start();
  out(IMSC, kReceive | kTimeout);
  EXPECT_FALSE(line());
  streams_.send("console", "a");
  EXPECT_TRUE(line());
  EXPECT_EQ(in(MIS), kTimeout) << "below the trigger level";
  streams_.send("console", std::string(9, 'b'));
  EXPECT_EQ(in(MIS)&kReceive, kReceive);
  EXPECT_TRUE(line());
  while ((in(FR)&kRxfe) == 0) (void)in(DR);
  EXPECT_EQ(in(MIS), 0U);
  EXPECT_FALSE(line());
  streams_.send("console", "c");
  EXPECT_TRUE(line());
  out(ICR, kTimeout | kReceive);
  EXPECT_EQ(in(RIS) & (kTimeout | kReceive), 0U);
}

TEST_F(Pl011, SendingInterruptsAtOnceWhereItIsWanted) {
  start();
  out(DR, 'x');
  EXPECT_FALSE(line()) << "masked";
  EXPECT_EQ(in(RIS)&kTransmit, kTransmit);
  out(IMSC, kTransmit);
  EXPECT_TRUE(line());
  out(ICR, kTransmit);
  EXPECT_EQ(in(MIS), 0U);
  EXPECT_FALSE(line());
  out(DR, 'y');
  EXPECT_TRUE(line());
}

TEST_F(Pl011, LoopbackComesBackAndOverruns) {
  start();
  out(CR, kOn | kLoop);
  for (int i = 0; i < 17; ++i) out(DR, 'a' + i);
  EXPECT_EQ(streams_.received("console"), "");
  EXPECT_EQ(in(RIS)&kOverrun, kOverrun);
  EXPECT_EQ(in(RSR), 8U);
  EXPECT_EQ(in(DR)&0x8ff, 0x800U | 'a');
  out(RSR, 0);
  EXPECT_EQ(in(DR), uint32_t{'b'});
}

// Any access at any offset and width does something defined, and identification never changes.
TEST_F(Pl011, RandomAccessesAreHarmless) {
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const uint32_t bytes = 1u << random() % 4;
    const uint64_t reg = random() % 2 != 0 ? random() % 0x50 : random() % (4096 - bytes + 1);
    if (random() % 2 != 0) {
      device_->write(0, std::min<uint64_t>(reg, 4096 - bytes), random(), bytes);
    } else {
      (void)device_->read(0, std::min<uint64_t>(reg, 4096 - bytes), bytes);
    }
    if (i % 100 == 0) streams_.send("console", "data");
  }
  EXPECT_EQ(in(0xfe0), 0x11U);
}

} // namespace

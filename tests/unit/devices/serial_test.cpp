// serial-16550 against the SDK's fake host: the register dance of Linux' 8250 driver, interrupts, slow readers.
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gtest/gtest.h>

#include <utility>

#include <random>

namespace {

using namespace spore::testing;

enum : uint64_t { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
constexpr uint8_t kOut2 = 0x08, kLoop = 0x10;
constexpr uint8_t kNone = 0x01, kThre = 0x02, kReceived = 0x04, kLineStatus = 0x06, kTimeout = 0x0c;

class Serial : public ::testing::Test {
 protected:
  void make() {
    auto plugin = load_plugin(SPORE_PLUGIN_DIR "/serial-16550.so");
    ASSERT_TRUE(plugin.ok()) << plugin.error().text;
    plugin_.emplace(std::move(plugin).value());
    auto device = plugin_->io_device("serial-16550", host_);
    ASSERT_TRUE(device.ok()) << device.error().text;
    device_.emplace(std::move(device).value());
  }
  void SetUp() override { make(); }

  uint8_t in(uint64_t reg) { return static_cast<uint8_t>(device_->read(0, reg, 1)); }
  void out(uint64_t reg, uint8_t value) { device_->write(0, reg, value, 1); }
  uint8_t cause() { return in(IIR)&0x0f; }
  // Whether the interrupt's line has risen since it was last asked: once or several times, a driver reads until nothing
  // is pending.
  bool rose() { return interrupts_.pulses() != std::exchange(seen_, interrupts_.pulses()); }

  FakeHost host_;
  FakeInterrupts interrupts_{host_};
  unsigned seen_ = 0;
  FakeStreams streams_{host_, {"console"}};
  std::optional<LoadedPlugin> plugin_;
  std::optional<IoHandle> device_;
};

TEST_F(Serial, DescribesItself) {
  const spore_io_traits& traits = device_->traits();
  ASSERT_EQ(traits.window_count, 1U);
  EXPECT_EQ(traits.windows[0]->space, uint32_t{SPORE_IO_PORT});
  EXPECT_EQ(traits.windows[0]->base, 0x3f8U);
  EXPECT_EQ(traits.windows[0]->bytes, 8U);
  ASSERT_EQ(traits.irq_count, 1U);
  EXPECT_EQ(traits.irqs[0]->gsi, 4U);
  EXPECT_EQ(traits.irqs[0]->trigger, uint32_t{SPORE_TRIGGER_EDGE});
  EXPECT_EQ(device_->description().acpi_hid, "PNP0501");
}

TEST_F(Serial, WritesToTheConsole) {
  for (const char c : std::string("early\n")) out(DATA, static_cast<uint8_t>(c));
  EXPECT_EQ(streams_.received("console"), "early\n");
  EXPECT_EQ(in(LSR), 0x60);
}

TEST_F(Serial, ASlowReaderNeverStopsTheGuest) {
  streams_.set_room("console", 2);
  for (const char c : std::string("abcdef")) out(DATA, static_cast<uint8_t>(c));
  EXPECT_EQ(in(LSR), 0x60) << "always ready to send";
  EXPECT_EQ(streams_.received("console"), "ab");
  streams_.set_room("console", 1);
  EXPECT_EQ(streams_.received("console"), "abc");
  streams_.set_room("console", 100);
  EXPECT_EQ(streams_.received("console"), "abcdef");
}

TEST_F(Serial, WhatNobodyReadsIsBounded) {
  streams_.set_room("console", 0);
  for (int i = 0; i < 70000; ++i) out(DATA, 'x');
  EXPECT_EQ(host_.counter("bytes-lost"), 70000U - 65536);
  streams_.set_room("console", 1'000'000);
  EXPECT_EQ(streams_.received("console").size(), 65536U);
}

TEST_F(Serial, ReadsFromTheConsole) {
  out(FCR, 0x01);
  streams_.send("console", "hello");
  EXPECT_EQ(in(LSR), 0x61);
  std::string got;
  while ((in(LSR)&1) != 0) got += static_cast<char>(in(DATA));
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(in(DATA), 0);
}

TEST_F(Serial, TheFifoHolds16AndTheStreamKeepsTheRest) {
  out(FCR, 0x01);
  streams_.send("console", std::string(100, 'x'));
  EXPECT_EQ(streams_.unsent("console"), 84U);
  (void)in(DATA);
  EXPECT_EQ(streams_.unsent("console"), 83U);
  size_t count = 1;
  for (; (in(LSR)&1) != 0; ++count) EXPECT_EQ(in(DATA), 'x');
  EXPECT_EQ(count, 100U);
}

TEST_F(Serial, NothingIsTakenBeforeTheGuestHasTouchedIt) {
  streams_.send("console", "x");
  EXPECT_EQ(in(LSR), 0x60);
  EXPECT_FALSE(streams_.guest_open("console"));
  out(FCR, 1);
  EXPECT_TRUE(streams_.guest_open("console"));
  EXPECT_EQ(in(LSR), 0x61);
}

// autoconfig() of Linux' drivers/tty/serial/8250/8250_port.c, the parts that tell what it is.
TEST_F(Serial, IsTakenForA16550A) {
  out(IER, 0);
  EXPECT_EQ(in(IER), 0);
  out(IER, 0x0f);
  EXPECT_EQ(in(IER), 0x0f);
  out(IER, 0xff);
  EXPECT_EQ(in(IER), 0x0f) << "upper bits would make it another chip";
  out(IER, 0);
  out(MCR, kLoop | kOut2 | 0x02);
  EXPECT_EQ(in(MSR)&0xf0, 0x90) << "loopback: RTS comes back as CTS, OUT2 as DCD";
  out(MCR, kOut2);
  EXPECT_EQ(in(MSR)&0xf0, 0xb0);
  out(FCR, 0x01);
  EXPECT_EQ(in(IIR) >> 6, 3) << "FIFOs that work";
  out(SCR, 0xae);
  EXPECT_EQ(in(SCR), 0xae);
}

TEST_F(Serial, DivisorLatchHidesData) {
  out(LCR, 0x83);
  out(DATA, 0x01);
  out(IER, 0x02);
  EXPECT_EQ(in(DATA), 0x01);
  EXPECT_EQ(in(IER), 0x02);
  out(LCR, 0x03);
  EXPECT_EQ(in(LCR), 0x03);
  EXPECT_EQ(in(IER), 0x00);
  EXPECT_EQ(streams_.received("console"), "") << "a divisor is no output";
}

TEST_F(Serial, TransmitterInterruptIsRaisedByEnablingIt) {
  out(MCR, kOut2);
  EXPECT_EQ(cause(), kNone);
  EXPECT_FALSE(rose());
  out(IER, 0x02);
  EXPECT_TRUE(rose());
  EXPECT_EQ(cause(), kThre);
  EXPECT_EQ(cause(), kNone) << "reading IIR acknowledges it";
  EXPECT_FALSE(rose());
  out(IER, 0x02);
  EXPECT_FALSE(rose()) << "it was enabled already";
  out(IER, 0x00);
  out(IER, 0x02);
  EXPECT_TRUE(rose());
}

TEST_F(Serial, AFifoFullOfOutputCostsOneInterrupt) {
  out(MCR, kOut2);
  out(FCR, 0x01);
  out(IER, 0x02);
  EXPECT_TRUE(rose());
  EXPECT_EQ(cause(), kThre);
  out(DATA, 'x');
  EXPECT_TRUE(rose());
  for (int i = 1; i < 16; ++i) {
    out(DATA, 'x');
    EXPECT_FALSE(rose()) << "it is high already";
  }
  EXPECT_EQ(cause(), kThre);
  EXPECT_FALSE(rose());
  EXPECT_EQ(cause(), kNone);
}

TEST_F(Serial, OneEdgeForEachTimeInputStartsWaiting) {
  out(MCR, kOut2);
  out(FCR, 0x01);
  out(IER, 0x01);
  streams_.send("console", "a");
  streams_.send("console", "b");
  EXPECT_TRUE(rose());
  EXPECT_EQ(in(DATA), 'a');
  EXPECT_FALSE(rose()) << "it is high still";
  EXPECT_EQ(cause(), kReceived) << "the trigger level is 1";
  EXPECT_EQ(in(DATA), 'b');
  EXPECT_FALSE(rose());
  EXPECT_EQ(cause(), kNone);
  streams_.send("console", "c");
  EXPECT_TRUE(rose());
}

TEST_F(Serial, BelowTheTriggerLevelItIsATimeout) {
  out(MCR, kOut2);
  out(FCR, 0xc1); // 14
  out(IER, 0x01);
  streams_.send("console", "abc");
  EXPECT_TRUE(rose());
  EXPECT_EQ(cause(), kTimeout);
  streams_.send("console", "0123456789X");
  EXPECT_EQ(cause(), kReceived);
}

TEST_F(Serial, CausesComeInTheOrderOfTheirUrgency) {
  out(FCR, 0x01);
  out(MCR, kLoop);
  for (int i = 0; i < 17; ++i) out(DATA, 'x'); // one too many
  out(IER, 0x0f);
  EXPECT_EQ(cause(), kLineStatus);
  EXPECT_EQ(in(LSR), 0x63);
  EXPECT_EQ(cause(), kReceived);
  for (int i = 0; i < 16; ++i) (void)in(DATA);
  EXPECT_EQ(cause(), kThre);
  EXPECT_EQ(cause(), 0x00) << "modem status: the lines fell when loopback began";
  (void)in(MSR);
  EXPECT_EQ(cause(), kNone);
}

TEST_F(Serial, WithoutOut2AndInLoopbackThereIsNoInterrupt) {
  out(IER, 0x02);
  EXPECT_EQ(cause(), kThre);
  out(MCR, kLoop | kOut2);
  out(IER, 0x00);
  out(IER, 0x02);
  EXPECT_FALSE(rose());
  out(MCR, kOut2); // pending all the time, and now let through
  EXPECT_TRUE(rose());
}

TEST_F(Serial, LoopbackCutsTheLine) {
  out(FCR, 0x01);
  out(MCR, kLoop);
  out(DATA, 'x');
  EXPECT_EQ(streams_.received("console"), "");
  EXPECT_EQ(in(DATA), 'x');
  streams_.send("console", "y");
  EXPECT_EQ(in(LSR)&1, 0);
  out(MCR, 0);
  EXPECT_EQ(in(DATA), 'y');
}

TEST_F(Serial, FcrClearsTheReceiver) {
  out(FCR, 0x01);
  streams_.send("console", "abc");
  out(FCR, 0x03);
  EXPECT_EQ(in(LSR)&1, 0);
}

TEST_F(Serial, ModemDeltasAreClearedByReading) {
  out(MCR, kLoop);
  EXPECT_EQ(in(MSR), 0x0b);
  EXPECT_EQ(in(MSR), 0x00);
  out(MCR, kLoop | 0x04);
  EXPECT_EQ(in(MSR), 0x40) << "ringing that begins is no change";
  out(MCR, kLoop);
  EXPECT_EQ(in(MSR), 0x04) << "ringing that ends is";
}

TEST_F(Serial, WideAccessesAreSeveralNarrowOnes) {
  device_->write(0, DATA, 0x0061, 2);
  EXPECT_EQ(streams_.received("console"), "a");
  device_->write(0, SCR, 0x5a, 1);
  EXPECT_EQ(device_->read(0, LCR + 1, 4) >> 24, 0x5aU);
}

// Whatever a guest does, accesses return, the FIFO keeps within its bounds, and input arrives in order or is cleared.
TEST_F(Serial, AnyAccessesAreHarmless) {
  std::mt19937 random(16550);
  for (int i = 0; i < 200000; ++i) {
    const auto reg = static_cast<uint64_t>(random() % 8);
    if (random() % 2 == 0) {
      out(reg, static_cast<uint8_t>(random()));
    } else {
      (void)in(reg);
    }
    if (i % 64 == 0) streams_.send("console", "abc");
  }
  out(LCR, 0);
  out(MCR, 0);
  out(FCR, 0);
  out(FCR, 1);
  unsigned waiting = 0;
  for (; waiting <= streams_.unsent("console") + 16 && (in(LSR)&1) != 0; ++waiting) (void)in(DATA);
  EXPECT_EQ(in(LSR)&1, 0);
}

class SerialOptions : public Serial {
  void SetUp() override {}
};

TEST_F(SerialOptions, PortAndIrqCanBeChosen) {
  host_.set_option("/port", 0x2f8);
  host_.set_option("/irq", 3);
  make();
  EXPECT_EQ(device_->traits().windows[0]->base, 0x2f8U);
  EXPECT_EQ(device_->traits().irqs[0]->gsi, 3U);
}

TEST_F(SerialOptions, RefusesWhatIsNoPort) {
  host_.set_options_json(R"({"port":1017})"); // the schema would not let it through
  auto plugin = load_plugin(SPORE_PLUGIN_DIR "/serial-16550.so");
  ASSERT_TRUE(plugin.ok());
  const auto object = plugin->make(SPORE_KIND_IO_DEVICE, "serial-16550", host_);
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().text, "port must be a multiple of 8 below 65536, such as 1016 (0x3f8)");
}

TEST_F(SerialOptions, WorksWithoutAConsole) {
  FakeStreams none(host_, {});
  make();
  out(DATA, 'x');
  EXPECT_EQ(in(LSR), 0x60);
  EXPECT_TRUE(host_.logged("'console' is not to be had"));
}

} // namespace

// virtio-rng against the SDK's fake host.
#include <sporehost/testing/plugin_loader.hpp>

#include <gtest/gtest.h>

namespace {

using namespace spore::testing;

constexpr uint64_t kSecond = 1'000'000'000;

class Rng : public ::testing::Test {
 protected:
  void make() {
    auto plugin = load_plugin(SPORE_PLUGIN_DIR "/virtio-rng.so");
    ASSERT_TRUE(plugin.ok()) << plugin.error().text;
    plugin_.emplace(std::move(plugin).value());
    auto device = plugin_->virtio_device("virtio-rng", host_, virtio_);
    ASSERT_TRUE(device.ok()) << device.error().text;
    device_.emplace(std::move(device).value());
    ASSERT_TRUE(device_->start(VirtioHandle::kVersion1).ok());
  }
  void ask(std::vector<size_t> buffers) {
    virtio_.offer(0, {}, std::move(buffers));
    device_->notify(0);
  }
  const std::vector<Completion>& answers() { return virtio_.completions(0); }
  uint64_t given() {
    uint64_t bytes = 0;
    for (const Completion& done : answers()) bytes += done.written;
    return bytes;
  }

  FakeHost host_;
  FakeVirtio virtio_{host_};
  std::optional<LoadedPlugin> plugin_;
  std::optional<VirtioHandle> device_;
};

TEST_F(Rng, DescribesItself) {
  make();
  EXPECT_EQ(device_->traits().device_id, 4U);
  EXPECT_EQ(device_->traits().queue_count, 1U);
  EXPECT_EQ(device_->traits().features[0], 0U);
  EXPECT_EQ(device_->traits().config_bytes, 0U);
}

TEST_F(Rng, FillsTheWholeBufferWithWhatLooksRandom) {
  make();
  ask({3000, 3, 1000});
  ASSERT_EQ(answers().size(), 1U);
  EXPECT_EQ(answers()[0].written, 4003U);
  unsigned ones = 0;
  for (const uint8_t byte : answers()[0].data) ones += static_cast<unsigned>(__builtin_popcount(byte));
  EXPECT_NEAR(ones, 4003 * 4, 4003 * 4 * 0.05) << "about half of the bits are set, in every part of the buffer";
  const Bytes tail(answers()[0].data.end() - 64, answers()[0].data.end());
  EXPECT_NE(tail, Bytes(64, 0));
  EXPECT_EQ(host_.counter("bytes"), 4003U);
  EXPECT_EQ(host_.counter("requests"), 1U);
}

TEST_F(Rng, TwoAnswersDiffer) {
  make();
  ask({64});
  ask({64});
  EXPECT_NE(answers().at(0).data, answers().at(1).data);
}

TEST_F(Rng, ALongRequestIsAnsweredInPart) {
  make();
  ask({1 << 20});
  EXPECT_EQ(answers().at(0).written, 4096U);
}

TEST_F(Rng, UselessChainsAreGivenBack) {
  make();
  virtio_.offer(0, {{1, 2, 3}}, {});
  virtio_.fail_writes(1);
  virtio_.offer(0, {}, {16});
  virtio_.offer(0, {}, {16});
  device_->notify(0);
  ASSERT_EQ(answers().size(), 3U);
  EXPECT_EQ(answers()[0].written, 0U);
  EXPECT_EQ(answers()[1].written, 0U);
  EXPECT_EQ(answers()[2].written, 16U);
}

TEST_F(Rng, KeepsToItsRate) {
  host_.set_option("/bytes-per-second", 1000);
  make();
  for (int i = 0; i < 10; ++i) ask({500});
  EXPECT_EQ(given(), 1000U) << "one second's worth is there from the start";
  for (int i = 0; i < 30; ++i) host_.advance(kSecond / 10);
  EXPECT_GE(given(), 3500U);
  EXPECT_LE(given(), 4000U);
  for (const Completion& done : answers()) EXPECT_GT(done.written, 0U) << "a request waits instead of getting nothing";
}

TEST_F(Rng, IdleTimeIsNotSavedUp) {
  host_.set_option("/bytes-per-second", 1000);
  make();
  host_.advance(100 * kSecond);
  for (int i = 0; i < 10; ++i) ask({500});
  EXPECT_EQ(given(), 1000U);
}

TEST_F(Rng, ResetForgetsTheRequestThatWaits) {
  host_.set_option("/bytes-per-second", 100);
  make();
  ask({100});
  ask({100});
  EXPECT_EQ(virtio_.held(), 1U);
  device_->reset();
  EXPECT_EQ(host_.timers(), 0U);
  ASSERT_TRUE(device_->start(VirtioHandle::kVersion1).ok());
  host_.advance(kSecond);
  EXPECT_EQ(virtio_.void_pushes(), 0U);
  ask({50});
  EXPECT_EQ(answers().back().written, 50U);
}

TEST_F(Rng, RefusesARateThatIsNone) {
  host_.set_options_json(R"({"bytes-per-second":-1})"); // the schema would not let it through
  auto plugin = load_plugin(SPORE_PLUGIN_DIR "/virtio-rng.so");
  ASSERT_TRUE(plugin.ok());
  const auto object = plugin->make(SPORE_KIND_VIRTIO_DEVICE, "virtio-rng", host_);
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().text, "bytes-per-second must be 1 to 1073741824; leave it out for no limit");
}

} // namespace

// The plugins that authors start from do what they say.
#include "core/plugin/registry.hpp"
#include "tests/unit/plugin/plugin_folder.hpp"

#include <sporehost/testing/plugin_loader.hpp>

namespace sporehost::plugin::test {
namespace {

using namespace spore::testing;

TEST(Template, AllLoadAndOfferWhatTheyAreNamedFor) {
  Registry registry(only({SPORE_TEMPLATE_DIR}), {});
  EXPECT_TRUE(registry.find(SPORE_KIND_MEMORY_POLICY, "share").ok());
  EXPECT_TRUE(registry.find(SPORE_KIND_VIRTIO_DEVICE, "constant-rng").ok());
  for (const Plugin* plugin : registry.plugins()) EXPECT_EQ(plugin->state, LoadState::Loaded) << plugin->reason;
}

spore_memory_request request(uint32_t mode, uint64_t bytes) {
  spore_memory_request asked{};
  asked.mode = mode;
  asked.bytes = bytes;
  return asked;
}

TEST(Template, PolicyTakesItsShare) {
  FakeHost host;
  host.set_option("/percent", 50);
  auto plugin = load_plugin(SPORE_TEMPLATE_DIR "/share.so");
  ASSERT_TRUE(plugin.ok()) << plugin.error().text;
  auto policy = plugin->memory_policy("share", host);
  ASSERT_TRUE(policy.ok()) << policy.error().text;
  spore_memory_facts facts{};
  facts.host_total_bytes = uint64_t{4} << 30;
  const auto plan = policy->plan(request(SPORE_MEMORY_AUTO, 0), facts);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.value().boot_bytes, ((uint64_t{4} << 30) / 100 * 50) & ~uint64_t{4095});
  EXPECT_EQ(plan.value().reason, "50 % of the host's 4096 MiB");
  EXPECT_FALSE(policy->plan(request(SPORE_MEMORY_EXPLICIT, 1), facts).ok());
}

TEST(Template, DeviceFillsChains) {
  FakeHost host;
  FakeVirtio virtio(host);
  host.set_option("/value", 42);
  auto plugin = load_plugin(SPORE_TEMPLATE_DIR "/constant-rng.so");
  ASSERT_TRUE(plugin.ok()) << plugin.error().text;
  auto device = plugin->virtio_device("constant-rng", host, virtio);
  ASSERT_TRUE(device.ok()) << device.error().text;
  ASSERT_TRUE(device->start(VirtioHandle::kVersion1).ok());
  virtio.offer(0, {}, {16});
  virtio.offer(0, {}, {100000}); // longer than it gives at once
  device->notify(0);
  ASSERT_EQ(virtio.completions(0).size(), 2U);
  EXPECT_EQ(virtio.completions(0)[0].data, Bytes(16, 42));
  EXPECT_EQ(virtio.completions(0)[1].written, 4096U);
}

TEST(Template, DeviceNeedsATransport) {
  FakeHost host;
  auto plugin = load_plugin(SPORE_TEMPLATE_DIR "/constant-rng.so");
  ASSERT_TRUE(plugin.ok());
  const auto object = plugin->make(SPORE_KIND_VIRTIO_DEVICE, "constant-rng", host);
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().text, "this host does not offer sporehost.virtio/1");
}

} // namespace
} // namespace sporehost::plugin::test

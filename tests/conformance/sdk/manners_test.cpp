// Every rule of docs/sdk.md that is marked "in tests" is found by the fakes: a device for each that breaks it, and one
// that breaks none.
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace spore::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const LoadedPlugin& plugin_of(const char* name) {
  static std::map<std::string, LoadedPlugin> loaded;
  auto found = loaded.find(name);
  if (found == loaded.end()) {
    auto opened = load_plugin(std::string(SPORE_FIXTURE_DIR) + "/" + name + ".so");
    if (!opened.ok()) std::fprintf(stderr, "%s\n", opened.error().text.c_str());
    found = loaded.emplace(name, std::move(opened).value()).first;
  }
  return found->second;
}

std::vector<std::string> ids_of(const char* name) {
  std::vector<std::string> ids;
  const spore_plugin& plugin = plugin_of(name).descriptor();
  for (uint32_t i = 0; i < plugin.factory_count; ++i) ids.emplace_back(from_abi(plugin.factories[i]->id));
  return ids;
}

// "SDK-26: " of "sdk-26-reserved".
std::string rule_of(const std::string& id) {
  return "SDK-" + id.substr(4, id.find('-', 4) - 4) + ": ";
}

// A life as a driver leads it, in which each function is called; gives the rules broken in it.
std::vector<std::string> live(const std::string& id) {
  FakeHost host;
  FakeVirtio virtio(host);
  const FakeStreams streams(host, {"console"});
  std::vector<std::string> broken;
  {
    auto device = plugin_of("rude-devices").virtio_device(id, host, virtio);
    if (!device.ok()) return {"create: " + device.error().text};
    (void)device->start(VirtioHandle::kVersion1);
    virtio.offer(0, {}, {16});
    virtio.offer(1, {}, {16});
    device->notify(0);
    device->notify(1);
    (void)device->config<uint32_t>(0);
    device->write_config(0, {1});
    host.advance(10);
    host.poll_once();
    virtio.offer(0, {}, {16});
    device->reset();
    (void)device->start(VirtioHandle::kVersion1);
  }
  return host.checks().take();
}

std::string name_of(const ::testing::TestParamInfo<std::string>& id) {
  std::string name = id.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Device : public ::testing::TestWithParam<std::string> {};

TEST_P(Device, IsFoundOut) {
  if (GetParam() == "good") {
    EXPECT_THAT(live("good"), IsEmpty());
    return;
  }
  const auto broken = live(GetParam());
  if (GetParam() == "sdk-19-one-host") return; // takes two; below
  EXPECT_THAT(broken, Not(IsEmpty()));
  EXPECT_THAT(broken, Each(HasSubstr(rule_of(GetParam()))));
}

INSTANTIATE_TEST_SUITE_P(Manners, Device, ::testing::ValuesIn(ids_of("rude-devices")), &name_of);

// The same for I/O devices, policies and what fails to come into being.
std::vector<std::string> live_other(const std::string& id) {
  FakeHost host;
  const FakeInterrupts interrupts(host);
  const LoadedPlugin& plugin = plugin_of("rude-others");
  std::string refused;
  if (plugin.factory(SPORE_KIND_IO_DEVICE, id) != nullptr) {
    auto device = plugin.io_device(id, host);
    if (device.ok() && !device->bases().empty()) (void)device->read(0, 0, 1);
    if (!device.ok()) refused = device.error().text;
  } else {
    auto policy = plugin.memory_policy(id, host);
    if (policy.ok()) (void)policy->plan({}, {});
    if (policy.ok()) (void)policy->on_event({}, {});
    if (!policy.ok()) refused = policy.error().text;
  }
  std::vector<std::string> broken = host.checks().take();
  if (refused.find("(SDK-") != refused.npos) broken.push_back("SDK-9: " + refused);
  return broken;
}

class Other : public ::testing::TestWithParam<std::string> {};

TEST_P(Other, IsFoundOut) {
  const auto broken = live_other(GetParam());
  if (GetParam().starts_with("good")) {
    EXPECT_THAT(broken, IsEmpty());
    return;
  }
  EXPECT_THAT(broken, Not(IsEmpty()));
  EXPECT_THAT(broken, Each(HasSubstr(rule_of(GetParam()))));
}

INSTANTIATE_TEST_SUITE_P(Manners, Other, ::testing::ValuesIn(ids_of("rude-others")), &name_of);

TEST(Manners, TwoObjectsWithOneHost) {
  FakeHost hosts[2];
  FakeVirtio first(hosts[0]);
  FakeVirtio second(hosts[1]);
  {
    auto one = plugin_of("rude-devices").virtio_device("sdk-19-one-host", hosts[0], first);
    auto other = plugin_of("rude-devices").virtio_device("sdk-19-one-host", hosts[1], second);
    ASSERT_TRUE(one.ok() && other.ok());
    ASSERT_TRUE(one->start(0).ok());
    one->notify(0);
  }
  EXPECT_THAT(hosts[0].checks().take(), IsEmpty());
  EXPECT_THAT(hosts[1].checks().take(), Contains(HasSubstr("SDK-19: ")));
}

TEST(Manners, ACallAfterTheEnd) {
  FakeHost host;
  FakeVirtio virtio(host);
  const auto* table = host.table();
  ASSERT_TRUE(plugin_of("rude-devices").virtio_device("good", host, virtio).ok());
  table->now_ns(table->context);
  EXPECT_THAT(host.checks().take(), Contains(HasSubstr("SDK-10: the host was called after")));
}

// What a device of the list must break is in docs/sdk.md, and nothing is in there that no device breaks.
TEST(Manners, EachRuleMarkedInTestsHasABreaker) {
  std::ifstream file(SPORE_SDK_DOCUMENT);
  std::set<std::string> marked;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| SDK-") && line.find("in tests") != line.npos)
      marked.insert("SDK-" + line.substr(6, line.find(' ', 6) - 6) + ": ");
  }
  std::set<std::string> broken;
  for (const char* plugin : {"rude-devices", "rude-others"}) {
    for (const std::string& id : ids_of(plugin)) {
      if (id.starts_with("sdk-")) broken.insert(rule_of(id));
    }
  }
  EXPECT_FALSE(marked.empty());
  EXPECT_EQ(marked, broken);
}

} // namespace
} // namespace spore::testing

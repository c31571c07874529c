#include "fixture.hpp"

namespace vmem {
namespace {

using spore::testing::Handed;
using spore::testing::HandedError;
using spore::testing::HostAge;

const char* plugin_override() {
  return std::getenv("SPOREHOST_CONFORMANCE_PLUGIN");
}

// The plugin's virtio-mem factory: the one of that id, or its first virtio device.
std::string factory_id() {
  const spore_plugin& plugin = plugin_under_test().descriptor();
  if (plugin_under_test().factory(SPORE_KIND_VIRTIO_DEVICE, "virtio-mem") != nullptr) return "virtio-mem";
  for (uint32_t i = 0; i < plugin.factory_count; ++i) {
    const spore_factory* factory = plugin.factories[i];
    if (factory->kind == SPORE_KIND_VIRTIO_DEVICE) return std::string(spore::from_abi(factory->id));
  }
  return "virtio-mem";
}

template <typename Integer>
void put(Bytes& bytes, size_t at, Integer value) {
  for (size_t i = 0; i < sizeof value; ++i) bytes[at + i] = static_cast<uint8_t>(uint64_t{value} >> (8 * i));
}

uint16_t get16(const Bytes& bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8);
}

void apply(const MachineSetup& setup, spore::testing::FakeHost& host) {
  for (const auto& [pointer, value] : setup.options) host.set_option(pointer, value);
}

} // namespace

bool third_party() {
  return plugin_override() != nullptr;
}

const spore::testing::LoadedPlugin& plugin_under_test() {
  static const auto plugin = [] {
    const char* path = plugin_override();
    auto loaded = spore::testing::load_plugin(path != nullptr ? path : SPOREHOST_PLUGIN_DIR "/virtio-mem.so");
    if (!loaded.ok()) {
      std::fprintf(stderr, "%s\n", loaded.error().text.c_str());
      std::exit(1);
    }
    return std::move(loaded).value();
  }();
  return plugin;
}

Bytes encode_request(uint16_t type, uint64_t addr, uint16_t nb_blocks, uint8_t padding) {
  Bytes bytes(24, padding);
  put(bytes, 0, type);
  put(bytes, 8, addr);
  put(bytes, 16, nb_blocks);
  return bytes;
}

Machine::Machine(const MachineSetup& setup) : elastic(host, setup.shape) {
  apply(setup, host);
  auto made = plugin_under_test().virtio_device(factory_id(), host, virtio);
  if (!made.ok()) throw std::runtime_error("create failed: " + made.error().text);
  device_.emplace(std::move(made).value());
  resizable_ = device_->find<spore_resizable_memory>(SPORE_RESIZABLE_MEMORY_1);
  if (resizable_ == nullptr) throw std::runtime_error("the device does not offer " SPORE_RESIZABLE_MEMORY_1);
  if (setup.start) start(setup.features);
}

Machine::~Machine() {
  device_.reset();
  EXPECT_THAT(host.checks().take(), testing::IsEmpty()) << "rules of the SDK";
}

spore::Result<void> Machine::try_create(const MachineSetup& setup) {
  spore::testing::FakeHost host;
  spore::testing::FakeVirtio virtio(host);
  const spore::testing::FakeElastic elastic(host, setup.shape);
  spore::testing::Json options{spore::testing::Json::Object()};
  for (const auto& [pointer, value] : setup.options) options.set(pointer, value);
  host.set_options_json(options.text());
  const auto made = plugin_under_test().virtio_device(factory_id(), host, virtio);
  if (!made.ok()) return made.error();
  return {};
}

Reply Machine::send_raw(std::vector<Bytes> readable, std::vector<size_t> writable) {
  const uint64_t serial = virtio.offer(0, std::move(readable), std::move(writable));
  device().notify(0);
  const auto& done = virtio.completions(0);
  if (done.empty() || done.back().serial != serial) return {};
  const auto& last = done.back();
  Reply reply{.written = last.written};
  if (last.written >= 2) reply.type = get16(last.data, 0);
  if (last.written >= 10) reply.state = get16(last.data, 8);
  return reply;
}

Reply Machine::send(uint16_t type, uint64_t addr, uint16_t nb_blocks) {
  return send_raw({encode_request(type, addr, nb_blocks)}, {10});
}

void Machine::start(uint64_t features) {
  const auto started = device().start(features);
  if (!started.ok()) throw std::runtime_error("start failed: " + started.error().text);
}

void Machine::resize(uint64_t bytes) {
  elastic.set_requested(bytes);
  resizable_->requested_changed(device().self());
}

spore_resizable_state Machine::state() {
  Handed<spore_resizable_state> out(HostAge::older);
  EXPECT_EQ(resizable_->state(device().self(), out.get()), SPORE_OK);
  out.check(host.checks(), "state");
  return out.value();
}

void Machine::retry() {
  resizable_->retry(device().self());
}

const spore_saved_state* Machine::saved_state() const {
  return device().find<spore_saved_state>(SPORE_SAVED_STATE_1);
}

Bytes Machine::save() {
  uint64_t bytes = 0;
  const auto saved = [&](void* to, uint64_t capacity) {
    HandedError error(HostAge::newer);
    const spore_status status = saved_state()->save(device_->self(), to, capacity, &bytes, error.get());
    const auto outcome = error.outcome(status, host.checks(), "save");
    EXPECT_TRUE(outcome.ok()) << outcome.error().text;
  };
  saved(nullptr, 0);
  Bytes state(bytes);
  saved(state.data(), state.size());
  EXPECT_EQ(bytes, state.size());
  return state;
}

spore_status Machine::restore(const Bytes& bytes) {
  HandedError error(HostAge::older);
  const spore_status status = saved_state()->restore(device_->self(), bytes.data(), bytes.size(), error.get());
  (void)error.outcome(status, host.checks(), "restore"); // has a reason where it fails
  return status;
}

void Machine::expect_consistent() {
  const uint64_t block = get(BLOCK_SIZE);
  for (const Field field : {ADDR, REGION_SIZE, USABLE_SIZE, PLUGGED_SIZE, REQUESTED_SIZE}) {
    EXPECT_EQ(get(field) % block, 0u) << "configuration field at " << field;
  }
  EXPECT_GE(get(USABLE_SIZE), get(REQUESTED_SIZE));
  EXPECT_LE(get(USABLE_SIZE), get(REGION_SIZE));
  EXPECT_EQ(get(PLUGGED_SIZE), elastic.plugged_bytes());
  const spore_resizable_state shown = state();
  EXPECT_EQ(shown.requested_bytes, get(REQUESTED_SIZE));
  EXPECT_EQ(shown.usable_bytes, get(USABLE_SIZE));
  EXPECT_EQ(shown.plugged_bytes, get(PLUGGED_SIZE));
}

} // namespace vmem

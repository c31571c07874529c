// A plain device whose every function a test's plugin may replace by one that breaks a rule. Nothing of the SDK's C++
// wrapper is in it, which keeps some of the rules by itself.
#pragma once

#include <sporehost/device.h>
#include <sporehost/memory_policy.h>

#include <array>
#include <cstring>

namespace manners {

struct Device {
  const spore_host* host = nullptr;
  const spore_virtio* virtio = nullptr;
  spore_chain held{}; // of queue 0
  int fd = -1;
  int other_fd = -1;
  uint32_t times_described = 0;
};

inline Device& device(void* self) {
  return *static_cast<Device*>(self);
}

inline spore_string string(const char* text) {
  return {text, std::strlen(text)};
}

inline constexpr uint16_t kQueueSizes[] = {64, 64};

inline spore_status describe(void* /*self*/, spore_virtio_traits* out, spore_error* /*error*/) {
  spore_virtio_traits own{};
  own.device_id = 4;
  own.queue_count = 2;
  own.queue_size_max = kQueueSizes;
  own.config_bytes = 8;
  SPORE_FILL(spore_virtio_traits, out, &own);
  return SPORE_OK;
}

// Takes a chain of the queue and answers it, or holds it where the queue is 1.
inline void notify(void* self, uint32_t queue) {
  Device& d = device(self);
  spore_chain chain{};
  chain.size = sizeof chain;
  if (d.virtio->pop(d.virtio->context, queue, &chain) != SPORE_OK) return;
  if (queue == 1) {
    d.held = chain;
  } else {
    d.virtio->push(d.virtio->context, &chain, 0);
  }
}

constexpr spore_virtio_device_ops good_ops() {
  spore_virtio_device_ops ops{};
  ops.size = sizeof ops;
  ops.destroy = [](void* self) { delete &device(self); };
  ops.query_interface = [](void*, spore_string) -> const void* { return nullptr; };
  ops.describe = &describe;
  ops.read_config = [](void*, uint32_t, void* data, uint32_t bytes) { std::memset(data, 0, bytes); };
  ops.write_config = [](void*, uint32_t, const void*, uint32_t) {};
  ops.accept_features = [](void*, const uint64_t*) -> spore_status { return SPORE_OK; };
  ops.activate = [](void*, const spore_virtio_activation*, spore_error*) -> spore_status { return SPORE_OK; };
  ops.notify = &notify;
  ops.reset = [](void* self) { device(self).held = {}; };
  return ops;
}

inline Device* make_device(const spore_host* host) {
  auto* made = new Device;
  made->host = host;
  made->virtio = static_cast<const spore_virtio*>(host->query_interface(host->context, string(SPORE_VIRTIO_1)));
  return made;
}

using Create = spore_status (*)(const spore_host*, spore_string, spore_object*, spore_error*);

struct Listed {
  uint32_t kind;
  const char* id;
  Create create;
};

// The descriptor of a plugin with these factories; once a plugin.
template <size_t count>
const spore_plugin* describe_plugin(const char* id, const std::array<Listed, count>& all) {
  static std::array<spore_factory, count> factories{};
  static std::array<const spore_factory*, count> pointers{};
  static spore_plugin plugin{};
  for (size_t i = 0; i < count; ++i) {
    factories[i].size = sizeof factories[i];
    factories[i].kind = all[i].kind;
    factories[i].id = string(all[i].id);
    factories[i].summary = string("breaks the rule that it is named after");
    factories[i].options_schema = string("{\"type\":\"object\"}");
    factories[i].create = all[i].create;
    pointers[i] = &factories[i];
  }
  plugin.magic = SPORE_PLUGIN_MAGIC;
  plugin.size = sizeof plugin;
  plugin.abi_major = SPORE_ABI_MAJOR;
  plugin.abi_minor = SPORE_ABI_MINOR;
  plugin.arch = SPORE_ARCH_NATIVE;
  plugin.factory_count = count;
  plugin.id = string(id);
  plugin.version = string("1.0.0");
  plugin.factories = pointers.data();
  return &plugin;
}

} // namespace manners

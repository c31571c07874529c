// Loads a plugin for a test and makes objects of each kind, held by handles that call them as the host would: [device]
// functions with the lock held, arguments checked, `destroy` exactly once.
//
//   FakeHost host; FakeVirtio virtio(host);
//   auto plugin = load_plugin(path);                       // Result<LoadedPlugin>
//   auto device = plugin.value().virtio_device("virtio-rng", host, virtio);
//   device.value().start(features);                        // FEATURES_OK and DRIVER_OK
//
// A handle must go before its FakeHost, and the LoadedPlugin after its handles.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/memory_policy.h>
#include <sporehost/result.hpp>
#include <sporehost/testing/fake_virtio.hpp>

#include <dlfcn.h>

namespace spore::testing {

// What every handle has: the object, its table, and its end.
template <typename Ops>
class Handle {
 public:
  Handle(FakeHost& host, spore_object object) : host_(&host), object_(object) {}
  Handle(Handle&& other) noexcept : host_(other.host_), object_(std::exchange(other.object_, {})) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (object_.self != nullptr) ops().destroy(object_.self);
  }

  [[nodiscard]] const Ops& ops() const { return *static_cast<const Ops*>(object_.ops); }
  [[nodiscard]] void* self() const { return object_.self; }
  [[nodiscard]] FakeHost& host() const { return *host_; }

  // An optional interface of the object, or nullptr.
  template <typename Table>
  [[nodiscard]] const Table* find(const char* name) const {
    return static_cast<const Table*>(ops().query_interface(self(), name));
  }

 protected:
  FakeHost* host_;
  spore_object object_;
};

inline Result<void> to_result(spore_status status, const spore_error& error) {
  if (status == SPORE_OK) return {};
  return fail(status, error.text);
}

// A virtio device with its transport. Feature bits of the transport itself (VIRTIO_F_VERSION_1) may be passed along.
class VirtioHandle : public Handle<spore_virtio_device_ops> {
 public:
  static constexpr uint64_t kVersion1 = uint64_t{1} << 32;

  VirtioHandle(FakeHost& host, FakeVirtio& virtio, spore_object object) : Handle(host, object), virtio_(&virtio) {
    traits_.size = sizeof traits_;
    ops().describe(self(), &traits_);
  }

  [[nodiscard]] const spore_virtio_traits& traits() const { return traits_; }
  [[nodiscard]] FakeVirtio& virtio() const { return *virtio_; }

  // FEATURES_OK: gives the device's verdict.
  spore_status accept_features(uint64_t features) {
    const std::scoped_lock guard(host_->device_lock());
    return ops().accept_features(self(), features);
  }
  // DRIVER_OK.
  Result<void> activate(uint64_t features) {
    const std::scoped_lock guard(host_->device_lock());
    spore_error error{};
    virtio_->set_live(true);
    const spore_status status = ops().activate(self(), features, &error);
    if (status != SPORE_OK) virtio_->set_live(false);
    return to_result(status, error);
  }
  // What a driver does from reset to DRIVER_OK.
  Result<void> start(uint64_t features) {
    if (const spore_status status = accept_features(features); status != SPORE_OK) {
      return fail(status, "the device refused FEATURES_OK");
    }
    return activate(features);
  }
  void notify(uint32_t queue) {
    const std::scoped_lock guard(host_->device_lock());
    ops().notify(self(), queue);
  }
  void reset() {
    const std::scoped_lock guard(host_->device_lock());
    virtio_->drop_all();
    ops().reset(self());
  }
  void system_reset() {
    reset();
    const std::scoped_lock guard(host_->device_lock());
    ops().system_reset(self());
  }

  // The configuration space; beyond its end reads give zero and writes are dropped, as on the real transport.
  [[nodiscard]] Bytes read_config(uint32_t offset, uint32_t bytes) const {
    Bytes data(bytes);
    if (offset > traits_.config_bytes || bytes > traits_.config_bytes - offset) return data;
    const std::scoped_lock guard(host_->device_lock());
    ops().read_config(self(), offset, data.data(), bytes);
    return data;
  }
  template <typename Integer>
  [[nodiscard]] Integer config(uint32_t offset) const {
    Integer value{};
    std::memcpy(&value, read_config(offset, sizeof value).data(), sizeof value);
    return value;
  }
  void write_config(uint32_t offset, const Bytes& data) {
    if (offset > traits_.config_bytes || data.size() > traits_.config_bytes - offset) return;
    const std::scoped_lock guard(host_->device_lock());
    ops().write_config(self(), offset, data.data(), static_cast<uint32_t>(data.size()));
  }

 private:
  FakeVirtio* virtio_;
  spore_virtio_traits traits_{};
};

class IoHandle : public Handle<spore_io_device_ops> {
 public:
  IoHandle(FakeHost& host, spore_object object) : Handle(host, object) {
    traits_.size = sizeof traits_;
    ops().describe(self(), &traits_);
  }

  [[nodiscard]] const spore_io_traits& traits() const { return traits_; }

  [[nodiscard]] uint64_t read(uint32_t window, uint64_t offset, uint32_t bytes) {
    uint64_t value = 0;
    const std::scoped_lock guard(host_->device_lock());
    ops().read(self(), window, offset, &value, bytes);
    return value;
  }
  void write(uint32_t window, uint64_t offset, uint64_t value, uint32_t bytes) {
    const std::scoped_lock guard(host_->device_lock());
    ops().write(self(), window, offset, &value, bytes);
  }
  void system_reset() {
    const std::scoped_lock guard(host_->device_lock());
    ops().system_reset(self());
  }

 private:
  spore_io_traits traits_{};
};

class PolicyHandle : public Handle<spore_memory_policy_ops> {
 public:
  using Handle::Handle;

  [[nodiscard]] Result<spore_memory_plan> plan(const spore_memory_request& request, const spore_memory_facts& facts) {
    spore_memory_plan out{};
    out.size = sizeof out;
    spore_error error{};
    SPORE_CHECK(to_result(ops().plan(self(), &request, &facts, &out, &error), error));
    return out;
  }
  [[nodiscard]] spore_memory_action on_event(const spore_memory_event& event, const spore_memory_state& state) {
    spore_memory_action out{};
    out.size = sizeof out;
    ops().on_event(self(), &event, &state, &out);
    return out;
  }
};

// A plugin that is loaded and whose descriptor keeps the rules.
class LoadedPlugin {
 public:
  static Result<LoadedPlugin> open(const std::string& path) {
    std::unique_ptr<void, Closer> library(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!library) return fail(SPORE_E_IO, std::string("cannot load the plugin: ") + ::dlerror());
    const auto entry = reinterpret_cast<spore_plugin_entry_fn>(::dlsym(library.get(), SPORE_PLUGIN_ENTRY_SYMBOL));
    if (entry == nullptr) return fail(SPORE_E_NOT_FOUND, path + ": exports no " SPORE_PLUGIN_ENTRY_SYMBOL);
    const spore_plugin* plugin = entry();
    if (auto checked = validate(plugin); !checked.ok()) return checked.error().in(path);
    return LoadedPlugin(std::move(library), plugin);
  }

  [[nodiscard]] const spore_plugin& descriptor() const { return *plugin_; }

  [[nodiscard]] const spore_factory* factory(uint32_t kind, std::string_view id) const {
    for (uint32_t i = 0; i < plugin_->factory_count; ++i) {
      const spore_factory* found = plugin_->factories[i];
      if (found->kind == kind && id == found->id) return found;
    }
    return nullptr;
  }

  Result<VirtioHandle> virtio_device(std::string_view id, FakeHost& host, FakeVirtio& virtio) const {
    SPORE_TRY(spore_object object, make(SPORE_KIND_VIRTIO_DEVICE, id, host));
    return VirtioHandle(host, virtio, object);
  }
  Result<IoHandle> io_device(std::string_view id, FakeHost& host) const {
    SPORE_TRY(spore_object object, make(SPORE_KIND_IO_DEVICE, id, host));
    return IoHandle(host, object);
  }
  Result<PolicyHandle> memory_policy(std::string_view id, FakeHost& host) const {
    SPORE_TRY(spore_object object, make(SPORE_KIND_MEMORY_POLICY, id, host));
    return PolicyHandle(host, object);
  }

  // An object of any kind; the caller ends it by its table's `destroy`.
  Result<spore_object> make(uint32_t kind, std::string_view id, FakeHost& host) const {
    const spore_factory* maker = factory(kind, id);
    if (maker == nullptr) return fail(SPORE_E_NOT_FOUND, "the plugin has no such factory: " + std::string(id));
    spore_object object{};
    spore_error error{};
    SPORE_CHECK(to_result(maker->create(host.table(), host.options_json(), &object, &error), error));
    if (object.ops == nullptr || object.self == nullptr) {
      return fail(SPORE_E_INTERNAL, "create succeeded and gave no object");
    }
    return object;
  }

 private:
  struct Closer {
    void operator()(void* library) const { ::dlclose(library); }
  };

  LoadedPlugin(std::unique_ptr<void, Closer> library, const spore_plugin* plugin)
      : library_(std::move(library)), plugin_(plugin) {}

  static bool is_id(const char* id) {
    return id != nullptr && *id != '\0' && std::all_of(id, id + std::strlen(id), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
  }

  static Result<void> validate(const spore_plugin* plugin) {
    if (plugin == nullptr) return fail(SPORE_E_INVALID, "the entry function gave no descriptor");
    if (plugin->magic != SPORE_PLUGIN_MAGIC) return fail(SPORE_E_INVALID, "the descriptor's magic is wrong");
    if (plugin->size < sizeof(spore_plugin)) return fail(SPORE_E_INVALID, "the descriptor is too short");
    if (plugin->abi_major != SPORE_ABI_MAJOR) return fail(SPORE_E_UNSUPPORTED, "built for another major ABI version");
    if (plugin->arch != SPORE_ARCH_NATIVE) return fail(SPORE_E_UNSUPPORTED, "built for another architecture");
    if (!is_id(plugin->id)) return fail(SPORE_E_INVALID, "the plugin's id is not lower-case kebab");
    if (plugin->version == nullptr) return fail(SPORE_E_INVALID, "the plugin states no version");
    if (plugin->factory_count == 0) return fail(SPORE_E_INVALID, "the plugin has no factory");
    for (uint32_t i = 0; i < plugin->factory_count; ++i) SPORE_CHECK(validate(plugin->factories[i], i));
    return {};
  }

  static Result<void> validate(const spore_factory* factory, uint32_t number) {
    const std::string where = "factory " + std::to_string(number);
    if (factory == nullptr || factory->size < sizeof(spore_factory))
      return fail(SPORE_E_INVALID, where + ": too short");
    if (factory->kind < SPORE_KIND_BACKEND || factory->kind > SPORE_KIND_MEMORY_POLICY) {
      return fail(SPORE_E_INVALID, where + ": unknown kind");
    }
    if (!is_id(factory->id)) return fail(SPORE_E_INVALID, where + ": the id is not lower-case kebab");
    if (factory->summary == nullptr) return fail(SPORE_E_INVALID, where + ": no summary");
    if (factory->options_schema == nullptr) return fail(SPORE_E_INVALID, where + ": no options schema");
    if (factory->create == nullptr) return fail(SPORE_E_INVALID, where + ": no create");
    return {};
  }

  std::unique_ptr<void, Closer> library_;
  const spore_plugin* plugin_;
};

inline Result<LoadedPlugin> load_plugin(const std::string& path) {
  return LoadedPlugin::open(path);
}

} // namespace spore::testing

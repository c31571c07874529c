// Loads a plugin for a test and makes objects of each kind, held by handles that call them as the host would.
//
//   FakeHost host; FakeVirtio virtio(host);
//   auto plugin = load_plugin(path);                       // Result<LoadedPlugin>
//   auto device = plugin.value().virtio_device("virtio-rng", host, virtio);
//   device.value().start(features);                        // FEATURES_OK and DRIVER_OK
//
// The LoadedPlugin must go after its handles.
#pragma once

#include <sporehost/options.hpp>
#include <sporehost/testing/backend_handle.hpp>

#include <dlfcn.h>

namespace spore::testing {

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
      if (found->kind == kind && id == from_abi(found->id)) return found;
    }
    return nullptr;
  }

  Result<VirtioHandle> virtio_device(std::string_view id, FakeHost& host, FakeVirtio& virtio) const {
    SPORE_TRY(const spore_object object, make(SPORE_KIND_VIRTIO_DEVICE, id, host));
    VirtioHandle handle(host, virtio, object);
    SPORE_CHECK(handle.described());
    return handle;
  }
  Result<IoHandle> io_device(std::string_view id, FakeHost& host) const {
    SPORE_TRY(const spore_object object, make(SPORE_KIND_IO_DEVICE, id, host));
    IoHandle handle(host, object);
    SPORE_CHECK(handle.described());
    return handle;
  }
  Result<PolicyHandle> memory_policy(std::string_view id, FakeHost& host) const {
    SPORE_TRY(const spore_object object, make(SPORE_KIND_MEMORY_POLICY, id, host));
    return PolicyHandle(host, object);
  }

  Result<BackendHandle> backend(std::string_view id, FakeHost& host) const {
    SPORE_TRY(const spore_object object, make(SPORE_KIND_BACKEND, id, host));
    return BackendHandle(host, object);
  }

  // An object of any kind; the caller ends it by its table's `destroy`.
  Result<spore_object> make(uint32_t kind, std::string_view id, FakeHost& host) const {
    const spore_factory* maker = factory(kind, id);
    if (maker == nullptr) return fail(SPORE_E_NOT_FOUND, "the plugin has no such factory: " + std::string(id));
    SPORE_TRY(const std::string options, host.options_json(from_abi(maker->options_schema)));
    host.object_comes(kind);
    HandedError error(HostAge::older);
    spore_object object{};
    const spore_status status = [&]() -> spore_status {
      const FakeHost::Visit visit(host, true);
      try {
        return maker->create(host.table(), {options.data(), options.size()}, &object, error.get());
      } catch (...) {
        host.checks().broken(7, "create let an exception out");
        return SPORE_E_INTERNAL;
      }
    }();
    auto made = error.outcome(status, host.checks(), "create");
    if (made.ok()) made = complete(kind, object);
    if (made.ok()) return object;
    host.object_gone(9);
    return made.error();
  }

 private:
  struct Closer {
    void operator()(void* library) const { ::dlclose(library); }
  };

  LoadedPlugin(std::unique_ptr<void, Closer> library, const spore_plugin* plugin)
      : library_(std::move(library)), plugin_(plugin) {}

  static uint32_t table_bytes(uint32_t kind) {
    switch (kind) {
      case SPORE_KIND_BACKEND:
        return SPORE_10_BYTES(spore_backend_ops);
      case SPORE_KIND_VIRTIO_DEVICE:
        return SPORE_10_BYTES(spore_virtio_device_ops);
      case SPORE_KIND_IO_DEVICE:
        return SPORE_10_BYTES(spore_io_device_ops);
      default:
        return SPORE_10_BYTES(spore_memory_policy_ops);
    }
  }
  // Tables of all kinds begin with their size, and up to their last field of 1.0 they are function pointers.
  static Result<void> complete(uint32_t kind, const spore_object& object) {
    if (object.ops == nullptr || object.self == nullptr)
      return fail(SPORE_E_INVALID, "create succeeded and gave no object, or no table (SDK-9)");
    uint32_t size = 0;
    std::memcpy(&size, object.ops, sizeof size);
    if (size < table_bytes(kind)) return fail(SPORE_E_INVALID, "the size of the object's table is not set (SDK-9)");
    for (uint32_t at = 8; at < table_bytes(kind); at += sizeof(void*)) {
      void* function = nullptr;
      std::memcpy(&function, static_cast<const char*>(object.ops) + at, sizeof function);
      if (function == nullptr) return fail(SPORE_E_INVALID, "the object's table has a NULL in it (SDK-9)");
    }
    return {};
  }

  static bool is_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
  }

  static Result<void> validate(const spore_plugin* plugin) {
    if (plugin == nullptr) return fail(SPORE_E_INVALID, "the entry function gave no descriptor");
    if (plugin->magic != SPORE_PLUGIN_MAGIC) return fail(SPORE_E_INVALID, "the descriptor's magic is wrong");
    if (plugin->size < spore_plugin_10_bytes) return fail(SPORE_E_INVALID, "the descriptor is too short");
    if (plugin->abi_major != SPORE_ABI_MAJOR) return fail(SPORE_E_UNSUPPORTED, "built for another major ABI version");
    if (plugin->arch != SPORE_ARCH_NATIVE) return fail(SPORE_E_UNSUPPORTED, "built for another architecture");
    if (!is_id(from_abi(plugin->id))) return fail(SPORE_E_INVALID, "the plugin's id is not lower-case kebab");
    if (plugin->version.data == nullptr) return fail(SPORE_E_INVALID, "the plugin states no version");
    if (plugin->factory_count == 0) return fail(SPORE_E_INVALID, "the plugin has no factory");
    for (uint32_t i = 0; i < plugin->factory_count; ++i) SPORE_CHECK(validate(plugin->factories[i], i));
    return {};
  }

  static Result<void> validate(const spore_factory* factory, uint32_t number) {
    const std::string where = "factory " + std::to_string(number);
    if (factory == nullptr || factory->size < SPORE_10_BYTES(spore_factory))
      return fail(SPORE_E_INVALID, where + ": too short");
    if (factory->kind < SPORE_KIND_BACKEND || factory->kind > SPORE_KIND_MEMORY_POLICY) {
      return fail(SPORE_E_INVALID, where + ": unknown kind");
    }
    if (!is_id(from_abi(factory->id))) return fail(SPORE_E_INVALID, where + ": the id is not lower-case kebab");
    if (factory->summary.data == nullptr) return fail(SPORE_E_INVALID, where + ": no summary");
    if (factory->options_schema.data == nullptr) return fail(SPORE_E_INVALID, where + ": no options schema");
    if (factory->uses_count > 0 && factory->uses == nullptr) return fail(SPORE_E_INVALID, where + ": uses is NULL");
    if (factory->reserved != 0) return fail(SPORE_E_INVALID, where + ": a reserved field is not 0 (SDK-26)");
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

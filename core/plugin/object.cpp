#include "core/plugin/object.hpp"

#include "core/plugin/safe_read.hpp"

#include <sporehost/backend.h>
#include <sporehost/device.h>
#include <sporehost/memory_policy.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace sporehost::plugin {
namespace {

// All tables begin alike, and up to their last 1.0 field they are function pointers.
struct AnyOps {
  uint32_t size;
  uint32_t reserved;
  void (*destroy)(void* self);
};
constexpr size_t kFirst = offsetof(AnyOps, destroy);
static_assert(kFirst == offsetof(spore_backend_ops, destroy));
static_assert(kFirst == offsetof(spore_virtio_device_ops, destroy));
static_assert(kFirst == offsetof(spore_io_device_ops, destroy));
static_assert(kFirst == offsetof(spore_memory_policy_ops, destroy));

constexpr const char* kBackend[] = {"destroy",      "query_interface", "probe", "open", "map_memory",   "unmap_memory",
                                    "create_vcpu",  "destroy_vcpu",    "run",   "kick", "set_irq_line", "pulse_irq",
                                    "add_doorbell", "remove_doorbell"};
constexpr const char* kVirtio[] = {"destroy",         "query_interface", "describe", "read_config", "write_config",
                                   "accept_features", "activate",        "notify",   "reset"};
constexpr const char* kIo[] = {"destroy", "query_interface", "describe", "placed", "read", "write"};
constexpr const char* kPolicy[] = {"destroy", "query_interface", "plan", "on_event"};

constexpr size_t bytes_of(std::span<const char* const> names) {
  return kFirst + names.size() * sizeof(void*);
}
static_assert(bytes_of(kBackend) == SPORE_10_BYTES(spore_backend_ops));
static_assert(bytes_of(kVirtio) == SPORE_10_BYTES(spore_virtio_device_ops));
static_assert(bytes_of(kIo) == SPORE_10_BYTES(spore_io_device_ops));
static_assert(bytes_of(kPolicy) == SPORE_10_BYTES(spore_memory_policy_ops));

std::span<const char* const> functions_of(uint32_t kind) {
  switch (kind) {
    case SPORE_KIND_BACKEND:
      return kBackend;
    case SPORE_KIND_VIRTIO_DEVICE:
      return kVirtio;
    case SPORE_KIND_IO_DEVICE:
      return kIo;
    case SPORE_KIND_MEMORY_POLICY:
      return kPolicy;
    default:
      return {};
  }
}

} // namespace

std::string check_ops(uint32_t kind, const void* ops) {
  const auto names = functions_of(kind);
  if (names.empty()) return "is of a kind that this host does not know";
  AnyOps head{};
  if (!copy_in(ops, &head, kFirst)) return "has a table of functions that is NULL or cannot be read";
  if (head.size < bytes_of(names)) {
    return "has a table of functions whose size is " + std::to_string(head.size) + ", version 1.0 already has " +
           std::to_string(bytes_of(names));
  }
  if (head.reserved != 0) return "has a table of functions whose field 'reserved' is not 0";
  std::vector<const void*> functions(names.size());
  if (!copy_in(static_cast<const char*>(ops) + kFirst, functions.data(), functions.size() * sizeof(void*))) {
    return "has a table of functions that cannot be read to its end";
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (functions[i] == nullptr) return std::string("has NULL for the function '") + names[i] + "'";
  }
  return {};
}

std::string check_functions(const void* table, uint32_t bytes) {
  AnyOps head{};
  if (!copy_in(table, &head, kFirst)) return "cannot be read";
  if (head.size < bytes)
    return "has the size " + std::to_string(head.size) + ", version 1.0 already has " + std::to_string(bytes);
  if (head.reserved != 0) return "has a field 'reserved' that is not 0";
  std::vector<const void*> functions((bytes - kFirst) / sizeof(void*));
  if (!copy_in(static_cast<const char*>(table) + kFirst, functions.data(), functions.size() * sizeof(void*)))
    return "cannot be read to its end";
  if (std::find(functions.begin(), functions.end(), nullptr) != functions.end()) return "has NULL for a function";
  return {};
}

PluginObject& PluginObject::operator=(PluginObject&& other) noexcept {
  if (this == &other) return *this;
  reset();
  library_ = std::move(other.library_);
  object_ = std::exchange(other.object_, spore_object{});
  origin_ = std::move(other.origin_);
  who_ = other.who_;
  return *this;
}

void PluginObject::reset() {
  const spore_object gone = std::exchange(object_, spore_object{});
  if (gone.self != nullptr)
    call_plugin(who_, "destroy", [&] { static_cast<const AnyOps*>(gone.ops)->destroy(gone.self); });
  library_.reset();
}

} // namespace sporehost::plugin

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

// Reads as many functions as version 1.0 has. Empty: done; else what is wrong with the table.
std::string read_functions(const void* table, std::vector<const void*>& functions) {
  const size_t bytes = kFirst + functions.size() * sizeof(void*);
  AnyOps head{};
  if (!copy_in(table, &head, kFirst)) return "that is NULL or cannot be read";
  if (head.size < bytes)
    return "whose size is " + std::to_string(head.size) + ", version 1.0 already has " + std::to_string(bytes);
  if (head.reserved != 0) return "whose field 'reserved' is not 0";
  if (!copy_in(static_cast<const char*>(table) + kFirst, functions.data(), functions.size() * sizeof(void*)))
    return "that cannot be read to its end";
  return {};
}

} // namespace

std::string check_ops(uint32_t kind, const void* ops) {
  const auto names = functions_of(kind);
  if (names.empty()) return "is of a kind that this host does not know";
  std::vector<const void*> functions(names.size());
  if (const std::string fault = read_functions(ops, functions); !fault.empty())
    return "has a table of functions " + fault;
  const auto missing = std::find(functions.begin(), functions.end(), nullptr);
  if (missing == functions.end()) return {};
  return std::string("has NULL for the function '") + names[static_cast<size_t>(missing - functions.begin())] + "'";
}

std::string check_functions(const void* table, uint32_t bytes) {
  std::vector<const void*> functions((bytes - kFirst) / sizeof(void*));
  if (const std::string fault = read_functions(table, functions); !fault.empty()) return fault;
  const bool complete = std::find(functions.begin(), functions.end(), nullptr) == functions.end();
  return complete ? "" : "that has NULL for a function";
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

// An object that a plugin made, owned by the host: destroyed exactly once, its plugin's code kept until then.
#pragma once

#include "core/base/foreign_text.hpp"
#include "core/base/plugin_call.hpp"
#include "core/plugin/library.hpp"

#include <sporehost/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sporehost::plugin {

// Checks the table of an object of `kind`: long enough for version 1.0 and without a NULL in it. Empty: it is sound;
// else the sentence that says what is missing. [any]
[[nodiscard]] std::string check_ops(uint32_t kind, const void* ops);

// The same for the table of an optional interface, which is `size`, `reserved` and functions. [any]
[[nodiscard]] std::string check_functions(const void* table, uint32_t bytes);
template <typename Table>
[[nodiscard]] std::string check_interface(const Table* table) {
  return check_functions(table, spore_10_bytes_of(table));
}

// [main] to make, move and destroy; the object's own calls bear their own tags.
class PluginObject {
 public:
  PluginObject() = default;
  PluginObject(std::shared_ptr<Library> library, spore_object object, std::string origin)
      : library_(std::move(library)), object_(object), origin_(std::move(origin)), who_(keep_text(origin_)) {}
  PluginObject(PluginObject&& other) noexcept { *this = std::move(other); }
  PluginObject& operator=(PluginObject&& other) noexcept;
  PluginObject(const PluginObject&) = delete;
  PluginObject& operator=(const PluginObject&) = delete;
  ~PluginObject() { reset(); }

  explicit operator bool() const { return object_.self != nullptr; }
  [[nodiscard]] void* self() const { return object_.self; }
  [[nodiscard]] const spore_object& object() const { return object_; }

  // The table of functions, which notes the plugin while one is called; Ops is the table type of the kind:
  // spore_backend_ops, spore_virtio_device_ops, ...
  template <typename Ops>
  [[nodiscard]] NotedOps<Ops> ops() const {
    return {who_, static_cast<const Ops*>(object_.ops)};
  }

  // Calls `function` of this object, which has a status: `call(spore_error*)`. Errors, or an exception that came out of
  // it, begin with the plugin's path and id.
  template <typename Call>
  [[nodiscard]] spore::Result<void> ask(const char* function, Call&& call) const {
    spore::ErrorText error;
    spore_status status = SPORE_E_INTERNAL;
    if (!call_plugin(who_, function, [&] { status = call(error.out()); }))
      return spore::fail(SPORE_E_INTERNAL, origin_ + ": " + function + " let an exception out (SDK-7)");
    if (auto outcome = outcome_of(function, status, error); !outcome) return outcome.error().in(origin_);
    return {};
  }

  // "plugin '/path/x.so' (id 'x')": put it before every error of this object.
  [[nodiscard]] const std::string& origin() const { return origin_; }

  // The same, for notes of calls (core/base/plugin_call.hpp).
  [[nodiscard]] const char* who() const { return who_; }

  // Destroys the object, if there is one.
  void reset();

  // Hands the object to somebody who destroys it; this keeps the plugin's code, and must outlive it.
  [[nodiscard]] spore_object release() { return std::exchange(object_, spore_object{}); }

 private:
  std::shared_ptr<Library> library_; // declared first: lives longer than what it made
  spore_object object_{};
  std::string origin_;
  const char* who_ = nullptr;
};

} // namespace sporehost::plugin

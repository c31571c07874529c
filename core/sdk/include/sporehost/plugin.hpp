// The C++ side of a plugin: the host's services as a class, factories from classes, and the entry point.
//
// Header-only and compiled into the plugin, so nothing of C++ crosses the boundary: every thunk here catches what is
// thrown and turns it into a status (SDK-7). A complete plugin:
//
//   class Rng : public spore::VirtioDevice {
//    public:
//     static constexpr spore::FactoryInfo info{"virtio-rng", "entropy source", R"({"type":"object"})"};
//     static spore::Result<std::unique_ptr<Rng>> create(spore::Host host, std::string_view options);
//     ...
//   };
//   SPOREHOST_PLUGIN("virtio-rng", "1.0.0", Rng)
#pragma once

#if !defined(__cpp_exceptions)
#error \
    "the C++ wrapper of sporehost's SDK stops exceptions at the boundary (SDK-7): compile without -fno-exceptions, or use the .h headers"
#endif

#include <sporehost/abi.h>
#include <sporehost/host.h>
#include <sporehost/result.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace spore {

inline spore_string to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view from_abi(spore_string text) {
  return {text.data, text.length};
}

// Writes a text where the host wants it, cut to fit, but never inside a UTF-8 character.
inline void copy_text(std::string_view text, char* to, size_t capacity) {
  size_t length = std::min(text.size(), capacity - 1);
  while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0u) == 0x80u) --length;
  std::memcpy(to, text.data(), length);
  to[length] = '\0';
}

inline spore_status report(const Error& error, spore_error* out) {
  if (out != nullptr) copy_text(error.text, out->text, sizeof out->text);
  return error.status;
}

// Runs `body`, which returns Result<void>, at the ABI boundary: errors and exceptions become a status and a text.
template <typename Body>
spore_status guarded(spore_error* out, Body&& body) noexcept {
  try {
    const Result<void> result = body();
    return result.ok() ? static_cast<spore_status>(SPORE_OK) : report(result.error(), out);
  } catch (const std::exception& e) {
    if (out != nullptr) copy_text(std::string("exception: ") + e.what(), out->text, sizeof out->text);
  } catch (...) {
    if (out != nullptr) copy_text("exception of an unknown type", out->text, sizeof out->text);
  }
  return SPORE_E_INTERNAL;
}

// Makes a Result of a status and a text that a call of the ABI gave.
inline Result<void> from_status(spore_status status, const spore_error& error) {
  if (status == SPORE_OK) return {};
  const size_t length = ::strnlen(error.text, sizeof error.text); // who wrote it may have forgotten its end
  return fail(status, length != 0 ? std::string(error.text, length) : "no reason was given");
}

// A counter that appears in the report. Get it once, in the constructor: the host looks it up by name, under a lock.
// Cheap to copy; valid until the object is destroyed. [any]
class Counter {
 public:
  explicit Counter(uint64_t* value) : value_(value) {}

  void operator++() const { *this += 1; }
  // The compiler's own atomics: not every C++20 library has std::atomic_ref (Apple's came late).
  void operator+=(uint64_t count) const { __atomic_fetch_add(value_, count, __ATOMIC_RELAXED); }
  [[nodiscard]] uint64_t value() const { return __atomic_load_n(value_, __ATOMIC_RELAXED); }

 private:
  uint64_t* value_;
};

// The services of the host for one object. Cheap to copy; valid until the object is destroyed. [any]
class Host {
 public:
  explicit Host(const spore_host* table) : table_(table) {}

  [[nodiscard]] const spore_host* table() const { return table_; }

  void debug(std::string_view text) const { log(SPORE_LOG_DEBUG, text); }
  void info(std::string_view text) const { log(SPORE_LOG_INFO, text); }
  void warn(std::string_view text) const { log(SPORE_LOG_WARN, text); }
  void error(std::string_view text) const { log(SPORE_LOG_ERROR, text); }
  void log(int32_t level, std::string_view text) const { table_->log(table_->context, level, to_abi(text)); }

  // A service by name and table type, or nullptr.
  template <typename Table>
  [[nodiscard]] const Table* find(const char* name) const {
    return static_cast<const Table*>(table_->query_interface(table_->context, name));
  }

  // A service that the object cannot do without.
  template <typename Table>
  [[nodiscard]] Result<const Table*> require(const char* name) const {
    if (const auto* table = find<Table>(name)) return table;
    return fail(SPORE_E_UNSUPPORTED, std::string("this host does not offer ") + name);
  }

  [[nodiscard]] std::optional<int64_t> option_integer(const char* pointer) const {
    const auto value = option(pointer, SPORE_VALUE_INTEGER);
    return value ? std::optional(value->integer) : std::nullopt;
  }
  // A number with or without a fraction; whole ones are numbers too.
  [[nodiscard]] std::optional<double> option_number(const char* pointer) const {
    if (const auto value = option(pointer, SPORE_VALUE_NUMBER)) return value->number;
    if (const auto value = option_integer(pointer)) return static_cast<double>(*value);
    return std::nullopt;
  }
  [[nodiscard]] std::optional<bool> option_boolean(const char* pointer) const {
    const auto value = option(pointer, SPORE_VALUE_BOOLEAN);
    return value ? std::optional(value->boolean != 0) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> option_string(const char* pointer) const {
    const auto value = option(pointer, SPORE_VALUE_STRING);
    return value ? std::optional(std::string(from_abi(value->string))) : std::nullopt;
  }

  // The counter of that name; keep it, since each call looks it up.
  [[nodiscard]] Counter counter(const char* name) const { return Counter(table_->counter(table_->context, name)); }

  // Copies between guest memory and the caller, all or nothing: SPORE_E_RANGE where a byte is no memory or not plugged.
  [[nodiscard]] spore_status read_memory(uint64_t gpa, void* to, size_t bytes) const {
    return table_->read_memory(table_->context, gpa, to, bytes);
  }
  [[nodiscard]] spore_status write_memory(uint64_t gpa, const void* from, size_t bytes) const {
    return table_->write_memory(table_->context, gpa, from, bytes);
  }

  [[nodiscard]] uint64_t now_ns() const { return table_->now_ns(table_->context); }

 private:
  [[nodiscard]] std::optional<spore_value> option(const char* pointer, uint32_t type) const {
    spore_value value{};
    if (table_->option(table_->context, pointer, &value) != SPORE_OK || value.type != type) return std::nullopt;
    return value;
  }

  const spore_host* table_;
};

// What every class of a kind has: whom to tell of an exception that has nowhere to go. FactoryOf sets it; in a test
// that makes its objects by itself nobody is told.
class Told {
 public:
  void tells(const spore_host* host) { host_ = host; }
  [[nodiscard]] const spore_host* told() const { return host_; }

 private:
  const spore_host* host_ = nullptr;
};

namespace detail {

template <typename Body>
void swallow(Body&& body) noexcept {
  (void)guarded(nullptr, [&]() -> Result<void> { return body(), Result<void>{}; });
}

// Runs the body of a function that has no status: an exception ends here, and the host's log says so.
template <typename Body>
void swallow(const Told& object, const char* function, Body&& body) noexcept {
  const spore_host* host = object.told(); // before the body, which may be the object's end
  spore_error error; // only its text's first byte needs to be something: this is on the way of each request
  error.text[0] = '\0';
  const spore_status status = guarded(&error, [&]() -> Result<void> { return body(), Result<void>{}; });
  if (status == SPORE_OK || host == nullptr) return;
  std::array<char, sizeof error.text + 64> line{};
  std::snprintf(line.data(), line.size(), "%s: an exception was stopped here (SDK-7): %s", function, error.text);
  host->log(host->context, SPORE_LOG_ERROR, {line.data(), std::strlen(line.data())});
}

} // namespace detail

// What a class says of itself to become a factory. The strings are literals.
struct FactoryInfo {
  const char* id;
  const char* summary;
  const char* options_schema;
};

// A factory for class T, which has: `static constexpr FactoryInfo info`,
// `static Result<std::unique_ptr<T>> create(Host, std::string_view options)`, and from the base class of its kind a
// type `Ops` with `kind`, `table` and `Base`.
template <typename T>
struct FactoryOf {
  static spore_status create(const spore_host* host, spore_string options, spore_object* out, spore_error* error) {
    return guarded(error, [&]() -> Result<void> {
      SPORE_TRY(std::unique_ptr<T> object, T::create(Host(host), from_abi(options)));
      static_cast<typename T::Ops::Base*>(object.get())->tells(host);
      out->ops = &T::Ops::table;
      // The object travels as a pointer to the base class that the thunks of its kind cast back to.
      out->self = static_cast<typename T::Ops::Base*>(object.release());
      return {};
    });
  }
  static constexpr spore_factory factory{sizeof(spore_factory), T::Ops::kind,           T::info.id,
                                         T::info.summary,       T::info.options_schema, &create};
};

template <typename... T>
struct PluginOf {
  static constexpr std::array<const spore_factory*, sizeof...(T)> factories{&FactoryOf<T>::factory...};
  static constexpr spore_plugin describe(const char* id, const char* version) {
    return {SPORE_PLUGIN_MAGIC,
            sizeof(spore_plugin),
            SPORE_ABI_MAJOR,
            SPORE_ABI_MINOR,
            SPORE_ARCH_NATIVE,
            sizeof...(T),
            id,
            version,
            factories.data()};
  }
};

} // namespace spore

// Defines the plugin's one exported function.
#define SPOREHOST_PLUGIN(id, version, ...)                                                             \
  extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) { \
    static constexpr spore_plugin plugin = ::spore::PluginOf<__VA_ARGS__>::describe(id, version);      \
    return &plugin;                                                                                    \
  }

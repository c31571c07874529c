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
#include <sporehost/options.hpp>
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

// Puts a text where the other side wants one, cut to fit.
inline void put(spore_text& to, std::string_view text) {
  spore_put(&to, text.data(), text.size());
}

inline spore_status report(const Error& error, spore_error* out) {
  if (out != nullptr) put(out->text, error.text);
  return error.status;
}

// Room for the sentence of a call that may fail: `table->plug(..., error.out())`.
class ErrorText {
 public:
  ErrorText() : error_{} { // not the buffer: this is on the way of each request
    error_.size = sizeof error_;
    error_.text = {buffer_, sizeof buffer_, 0};
    buffer_[0] = '\0';
  }
  ErrorText(const ErrorText&) = delete;
  ErrorText& operator=(const ErrorText&) = delete;

  [[nodiscard]] spore_error* out() { return &error_; }
  // What was written, whatever length the writer claims.
  [[nodiscard]] std::string_view text() const {
    const std::string_view written(buffer_,
                                   static_cast<size_t>(std::min<uint64_t>(error_.text.length, sizeof buffer_)));
    return written.substr(0, written.find('\0'));
  }

 private:
  spore_error error_;
  char buffer_[1024]; // NOLINT(modernize-avoid-c-arrays)
};

// Runs `body`, which returns Result<void>, at the ABI boundary: errors and exceptions become a status and a text.
template <typename Body>
spore_status guarded(spore_error* out, Body&& body) noexcept {
  try {
    const Result<void> result = body();
    return result.ok() ? static_cast<spore_status>(SPORE_OK) : report(result.error(), out);
  } catch (const std::exception& e) {
    if (out != nullptr) put(out->text, std::string("exception: ") + e.what());
  } catch (...) {
    if (out != nullptr) put(out->text, "exception of an unknown type");
  }
  return SPORE_E_INTERNAL;
}

// Makes a Result of a status and a text that a call of the ABI gave.
inline Result<void> from_status(spore_status status, const ErrorText& error) {
  if (status == SPORE_OK) return {};
  return fail(status, error.text().empty() ? "no reason was given" : std::string(error.text()));
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

  // A service by name and table type, or nullptr; the names are literals.
  template <typename Table>
  [[nodiscard]] const Table* find(const char* name) const {
    return static_cast<const Table*>(table_->query_interface(table_->context, to_abi(name)));
  }

  // A service that the object cannot do without.
  template <typename Table>
  [[nodiscard]] Result<const Table*> require(const char* name) const {
    if (const auto* table = find<Table>(name)) return table;
    return fail(SPORE_E_UNSUPPORTED, std::string("this host does not offer ") + name);
  }

  // The counter of that name; keep it, since each call looks it up.
  [[nodiscard]] Counter counter(const char* name) const {
    return Counter(table_->counter(table_->context, to_abi(name)));
  }

  // Copies between guest memory and the caller, all or nothing: SPORE_E_RANGE where a byte is no memory or not plugged.
  [[nodiscard]] spore_status read_memory(uint64_t gpa, void* to, size_t bytes) const {
    return table_->read_memory(table_->context, gpa, to, bytes);
  }
  [[nodiscard]] spore_status write_memory(uint64_t gpa, const void* from, size_t bytes) const {
    return table_->write_memory(table_->context, gpa, from, bytes);
  }

  [[nodiscard]] uint64_t now_ns() const { return table_->now_ns(table_->context); }

 private:
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
  ErrorText error;
  const spore_status status = guarded(error.out(), [&]() -> Result<void> { return body(), Result<void>{}; });
  if (status == SPORE_OK || host == nullptr) return;
  std::array<char, 1152> line{};
  const std::string_view text = error.text();
  std::snprintf(line.data(), line.size(), "%s: an exception was stopped here (SDK-7): %.*s", function,
                static_cast<int>(text.size()), text.data());
  host->log(host->context, SPORE_LOG_ERROR, {line.data(), std::strlen(line.data())});
}

// One's own copy of a struct of the other side's (SDK-26); nothing where it is shorter than version 1.0.
template <typename T>
std::optional<T> taken(const T* from) {
  T own;
  const int sound = spore_take(&own, from, sizeof own, spore_10_bytes_of(from));
  return sound != 0 ? std::optional<T>(own) : std::nullopt;
}

inline Error too_short() {
  return fail(SPORE_E_INVALID, "the size of a struct is not set, or smaller than version 1.0's (SDK-26)");
}

// Has `body`, which returns Result<void>, fill one's own copy of the caller's struct, and writes that back.
template <typename T, typename Body>
Result<void> filled(T* out, Body&& body) {
  std::optional<T> own = taken(out);
  if (!own) return too_short();
  SPORE_CHECK(body(*own));
  spore_fill(out, &*own, sizeof *own, spore_10_bytes_of(out));
  return {};
}

} // namespace detail

// What a class says of itself to become a factory. The strings are literals.
struct FactoryInfo {
  std::string_view id;
  std::string_view summary;
  std::string_view options_schema;
  std::string_view uses = {}; // the one host service without which the object makes no sense
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
  static constexpr spore_string uses = to_abi(T::info.uses);
  static constexpr spore_factory describe() {
    spore_factory factory{};
    factory.size = sizeof factory;
    factory.kind = T::Ops::kind;
    factory.id = to_abi(T::info.id);
    factory.summary = to_abi(T::info.summary);
    factory.options_schema = to_abi(T::info.options_schema);
    factory.uses = T::info.uses.empty() ? nullptr : &uses;
    factory.uses_count = T::info.uses.empty() ? 0 : 1;
    factory.create = &create;
    return factory;
  }
  static constexpr spore_factory factory = describe();
};

template <typename... T>
struct PluginOf {
  static constexpr std::array<const spore_factory*, sizeof...(T)> factories{&FactoryOf<T>::factory...};
  static constexpr spore_plugin describe(std::string_view id, std::string_view version) {
    spore_plugin plugin{};
    plugin.magic = SPORE_PLUGIN_MAGIC;
    plugin.size = sizeof plugin;
    plugin.abi_major = SPORE_ABI_MAJOR;
    plugin.abi_minor = SPORE_ABI_MINOR;
    plugin.arch = SPORE_ARCH_NATIVE;
    plugin.factory_count = sizeof...(T);
    plugin.id = to_abi(id);
    plugin.version = to_abi(version);
    plugin.factories = factories.data();
    return plugin;
  }
};

} // namespace spore

// Defines the plugin's one exported function.
#define SPOREHOST_PLUGIN(id, version, ...)                                                             \
  extern "C" __attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void) { \
    static constexpr spore_plugin plugin = ::spore::PluginOf<__VA_ARGS__>::describe(id, version);      \
    return &plugin;                                                                                    \
  }

// Errors as values, for the core and for plugins written in C++.
//
// A `Result<T>` holds either a T or an `Error`: a status code of the C ABI and a sentence that says what failed, where,
// and what to do. Nothing in the project throws across a module; `SPORE_TRY` passes an error upwards.
//
//   Result<File> open(...);
//   Result<void> load(...) {
//     SPORE_TRY(File file, open(path));          // returns the error to our caller, or gives the value
//     SPORE_CHECK(file.lock());                  // the same for Result<void>
//     return {};
//   }
#pragma once

#if __cplusplus < 202002L
#error \
    "the C++ wrapper of sporehost's SDK needs C++20: compile with -std=c++20, or use the .h headers from C or older C++"
#endif

#include <sporehost/abi.h>

#include <cassert>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace spore {

// One failure: its class, and a text for a person. Owns its text; copyable; [any].
struct Error {
  spore_status status = SPORE_E_INTERNAL;
  std::string text;

  // The same failure with `context: ` put before the text; use it to say where while an error travels up.
  [[nodiscard]] Error in(std::string_view context) const { return Error{status, std::string(context) + ": " + text}; }
};

// Makes an error to return: `return fail(SPORE_E_INVALID, "size must not be 0");`
[[nodiscard]] inline Error fail(spore_status status, std::string text) {
  return Error{status, std::move(text)};
}

template <typename T = void>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}     // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {} // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only where ok().
  [[nodiscard]] T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only where !ok().
  [[nodiscard]] const Error& error() const {
    const Error* error = std::get_if<1>(&state_);
    assert(error != nullptr);
    return *error;
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {} // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const { return assert(failed_), error_; }

 private:
  Error error_{SPORE_OK, {}};
  bool failed_ = false;
};

} // namespace spore

#define SPORE_CONCAT_INNER(a, b) a##b
#define SPORE_CONCAT(a, b) SPORE_CONCAT_INNER(a, b)

// Declares or assigns `target` from a Result, or returns its error from the enclosing function.
#define SPORE_TRY(target, expression) SPORE_TRY_INNER(SPORE_CONCAT(spore_result_, __LINE__), target, expression)
#define SPORE_TRY_INNER(temporary, target, expression) \
  auto temporary = (expression);                       \
  if (!temporary.ok()) return temporary.error();       \
  target = std::move(temporary).value()

// The same for an expression whose value is not needed.
#define SPORE_CHECK(expression)                                                                 \
  do {                                                                                          \
    if (auto&& spore_checked = (expression); !spore_checked.ok()) return spore_checked.error(); \
  } while (false)

// Errors as values: the core never throws but for a failed allocation.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace converge {

// What kind of wrong it was; the extension maps each to an SQLSTATE, the
// bridge to a wire Code.
enum class ErrorCode : std::uint8_t {
  malformed,     // bytes that are no valid encoding, or JSON that is none
  wrong_type,    // an encoding of another CRDT type
  out_of_range,  // a position or number outside what the state allows
  too_large,     // a stated bound would be exceeded
  clock,         // a clock overflows or lies too far ahead
  invalid,       // an argument that makes no sense here
};

struct Error {
  ErrorCode code;
  std::string message;  // lower case, no full stop, names what was wrong
  std::string detail;   // the figures; may be empty
};

// Either a T or an Error. Check ok() before value().
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return *std::get_if<0>(&held_); }
  const T& value() const& { return *std::get_if<0>(&held_); }
  T&& value() && { return std::move(*std::get_if<0>(&held_)); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const Error& error() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }

 private:
  bool failed_ = false;
  Error error_{};
};

}  // namespace converge

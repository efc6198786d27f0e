// What version_vector and log_version have in common as SQL types: a counter for
// each replica (core/clock/replica_counters.h). The literal is {"replica": n, …};
// the binary form is the core's encoding.
#pragma once

#include "extension/types/state.h"

#include "core/clock/replica_counters.h"

namespace converge {

template <class Clock>
struct ClockType {
  static Datum in(FunctionCallInfo fcinfo) {
    const std::string_view literal = PG_GETARG_CSTRING(0);
    boundary::Failure failure;
    auto body = [&]() -> Result<Datum> {
      const Result<Clock> clock = Clock::parse(literal);
      if (!clock) return clock.error();
      return boundary::datum(clock->encode());
    };
    Datum value;
    if (!boundary::attempt(body, &value, &failure)) {
      if (failure.sqlstate == ERRCODE_INVALID_BINARY_REPRESENTATION)
        failure.sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION;
      boundary::raise(failure);
    }
    return value;
  }

  static Datum out(FunctionCallInfo fcinfo) {
    const std::string_view bytes = bytes_argument(fcinfo, 0);
    PG_RETURN_CSTRING(boundary::call([&]() -> Result<char*> {
      const Result<Clock> clock = Clock::decode(bytes);
      if (!clock) return clock.error();
      return boundary::cstring_of(clock->to_text());
    }));
  }

  // Also of bytes that decode() reads but encode() would not write.
  static Result<Datum> canonical(std::string_view bytes) {
    const Result<Clock> clock = Clock::decode(bytes);
    if (!clock) return clock.error();
    return boundary::datum(clock->encode());
  }

  static Datum merge(FunctionCallInfo fcinfo) {
    const std::string_view a = bytes_argument(fcinfo, 0);
    const std::string_view b = bytes_argument(fcinfo, 1);
    return boundary::call([&]() -> Result<Datum> {
      Result<Clock> joined = Clock::decode(a);
      if (!joined) return joined.error();
      const Result<Clock> other = Clock::decode(b);
      if (!other) return other.error();
      joined->merge(*other);
      return boundary::datum(joined->encode());
    });
  }

  static Order order(FunctionCallInfo fcinfo) {
    const std::string_view a = bytes_argument(fcinfo, 0);
    const std::string_view b = bytes_argument(fcinfo, 1);
    return boundary::call([&]() -> Result<Order> {
      const Result<Clock> left = Clock::decode(a);
      if (!left) return left.error();
      const Result<Clock> right = Clock::decode(b);
      if (!right) return right.error();
      return left->compare(*right);
    });
  }

  static Datum counter(FunctionCallInfo fcinfo) {
    const std::string_view bytes = bytes_argument(fcinfo, 0);
    const int64 replica = PG_GETARG_INT64(1);
    PG_RETURN_INT64(boundary::call([&]() -> Result<int64> {
      const Result<Clock> clock = Clock::decode(bytes);
      if (!clock) return clock.error();
      if (replica < 0) return int64{0};
      return static_cast<int64>(clock->get(static_cast<ReplicaId>(replica)));
    }));
  }
};

#define CONVERGE_CLOCK_FUNCTION(type, suffix) \
  PG_FUNCTION_INFO_V1(type##_##suffix);       \
  Datum type##_##suffix(PG_FUNCTION_ARGS)

#define CONVERGE_CLOCK_TYPE(type, Clock)                                                          \
  extern "C" {                                                                                    \
  CONVERGE_CLOCK_FUNCTION(type, in) { return ClockType<Clock>::in(fcinfo); }                      \
  CONVERGE_CLOCK_FUNCTION(type, out) { return ClockType<Clock>::out(fcinfo); }                    \
  CONVERGE_CLOCK_FUNCTION(type, recv) {                                                           \
    const std::string_view bytes = message_argument(fcinfo);                                      \
    return boundary::call([&] { return ClockType<Clock>::canonical(bytes); });                    \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, send) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }           \
  CONVERGE_CLOCK_FUNCTION(type, from_bytea) {                                                     \
    const std::string_view bytes = bytes_argument(fcinfo, 0);                                     \
    return boundary::call([&] { return ClockType<Clock>::canonical(bytes); });                    \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, merge) { return ClockType<Clock>::merge(fcinfo); }                \
  CONVERGE_CLOCK_FUNCTION(type, counter) { return ClockType<Clock>::counter(fcinfo); }            \
  CONVERGE_CLOCK_FUNCTION(type, before) {                                                         \
    PG_RETURN_BOOL(ClockType<Clock>::order(fcinfo) == Order::before);                             \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, before_or_equal) {                                                \
    const Order order = ClockType<Clock>::order(fcinfo);                                          \
    PG_RETURN_BOOL(order == Order::before || order == Order::equal);                              \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, after) {                                                          \
    PG_RETURN_BOOL(ClockType<Clock>::order(fcinfo) == Order::after);                              \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, after_or_equal) {                                                 \
    const Order order = ClockType<Clock>::order(fcinfo);                                          \
    PG_RETURN_BOOL(order == Order::after || order == Order::equal);                               \
  }                                                                                               \
  CONVERGE_CLOCK_FUNCTION(type, concurrent) {                                                     \
    PG_RETURN_BOOL(ClockType<Clock>::order(fcinfo) == Order::concurrent);                         \
  }                                                                                               \
  }

}  // namespace converge

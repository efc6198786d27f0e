// pn_counter and g_counter as SQL types: what state.sql.in and counter.sql declare.
#include "extension/types/state.h"

#include <string>

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "extension/types/edit.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(pn_counter, PnCounter)
CONVERGE_MERGE_AGG(pn_counter, PnCounter)
CONVERGE_STATE_TYPE(g_counter, GCounter)
CONVERGE_MERGE_AGG(g_counter, GCounter)

namespace {

// By how much a g_counter is to grow. Glue.
std::uint64_t growth(int64 by) {
  if (by < 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a g_counter only grows"),
                    errdetail("It was to be incremented by %lld.", static_cast<long long>(by)),
                    errhint("A pn_counter goes both ways.")));
  return static_cast<std::uint64_t>(by);
}

template <class Counter, class Number>
Datum make(FieldType type, Number value) {
  prepare_edit();
  return make_state<Counter>(
      type, [&](Counter& counter, ReplicaId replica) { return counter.increment(replica, value); });
}

template <class Counter, class Number>
Datum increment(FieldType type, FunctionCallInfo fcinfo, Number by) {
  prepare_edit();
  return edit_argument<Counter>(type, fcinfo, [&](Counter& counter, ReplicaId replica) {
    return counter.increment(replica, by);
  });
}

// Body: makes the counter stand at `value`.
Result<void> assign(PnCounter& counter, ReplicaId replica, int64 value) {
  const Result<std::int64_t> now = counter.value();
  if (!now) return now.error();
  std::int64_t by;
  if (__builtin_sub_overflow(value, *now, &by))
    return Error{ErrorCode::out_of_range, "the difference to the counter's value is out of range",
                 "from " + std::to_string(*now) + " to " + std::to_string(value)};
  return counter.increment(replica, by);
}

Result<void> assign(GCounter& counter, ReplicaId replica, int64 value) {
  const Result<std::int64_t> now = counter.value();
  if (!now) return now.error();
  if (value < *now)
    return Error{ErrorCode::invalid, "a g_counter only grows",
                 "It stands at " + std::to_string(*now) + " and was to be " + std::to_string(value) + "."};
  return counter.increment(replica, static_cast<std::uint64_t>(value - *now));
}

template <class Counter>
Datum assign_argument(FieldType type, FunctionCallInfo fcinfo) {
  const int64 value = PG_GETARG_INT64(1);
  prepare_edit();
  return edit_argument<Counter>(type, fcinfo, [&](Counter& counter, ReplicaId replica) {
    return assign(counter, replica, value);
  });
}

template <class Counter>
Datum three_way_argument(FieldType type, FunctionCallInfo fcinfo) {
  const int64 value = PG_GETARG_INT64(1);
  prepare_edit();
  return three_way<Counter>(type, fcinfo, [&](Counter& counter, ReplicaId replica) {
    return assign(counter, replica, value);
  });
}

template <class Counter>
int64 value_of(FieldType type, Datum state) {
  const StateArgument argument = state_argument(type, state);
  return boundary::call([&] {
    return with_state<Counter>(argument, [](const Counter& counter) -> Result<int64> {
      const Result<std::int64_t> value = counter.value();
      if (!value) return value.error();
      return static_cast<int64>(*value);
    });
  });
}

}  // namespace

#define COUNTER_FUNCTION(type, suffix, Counter)                            \
  PG_FUNCTION_INFO_V1(type##_##suffix);                                    \
  Datum type##_##suffix(PG_FUNCTION_ARGS) {                                \
    return suffix##_argument<Counter>(FieldType::type, fcinfo);            \
  }

extern "C" {

COUNTER_FUNCTION(pn_counter, assign, PnCounter)
COUNTER_FUNCTION(pn_counter, three_way, PnCounter)
COUNTER_FUNCTION(g_counter, assign, GCounter)
COUNTER_FUNCTION(g_counter, three_way, GCounter)

PG_FUNCTION_INFO_V1(pn_counter_new);
PG_FUNCTION_INFO_V1(pn_counter_increment);
PG_FUNCTION_INFO_V1(pn_counter_to_bigint);
PG_FUNCTION_INFO_V1(g_counter_new);
PG_FUNCTION_INFO_V1(g_counter_increment);
PG_FUNCTION_INFO_V1(g_counter_to_bigint);

Datum pn_counter_new(PG_FUNCTION_ARGS) {
  return make<PnCounter>(FieldType::pn_counter, PG_GETARG_INT64(0));
}

Datum pn_counter_increment(PG_FUNCTION_ARGS) {
  return increment<PnCounter>(FieldType::pn_counter, fcinfo, PG_GETARG_INT64(1));
}

Datum pn_counter_to_bigint(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(value_of<PnCounter>(FieldType::pn_counter, PG_GETARG_DATUM(0)));
}

Datum g_counter_new(PG_FUNCTION_ARGS) {
  return make<GCounter>(FieldType::g_counter, growth(PG_GETARG_INT64(0)));
}

Datum g_counter_increment(PG_FUNCTION_ARGS) {
  return increment<GCounter>(FieldType::g_counter, fcinfo, growth(PG_GETARG_INT64(1)));
}

Datum g_counter_to_bigint(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(value_of<GCounter>(FieldType::g_counter, PG_GETARG_DATUM(0)));
}
}

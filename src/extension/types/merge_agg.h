// merge_agg(x): the join of all states, as an aggregate that parallel workers
// share.
#pragma once

#include "core/gathering.h"
#include "extension/types/state.h"

namespace converge {

// What the aggregate's internal state points to: the object is deleted with the
// memory context of the group.
struct GatheringHandle {
  void* object;
  void (*destroy)(void*);
  MemoryContextCallback on_reset;
};

// Glue. A handle in the aggregate's context; ereports outside an aggregate.
GatheringHandle* new_gathering(FunctionCallInfo fcinfo, void (*destroy)(void*));

template <class State>
struct MergeAggregate {
  using Object = Gathering<State>;

  static GatheringHandle* create(FunctionCallInfo fcinfo) {
    GatheringHandle* handle =
        new_gathering(fcinfo, [](void* object) { delete static_cast<Object*>(object); });
    handle->object = boundary::call([]() -> Result<Object*> { return new Object; });
    return handle;
  }

  static GatheringHandle* argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<GatheringHandle*>(PG_GETARG_POINTER(n));
  }

  static void add(GatheringHandle* handle, std::string_view bytes) {
    boundary::call([&]() -> Result<bool> {
      if (const Result<void> done = static_cast<Object*>(handle->object)->add(bytes); !done)
        return done.error();
      return true;
    });
  }

  static Datum transition(FunctionCallInfo fcinfo) {
    GatheringHandle* handle = argument(fcinfo, 0);
    if (!PG_ARGISNULL(1)) {
      if (handle == nullptr) handle = create(fcinfo);
      add(handle, bytes_argument(fcinfo, 1));
    }
    if (handle == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(handle);
  }

  static Datum encoded(FunctionCallInfo fcinfo) {
    const GatheringHandle* handle = argument(fcinfo, 0);
    if (handle == nullptr) PG_RETURN_NULL();
    return boundary::call([&]() -> Result<Datum> {
      const Result<std::string> total = static_cast<const Object*>(handle->object)->total();
      if (!total) return total.error();
      return boundary::datum(*total);
    });
  }

  static Datum decoded(FunctionCallInfo fcinfo) {
    GatheringHandle* handle = create(fcinfo);
    add(handle, bytes_argument(fcinfo, 0));
    PG_RETURN_POINTER(handle);
  }

  static Datum combine(FunctionCallInfo fcinfo) {
    GatheringHandle* into = argument(fcinfo, 0);
    const GatheringHandle* from = argument(fcinfo, 1);
    if (from == nullptr) {
      if (into == nullptr) PG_RETURN_NULL();
      PG_RETURN_POINTER(into);
    }
    if (into == nullptr) into = create(fcinfo);
    boundary::call([&]() -> Result<bool> {
      const Result<std::string> total = static_cast<const Object*>(from->object)->total();
      if (!total) return total.error();
      if (const Result<void> done = static_cast<Object*>(into->object)->add(*total); !done)
        return done.error();
      return true;
    });
    PG_RETURN_POINTER(into);
  }
};

#define CONVERGE_AGGREGATE_FUNCTION(type, suffix, State, method) \
  PG_FUNCTION_INFO_V1(type##_##suffix);                          \
  Datum type##_##suffix(PG_FUNCTION_ARGS) { return converge::MergeAggregate<State>::method(fcinfo); }

#define CONVERGE_MERGE_AGG(type, State)                              \
  extern "C" {                                                       \
  CONVERGE_AGGREGATE_FUNCTION(type, merge_transition, State, transition) \
  CONVERGE_AGGREGATE_FUNCTION(type, merge_combine, State, combine)   \
  CONVERGE_AGGREGATE_FUNCTION(type, merge_serialize, State, encoded) \
  CONVERGE_AGGREGATE_FUNCTION(type, merge_deserialize, State, decoded) \
  CONVERGE_AGGREGATE_FUNCTION(type, merge_final, State, encoded)     \
  }

}  // namespace converge

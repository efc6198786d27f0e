// What all CRDT types have in common as SQL types: a type's own file defines the
// C functions that state.sql.in declares with CONVERGE_STATE_TYPE(lww_map, LwwMap).
//
// A value is a varlena with an encoded state (core/field.h). Whatever comes from
// outside (a literal, a binary parameter, a cast from bytea) is validated; what
// is stored is therefore canonical, and its equality is that of its bytes.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "access/detoast.h"
}

#include <string>
#include <string_view>
#include <utility>

#include "core/clock/version_vector.h"
#include "core/field.h"
#include "extension/types/expanded.h"

namespace converge {

// I/O. The literal is '' for the empty state, or \x and the state's bytes in hex.
Datum state_in(FieldType type, FunctionCallInfo fcinfo);
Datum state_out(FieldType type, FunctionCallInfo fcinfo);
Datum state_recv(FieldType type, FunctionCallInfo fcinfo);
Datum state_send(FieldType type, FunctionCallInfo fcinfo);
Datum state_from_bytea(FieldType type, FunctionCallInfo fcinfo);

// The bytes of argument `n`, detoasted.
inline std::string_view bytes_argument(FunctionCallInfo fcinfo, int n) {
  return boundary::view(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)));
}

// What is left of a receive function's message.
std::string_view message_argument(FunctionCallInfo fcinfo);

// What a type does with its class of the core.
template <class State, FieldType kType>
struct StateType {
  static StateArgument argument(FunctionCallInfo fcinfo, int n) {
    return state_argument(kType, PG_GETARG_DATUM(n));
  }

  // The join commutes: what is changed is the value that may be, or else that
  // which is live already, or else the larger one.
  static Datum merge(FunctionCallInfo fcinfo) {
    Datum into = PG_GETARG_DATUM(0);
    Datum from = PG_GETARG_DATUM(1);
    if (rank(from) > rank(into)) std::swap(into, from);
    if constexpr (kMergesEncoded) {
      if (rank(into) < kLive) {
        const std::string_view a = bytes_argument(fcinfo, 0);
        const std::string_view b = bytes_argument(fcinfo, 1);
        return boundary::call([&]() -> Result<Datum> {
          const Result<std::string> merged = converge::merge(kType, a, b);
          if (!merged) return merged.error();
          return boundary::datum(*merged);
        });
      }
    }
    const StateArgument other = state_argument(kType, from);
    ExpandedState* joined = editable_state<State>(kType, into, result_context(fcinfo));
    boundary::call([&]() -> Result<bool> {
      State& state = live_state<State>(joined->live);
      Result<void> merged;
      if constexpr (requires { state.merge_encoded(other.bytes); }) {
        merged = other.live == nullptr ? state.merge_encoded(other.bytes)
                                       : state.merge(live_state<State>(other.live));
      } else {
        merged = with_state<State>(other, [&](const State& theirs) { return state.merge(theirs); });
      }
      if (!merged) return merged.error();
      return true;
    });
    return expanded_datum(joined);
  }

  static Datum version(FunctionCallInfo fcinfo) {
    const StateArgument state = argument(fcinfo, 0);
    return boundary::call([&] {
      return with_state<State>(state, [](const State& read) -> Result<Datum> {
        return boundary::datum(read.version().encode());
      });
    });
  }

  static Datum delta(FunctionCallInfo fcinfo) {
    const StateArgument state = argument(fcinfo, 0);
    const std::string_view since = bytes_argument(fcinfo, 1);
    return boundary::call([&] {
      return with_state<State>(state, [&](const State& read) -> Result<Datum> {
        const Result<VersionVector> known = VersionVector::decode(since);
        if (!known) return known.error();
        const Result<State> lacking = read.delta(*known);
        if (!lacking) return lacking.error();
        return boundary::datum(lacking->encode());
      });
    });
  }

  static Datum difference(FunctionCallInfo fcinfo) {
    const StateArgument older = argument(fcinfo, 0);
    const StateArgument newer = argument(fcinfo, 1);
    return boundary::call([&] {
      return with_state<State>(older, [&](const State& before) {
        return with_state<State>(newer, [&](const State& after) -> Result<Datum> {
          return boundary::datum(after.difference(before).encode());
        });
      });
    });
  }

 private:
  // These merge two encodings by touching little of the larger one.
  static constexpr bool kMergesEncoded =
      kType == FieldType::crdt_text || kType == FieldType::ydoc;

  // How much a value offers itself to be changed; below kLive it is flat, and the
  // number is its size.
  static constexpr Size kLive = Size{1} << 40;
  static Size rank(Datum value) {
    if (expanded_state(kType, value) == nullptr) return toast_raw_datum_size(value);
    return VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value)) ? kLive + 1 : kLive;
  }
};

#define CONVERGE_STATE_IO(type, suffix, implementation)            \
  PG_FUNCTION_INFO_V1(type##_##suffix);                            \
  Datum type##_##suffix(PG_FUNCTION_ARGS) {                        \
    return converge::implementation(converge::FieldType::type, fcinfo); \
  }

#define CONVERGE_STATE_FUNCTION(type, suffix, State)                            \
  PG_FUNCTION_INFO_V1(type##_##suffix);                                         \
  Datum type##_##suffix(PG_FUNCTION_ARGS) {                                     \
    return converge::StateType<State, converge::FieldType::type>::suffix(fcinfo); \
  }

#define CONVERGE_STATE_TYPE(type, State)               \
  extern "C" {                                         \
  CONVERGE_STATE_IO(type, in, state_in)                \
  CONVERGE_STATE_IO(type, out, state_out)              \
  CONVERGE_STATE_IO(type, recv, state_recv)            \
  CONVERGE_STATE_IO(type, send, state_send)            \
  CONVERGE_STATE_IO(type, from_bytea, state_from_bytea) \
  CONVERGE_STATE_FUNCTION(type, merge, State)          \
  CONVERGE_STATE_FUNCTION(type, version, State)        \
  CONVERGE_STATE_FUNCTION(type, delta, State)          \
  CONVERGE_STATE_FUNCTION(type, difference, State)     \
  }

}  // namespace converge

// States as expanded values (utils/expandeddatum.h): an edit decodes its argument
// into a live object of the core and gives that, so that the edits of one
// statement decode once and encode once, when the result is stored.
//
// What is passed read-write may be changed in place; what is read-only, or flat,
// is copied or decoded first. After an edit that failed halfway a read-write
// value holds what was done by then: PostgreSQL gives such values only to the one
// call that consumes them.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "utils/expandeddatum.h"
}

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/field.h"

namespace converge {

// The C++ half of an expanded value: a Live<State>.
class LiveState {
 public:
  virtual ~LiveState() = default;

  // The encoding; kept until the state changes.
  const std::string& encoded();
  void changed() { encoded_.clear(); }

 protected:
  virtual std::string encode() const = 0;

 private:
  std::string encoded_;  // empty: to be made
};

template <class State>
class Live final : public LiveState {
 public:
  explicit Live(State held) : state(std::move(held)) {}
  State state;

 protected:
  std::string encode() const override { return state.encode(); }
};

struct ExpandedState {
  ExpandedObjectHeader header;
  FieldType type;   // says which Live it is
  LiveState* live;  // owned; null while it is being made
  MemoryContextCallback on_reset;
};

// How many states this backend has decoded for expanded values, and encoded from
// them: for tests.
extern "C" {
extern PGDLLEXPORT std::uint64_t converge_states_expanded;
extern PGDLLEXPORT std::uint64_t converge_states_flattened;
}

// ---- glue

// The expanded state that a value of `type` is; null if it is flat.
ExpandedState* expanded_state(FieldType type, Datum value);

// One without a state, in a memory context of its own below `parent`.
ExpandedState* new_expanded_state(FieldType type, MemoryContext parent);

// Where a function's result is to live: as the transition function of an aggregate,
// in the aggregate's context, or PostgreSQL would copy it, and so encode it, for
// every row.
MemoryContext result_context(FunctionCallInfo fcinfo);

inline Datum expanded_datum(ExpandedState* state) { return EOHPGetRWDatum(&state->header); }

// A state argument as it came: live or encoded.
struct StateArgument {
  LiveState* live;         // null: encoded
  std::string_view bytes;  // empty where it is live
};
StateArgument state_argument(FieldType type, Datum value);

// ---- body

template <class State>
State& live_state(LiveState* live) {
  return static_cast<Live<State>*>(live)->state;
}

// What use(const State&) returns, a Result, or why the argument is none.
template <class State, class Use>
auto with_state(const StateArgument& argument, Use use)
    -> decltype(use(std::declval<const State&>())) {
  if (argument.live != nullptr) return use(live_state<State>(argument.live));
  const Result<State> state = State::decode(argument.bytes);
  if (!state) return state.error();
  return use(*state);
}

// ---- glue again

// The value to change instead of `value`: itself where it is read-write, otherwise
// a copy below `parent`. Its encoding counts as changed.
template <class State>
ExpandedState* editable_state(FieldType type, Datum value, MemoryContext parent) {
  ExpandedState* given = expanded_state(type, value);
  if (given != nullptr && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value))) {
    given->live->changed();
    return given;
  }
  const StateArgument argument = state_argument(type, value);
  ExpandedState* made = new_expanded_state(type, parent);
  boundary::call([&]() -> Result<bool> {
    if (argument.live != nullptr) {
      made->live = new Live<State>(live_state<State>(argument.live));
      return true;
    }
    Result<State> state = State::decode(argument.bytes);
    if (!state) return state.error();
    made->live = new Live<State>(std::move(*state));
    ++converge_states_expanded;
    return true;
  });
  return made;
}

}  // namespace converge

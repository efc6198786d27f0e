// The frame of an SQL edit: make the state live, choose the replica, edit, remember.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "utils/timestamp.h"
}

#include <cstdint>

#include "core/field.h"
#include "extension/types/expanded.h"
#include "extension/types/minting.h"

namespace converge {

// For glue, before edit_state() or make_state(): what the body may not ask
// PostgreSQL for itself.
// Gives the wall clock in milliseconds since 1970.
inline std::uint64_t prepare_edit() {
  minting::prepare();
  constexpr TimestampTz kUnixEpoch =
      (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * static_cast<TimestampTz>(SECS_PER_DAY) * USECS_PER_SEC;
  const TimestampTz now = GetCurrentTimestamp() - kUnixEpoch;
  return now > 0 ? static_cast<std::uint64_t>(now) / 1000 : 0;
}

// Glue: the state argument `value` after edit(state, replica), which returns a
// Result; an expanded value, `value` itself if it is read-write.
template <class State, class Edit>
Datum edit_state(FieldType type, Datum value, MemoryContext parent, Edit edit) {
  ExpandedState* edited = editable_state<State>(type, value, parent);
  boundary::call([&]() -> Result<bool> {
    State& state = live_state<State>(edited->live);
    ReplicaId replica = minting::replica_for(type, state);
    if (const Result<void> done = edit(state, replica); !done) return done.error();
    minting::minted(type, replica, state.version_of(replica));
    return true;
  });
  return expanded_datum(edited);
}

// The same of a function's first argument.
template <class State, class Edit>
Datum edit_argument(FieldType type, FunctionCallInfo fcinfo, Edit edit) {
  return edit_state<State>(type, PG_GETARG_DATUM(0), result_context(fcinfo), edit);
}

// three_way(base, mine, theirs): what edit(state, replica) does to `base`, the
// first argument, is done to `theirs`, the third, a later state, as if concurrently
// to all that came in between. Glue.
template <class State, class Edit>
Datum three_way(FieldType type, FunctionCallInfo fcinfo, Edit edit) {
  const StateArgument base = state_argument(type, PG_GETARG_DATUM(0));
  return edit_state<State>(
      type, PG_GETARG_DATUM(2), result_context(fcinfo),
      [&](State& theirs, ReplicaId& replica) -> Result<void> {
        return with_state<State>(base, [&](const State& before) -> Result<void> {
          if (!theirs.version().includes(before.version()))
            return Error{ErrorCode::invalid, "base is not an earlier state of theirs",
                         "It has edits that theirs lacks."};
          // A replica goes on where it stands, and must stand there in both.
          if (before.version_of(replica) != theirs.version_of(replica))
            replica = minting::fresh_replica();
          State mine = before;
          if (const Result<void> done = edit(mine, replica); !done) return done.error();
          return theirs.merge(mine.difference(before));
        });
      });
}

// Glue: a new state, made by edit(state, replica) from the empty one.
template <class State, class Edit>
Datum make_state(FieldType type, Edit edit) {
  return boundary::call([&]() -> Result<Datum> {
    State state;
    const ReplicaId replica = minting::fresh_replica();
    if (const Result<void> done = edit(state, replica); !done) return done.error();
    const Datum made = boundary::datum(state.encode());
    minting::minted(type, replica, state.version_of(replica));
    return made;
  });
}

}  // namespace converge

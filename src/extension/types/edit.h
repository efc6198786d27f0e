// The frame of an SQL edit: decode, choose the replica, edit, encode, remember.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "utils/timestamp.h"
}

#include <cstdint>
#include <string_view>

#include "core/field.h"
#include "extension/types/minting.h"

namespace converge {

// For glue, before edit_state(): what the body may not ask PostgreSQL for itself.
// Gives the wall clock in milliseconds since 1970.
inline std::uint64_t prepare_edit() {
  minting::prepare();
  constexpr TimestampTz kUnixEpoch =
      (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * static_cast<TimestampTz>(SECS_PER_DAY) * USECS_PER_SEC;
  const TimestampTz now = GetCurrentTimestamp() - kUnixEpoch;
  return now > 0 ? static_cast<std::uint64_t>(now) / 1000 : 0;
}

// A body: the state in `bytes` after edit(state, replica), which returns a Result.
template <class State, class Edit>
Result<Datum> edit_state(FieldType type, std::string_view bytes, Edit edit) {
  Result<State> state = State::decode(bytes);
  if (!state) return state.error();
  const ReplicaId replica = minting::replica_for(type, state->version());
  if (const Result<void> done = edit(*state, replica); !done) return done.error();
  const Datum edited = boundary::datum(state->encode());
  minting::minted(type, replica, state->version().get(replica));
  return edited;
}

// A body: a new state, made by edit(state, replica) from the empty one.
template <class State, class Edit>
Result<Datum> make_state(FieldType type, Edit edit) {
  return edit_state<State>(type, empty_state(type), edit);
}

}  // namespace converge

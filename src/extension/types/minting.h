// Under which replica an SQL edit makes its identifiers.
//
// Identifiers made from the state alone would be made twice: by two edits of one
// base, by an edit that was rolled back after its delta escaped, by an inlined
// function called twice. So a backend edits under random replicas of its own,
// and continues one only on a state whose clock for it is the last one it made
// there; anywhere else it takes a fresh one. The table of what it made is
// bounded: a forgotten replica costs a fresh one, nothing else. It does not
// follow transactions, on purpose.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/field.h"
#include "core/replica.h"

namespace converge::minting {

struct Minted {
  FieldType type;
  ReplicaId replica;
  std::uint64_t counter;  // the last identifier made; 0: an empty place
  std::uint64_t used;     // when, counted in edits
};

// As many states as one backend is likely to edit by turns.
inline constexpr std::size_t kRemembered = 64;
extern std::array<Minted, kRemembered> remembered;

// Draws the next fresh replica, if none is at hand. For glue: may ereport. To be
// called before each edit.
void prepare();

// The replica that prepare() drew.
ReplicaId fresh_replica();

// The replica to edit this state under. For bodies.
template <class State>
ReplicaId replica_for(FieldType type, const State& state) {
  for (const Minted& entry : remembered)
    if (entry.counter != 0 && entry.type == type &&
        state.version_of(entry.replica) == entry.counter)
      return entry.replica;
  return fresh_replica();
}

// Notes that the replica's clock stands at `counter` after an edit (0: the edit
// made no identifier). For bodies.
void minted(FieldType type, ReplicaId replica, std::uint64_t counter);

}  // namespace converge::minting

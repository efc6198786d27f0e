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

#include <cstdint>

#include "core/clock/version_vector.h"
#include "core/field.h"

namespace converge::minting {

// Draws the next fresh replica, if none is at hand. For glue: may ereport. To be
// called before each edit.
void prepare();

// The replica to edit a state of this version under. For bodies.
ReplicaId replica_for(FieldType type, const VersionVector& version);

// Notes that the replica's clock stands at `counter` after an edit (0: the edit
// made no identifier). For bodies.
void minted(FieldType type, ReplicaId replica, std::uint64_t counter);

}  // namespace converge::minting

// Writes what Yjs clients read: updates v1 and v2, and state vectors.
#pragma once

#include <cstddef>
#include <string>

#include "core/clock/version_vector.h"
#include "core/sequence/sequence.h"
#include "core/ydoc/update_reader.h"

namespace converge {

// The update that gives a document with the state vector `since` all of this one:
// the structs beyond it, with skips where clocks are missing, what waits included,
// and every deletion, with *deletions the number of bytes at its end that say those. A
// surrogate pair that `since` cuts is given whole.
std::string write_update(const Sequence& document, const VersionVector& since, UpdateFormat format,
                         std::size_t* deletions = nullptr);

// How many clocks of each client are integrated.
std::string write_state_vector(const Sequence& document);

}  // namespace converge

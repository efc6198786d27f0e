// Reads what Yjs clients send: updates v1 and v2, and state vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/clock/version_vector.h"
#include "core/result.h"
#include "core/ydoc/flat_document.h"

namespace converge {

enum class UpdateFormat : std::uint8_t { v1 = 1, v2 = 2 };

// Structs of one update, and the clients that it names beside them. The columns of v2 can
// say much in few bytes.
inline constexpr std::size_t kMaxUpdateStructs = std::size_t{1} << 20;

// The update's items and GC structs as runs that wait, and its delete set; views
// are into `bytes`. Errors: malformed (what was wrong and where, unknown content
// and types by number), too_large.
Result<FlatDocument> read_update(std::string_view bytes, UpdateFormat format);

// How many clocks of each client somebody has. No bytes at all: none.
// Errors: malformed.
Result<VersionVector> read_state_vector(std::string_view bytes);

}  // namespace converge

// Merging into an encoded ydoc without decoding all of it, as encoded_merge.h does
// it for a text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/sequence/sequence.h"

namespace converge {

// The encoding of the join, the same bytes as by decoding, merging and encoding. No
// answer where that is the way to take: `state` is malformed or empty, something
// waits in it or would, a list would begin or a shared type be made or deleted, or
// too much of it would change.
std::optional<std::string> merge_into_document(std::string_view state, const FlatSequence& flat);

}  // namespace converge

// crdt_text as bytes: docs/internals.md describes them.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "core/sequence/sequence.h"

namespace converge {

// The canonical encoding. Runs may be cut in any way.
std::string encode_sequence(const FlatSequence& flat);

// Reads an encoding; the result views `bytes`. What it gives is safe to build
// from: integrated runs name each unit once, from clock 0 without a hole, and
// their origins are integrated. Errors: malformed, wrong_type.
Result<FlatSequence> decode_sequence(std::string_view bytes);

// The visible text inside an encoding. Errors: malformed, wrong_type.
Result<std::string_view> text_in_encoding(std::string_view bytes);

// The sequence's runs as they lie in its tree, and what is pending.
FlatSequence flatten(const Sequence& sequence);

}  // namespace converge

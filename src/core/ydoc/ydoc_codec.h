// ydoc as bytes: docs/internals.md describes them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/sequence/sequence.h"
#include "core/ydoc/flat_document.h"

namespace converge {

// The canonical encoding.
std::string encode_document(const Sequence& document);

// The same for a state of which nothing is integrated: the waiting runs and
// deleted units of `flat`, in any order and cut in any way, but without overlaps.
std::string encode_pending(const FlatDocument& flat);

// Reads an encoding; the integrated part goes into `document`, which is new (of
// Holds::lists) and must not be used after an error, the rest is the answer, which
// views `bytes`. Errors: malformed, wrong_type.
Result<FlatDocument> load_document(std::string_view bytes, Sequence& document);

// Whether the state, by its first bytes, holds nothing that is integrated.
bool is_pending_alone(std::string_view bytes);

// Reads the encoding of a state of which that is so, adding it to what `out` has, which
// then views `bytes` and is not to be used after an error. Errors: malformed, wrong_type.
Result<void> read_pending(std::string_view bytes, FlatDocument& out);

// All of the document: its runs as they lie in its tree, what is gone, and what
// is pending.
FlatDocument flatten_document(const Sequence& document);

// Calls take(place) for each run of a list that has begun, in order.
template <class F>
void for_each_run(const Sequence& document, ListIndex list, F&& take) {
  for (RunTree::Place at = RunTree::next(document.head(list)); at.valid() && !at.run().head();
       at = RunTree::next(at)) {
    take(at);
  }
}

}  // namespace converge

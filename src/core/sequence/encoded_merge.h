// Merging into an encoded text without decoding all of it: the codes of its runs are
// read, the edits integrated among them, the codes that change with them written
// anew, and all other bits and the text copied. What takes time is reading the
// codes; nothing is built of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sequence/edited_runs.h"

namespace converge {

// The encoding of the join, the same bytes as by decoding, merging and encoding. No
// answer where that is the way to take: `state` or `delta` is malformed, `state` is
// empty, something waits in it or would, or too much of it would change.
std::optional<std::string> merge_into_encoded(std::string_view state, std::string_view delta);

// ---- what merging into a ydoc (ydoc/document_merge.h) shares with it

// Runs and ranges of a delta; what is more is not looked up run by run.
inline constexpr std::size_t kMaxEncodedEdits = 64;

bool has_surrogate_pairs(std::string_view text);

// The replicas of edited runs in the order in which the encoding names them; none at
// all if some is only named.
struct NumberedReplicas {
  explicit NumberedReplicas(const EditedRuns& runs);
  std::vector<ReplicaId> ascending;
  std::vector<ClientIndex> number;  // by their index
};

}  // namespace converge

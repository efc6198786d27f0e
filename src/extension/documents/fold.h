// The fold: what push() only logged of deferred fields is merged into the
// documents' rows.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

namespace converge {

struct FoldResult {
  std::int64_t folded;       // changes that are in the row now
  std::int64_t quarantined;  // changes that raised and were put aside
  bool more;                 // a bound was reached; there is more to fold
};

// Folds a document: merges its unfolded changes into its row, as the table's
// owner in a security-restricted operation and without forced row-level
// security, under nobody's identity. Changes that raise go into quarantine. Of a
// document that is gone, and of a collection that is not tracked any more, it
// forgets what was unfolded.
//
// Raises where the circumstances are at fault: 55P03 when the row is locked for
// longer than converge.push_lock_timeout, 40001, a table that has changed. The
// transaction is then to be rolled back; nothing is lost.
FoldResult fold_document(const char* tenant, std::int64_t document);

// As often as it takes. How many changes went into the row.
std::int64_t fold_whole_document(const char* tenant, std::int64_t document);

// The same for every document of a collection.
std::int64_t fold_collection(Collection* collection);

}  // namespace converge

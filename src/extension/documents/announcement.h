// What push is about to write, so that capture can tell it from what the user's
// own triggers add: capture is never switched off. Push logs it itself, as the
// client's change.
#pragma once

#include "extension/compat.h"

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

namespace converge {

// While one is announced, capture logs of this row's fields only what the
// announced values do not hold.
struct Announcement {
  Oid tracked;
  RowRef ref;
  const Collection* collection;          // whose fields `values` follows
  struct varlena* const* values;         // null: the field is not touched
  // Of an update, the fields that `values` were made of, as they stand in the row; else null.
  struct varlena* const* before;
  bool removes;                          // the row is to go
  bool marks;                            // the row is to be softly deleted or made live again
  Announcement* outer;
  // By capture: the fields of which `values` is what the row gets.
  mutable std::uint64_t stored;
};

// The announcement for that row, or null.
const Announcement* announced(const Collection* collection, const RowRef& ref);

// Whether push is writing: it has locked the tenant's policies.
bool is_announcing();

// How often this backend has announced something: as long as it is the same, no
// document's row was written here.
std::uint64_t announcements();

// As update_row(), insert_row(), delete_row() and mark_row(), announced meanwhile.
// `before`: what the fields hold that are written, not detoasted; each of `values` is
// that joined with something.
std::uint64_t update_row_announced(Collection* collection, const RowRef& ref, std::uint64_t mask,
                                   struct varlena* const* before, struct varlena* const* values);
std::uint64_t insert_row_announced(Collection* collection, const RowRef& ref, std::uint64_t mask,
                                   struct varlena* const* values);
std::uint64_t delete_row_announced(Collection* collection, const RowRef& ref);
std::uint64_t mark_row_announced(Collection* collection, const RowRef& ref, bool deleted);

}  // namespace converge

#include "extension/documents/row_merge.h"

#include "extension/documents/announcement.h"
#include "extension/documents/field_value.h"

extern "C" {
#include "access/detoast.h"
}

namespace converge {

namespace {

// Raises where too much of what the field would hold is what was deleted.
void check_tombstones(const Field& field, std::string_view state, std::int64_t most) {
  const int share = tombstone_share(field.type, state);
  if (share <= most) return;
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                  errmsg("field \"%s\" would hold too much that was deleted", NameStr(field.name)),
                  errdetail("It would be %d percent of its bytes; the limit is %lld.", share, static_cast<long long>(most))));
}

}  // namespace

void row_not_written(const char* done) {
  ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("the document's row was not %s", done),
                  errdetail("A trigger kept it as it was.")));
}

bool merge_into_row(Collection* collection, const RowRef& ref, Deltas* deltas, const Limits* limits,
                    const LockedRow* locked) {
  struct varlena* values[kMaxFields];
  const bool is_read = locked != nullptr && read_locked_row(collection, *locked, values);
  if (!is_read && !read_row(collection, ref, false, values)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the document's row cannot be read")));
  }
  std::uint64_t mask = 0;
  std::int64_t size = 0;
  for (int i = 0; i < collection->field_count; i++) {
    struct varlena* old_value = values[i];
    values[i] = nullptr;
    if (deltas[i].count == 0) {
      if (old_value != nullptr) size += static_cast<std::int64_t>(toast_raw_datum_size(PointerGetDatum(old_value)));
      continue;
    }
    const FieldType type = collection->fields[i].type;
    const std::string_view old_state = state_bytes(type, old_value);
    struct varlena* merged = merge_states(type, old_state, deltas[i].join(type));
    size += static_cast<std::int64_t>(boundary::view(merged).size());
    if (boundary::view(merged) == old_state) continue;
    check_value(type, boundary::view(merged));
    if (limits != nullptr && limits->tombstone_share > 0 && boundary::view(merged).size() > old_state.size()) {
      check_tombstones(collection->fields[i], boundary::view(merged), limits->tombstone_share);
    }
    values[i] = merged;
    mask |= std::uint64_t{1} << i;
  }
  if (mask == 0) return false;
  if (limits != nullptr && limits->document_bytes > 0 && size > limits->document_bytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the document would be too large"),
                    errdetail("Its fields would have %lld bytes; the limit is %lld.", static_cast<long long>(size),
                              static_cast<long long>(limits->document_bytes))));
  }
  if (update_row_announced(collection, ref, mask, values) != 1) row_not_written("updated");
  return true;
}

}  // namespace converge

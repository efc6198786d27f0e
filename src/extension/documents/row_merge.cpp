#include "extension/documents/row_merge.h"

#include "extension/documents/announcement.h"
#include "extension/documents/field_value.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/detoast.h"
#include "utils/snapmgr.h"
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

// Of what a field holds; null: SQL NULL.
std::int64_t size_of(struct varlena* value) {
  return value != nullptr ? static_cast<std::int64_t>(toast_raw_datum_size(PointerGetDatum(value)) - VARHDRSZ) : 0;
}

struct Merged {
  struct varlena* value;  // null: the field held it all
  std::int64_t size;      // of what it holds then, in bytes
};

// The field with all that is to be merged. `before`: what it holds.
Merged merge_field(FieldType type, struct varlena* before, int i, Deltas* deltas, const RowAhead* ahead) {
  if (ahead != nullptr && ahead->merged[i] != nullptr && before != nullptr &&
      same_value(PointerGetDatum(before), false, PointerGetDatum(ahead->before[i]), false)) {
    struct varlena* merged = ahead->merged[i];
    if (deltas[i].count > 0) merged = merge_states(type, boundary::view(merged), deltas[i].join(type));
    return {merged, static_cast<std::int64_t>(boundary::view(merged).size())};
  }
  if (ahead != nullptr) {
    for (int j = 0; j < ahead->deltas[i].count; j++) deltas[i].add(ahead->deltas[i].states[j]);
  }
  if (deltas[i].count == 0) return {nullptr, size_of(before)};
  const std::string_view old_state = state_bytes(type, before);
  struct varlena* merged = merge_states(type, old_state, deltas[i].join(type));
  const bool gains = boundary::view(merged) != old_state;
  return {gains ? merged : nullptr, static_cast<std::int64_t>(boundary::view(merged).size())};
}

}  // namespace

void merge_ahead(Collection* collection, const RowRef& ref, RowAhead* ahead) {
  // What is stored out of line stays there as long as somebody may see it.
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  if (read_row(collection, ref, false, ahead->before)) {
    for (int i = 0; i < collection->field_count; i++) {
      ahead->merged[i] = nullptr;
      if (ahead->before[i] == nullptr || ahead->deltas[i].count == 0) continue;
      ahead->merged[i] = merge_field(collection->fields[i].type, ahead->before[i], i, ahead->deltas, nullptr).value;
    }
  }
  UnregisterSnapshot(snapshot);
}

void row_not_written(const char* done) {
  ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("the document's row was not %s", done),
                  errdetail("A trigger kept it as it was.")));
}

bool merge_into_row(Collection* collection, const RowRef& ref, Deltas* deltas, const Limits* limits,
                    const LockedRow* locked, const RowAhead* ahead) {
  struct varlena* before[kMaxFields];
  struct varlena* values[kMaxFields] = {};
  const bool is_read = locked != nullptr && read_locked_row(collection, *locked, before);
  if (!is_read && !read_row(collection, ref, false, before)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the document's row cannot be read")));
  }
  std::uint64_t mask = 0;
  std::int64_t size = 0;
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    const Merged merged = merge_field(field.type, before[i], i, deltas, ahead);
    size += merged.size;
    if (merged.value == nullptr) continue;
    check_value(field.type, boundary::view(merged.value));
    if (limits != nullptr && limits->tombstone_share > 0 && merged.size > size_of(before[i])) {
      check_tombstones(field, boundary::view(merged.value), limits->tombstone_share);
    }
    values[i] = merged.value;
    mask |= std::uint64_t{1} << i;
  }
  if (mask == 0) return false;
  if (limits != nullptr && limits->document_bytes > 0 && size > limits->document_bytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the document would be too large"),
                    errdetail("Its fields would have %lld bytes; the limit is %lld.", static_cast<long long>(size),
                              static_cast<long long>(limits->document_bytes))));
  }
  if (update_row_announced(collection, ref, mask, before, values) != 1) row_not_written("updated");
  return true;
}

}  // namespace converge

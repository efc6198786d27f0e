// The user's rows, read and written in SQL as the calling role under its
// privileges and policies.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

namespace converge {

// Which row: tenant and key in their text form (converge.document).
struct RowRef {
  const char* tenant;
  const char* key;
};

// A document's key in its text form, of the texts of the collection's key columns;
// palloc'd.
char* join_key(const Collection* collection, const char* const* texts);

// The texts that a key is made of; null where a composite key's array has null.
// Raises 22P02 where it is no such array.
void split_key(const Collection* collection, const char* key, const char** texts);

// The text forms of a row's tenant and key, palloc'd. Raises 54000 above
// kMaxTenantBytes and kMaxKeyBytes, 23502 for a null.
RowRef ref_of(const Collection* collection, HeapTuple row, TupleDesc description);

// Whether the caller may see the row. `read_only`: in the active snapshot,
// otherwise in a new one.
bool row_is_visible(Collection* collection, const RowRef& ref, bool read_only);

// The version of a row that was locked.
struct LockedRow {
  Oid table;  // the tracked table, or its partition; invalid: not known
  ItemPointerData tid;
};

// Locks the row as UPDATE would. False: there is none, or the policies do not
// let the caller change it. `locked`, where it is given, is which: not known where the
// caller has no privilege to read all of it.
bool lock_row(Collection* collection, const RowRef& ref, LockedRow* locked = nullptr);

// Whether lock_row() would lock it, as everything committed stands; nothing is locked.
// `watched`: policies look at what is written to the field (policies_watch()), and would let
// that be, as far as can be said before.
bool may_write_row(Collection* collection, const RowRef& ref, const Field& field, bool watched);

// As lock_row(), where a row that is deleted and made again while it waits is
// not taken for one that may not be changed. `visible`: the caller may see it.
bool lock_row_or_see(Collection* collection, const RowRef& ref, bool* visible, LockedRow* locked = nullptr);

// As read_row(), of the version that the caller has locked, which asked the policies whether it
// may be read: they are not asked again. False: it is not known, or the transaction has
// changed it since.
bool read_locked_row(const Collection* collection, const LockedRow& locked, struct varlena** values);

// The row's fields in the order of collection->fields; null pointers for SQL
// NULL; not detoasted. False: no such row is visible.
bool read_row(Collection* collection, const RowRef& ref, bool read_only, struct varlena** values);

// Sets the fields whose bits are in `mask` to values[i], i the field's place in
// collection->fields. The number of rows updated.
std::uint64_t update_row(Collection* collection, const RowRef& ref, std::uint64_t mask,
                         struct varlena* const* values);

// Inserts the row with the fields in `mask`; other columns take their defaults. The
// key is taken as it is given, also where the server makes them.
// The number of rows inserted.
std::uint64_t insert_row(Collection* collection, const RowRef& ref, std::uint64_t mask,
                         struct varlena* const* values);

// Deletes the row. The number of rows deleted.
std::uint64_t delete_row(Collection* collection, const RowRef& ref);

// Sets the collection's deletion column to now, or to null. The number of rows
// that were not so already.
std::uint64_t mark_row(Collection* collection, const RowRef& ref, bool deleted);

// The row's plain columns.
struct PlainValues {
  bool deleted;                      // softly
  const char* values[kMaxIncluded];  // as JSON, in the order of collection->included
};

// As read_row().
bool read_plain_values(Collection* collection, const RowRef& ref, bool read_only, PlainValues* plain);

// Runs work(argument), in which the functions above touch the row as the
// table's owner, in a security-restricted operation and without forced
// row-level security. For what the log has decided already. Settings that the
// table's triggers change are as they were afterwards. Nothing can be deferred in it:
// see fire_deferred_constraints().
void as_table_owner(Collection* collection, void (*work)(void*), void* argument);

struct RowPlans;
void free_row_plans(RowPlans* plans);

}  // namespace converge

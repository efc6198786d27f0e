// Converge's own tables, read and written below the executor: no privileges and
// no policies apply, so that the log needs no change of role, and no trigger or
// rule can come between. For use by the extension's code only, after it has
// decided that the caller may.
//
// Nothing here has a destructor: an error closes relations with the transaction.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "access/genam.h"
#include "catalog/indexing.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace converge {

// A table of schema converge, open.
struct OwnedTable {
  Relation relation;
  LOCKMODE mode;
  CatalogIndexState indexes;  // null until the first insert or update
  MemoryContext context;      // in which it was opened, and where they are
  bool written;

  OwnedTable(const char* name, LOCKMODE lock_mode);
  // The lock is kept until the end of the transaction when rows were written.
  void close();

  void insert(Datum* values, bool* nulls);
  void insert(HeapTuple row);
  // Many rows, with fewer WAL records. None may need to be compressed or stored out
  // of line (TOAST_TUPLE_THRESHOLD): the index entries would not find it.
  void insert_many(struct TupleTableSlot** rows, int count);
  void update(HeapTuple old_row, Datum* values, bool* nulls);
  // The row that `tid` points to. It must not be changed by anybody else meanwhile.
  void remove(ItemPointerData tid);

 private:
  void open_indexes();
};

// The table or index of schema converge with that name.
Oid owned_oid(const char* name);

// What sees everything committed and the current transaction, to be registered at once.
Snapshot latest_snapshot();

// The row that equals `keys` on `index`: a copy, or null. In `snapshot`, or,
// where that is null, as everything committed and the current transaction have it.
HeapTuple find_owned(Relation relation, Oid index, int key_count, ScanKey keys,
                     Snapshot snapshot = nullptr);

// The last such row in the order of `index`.
HeapTuple find_last_owned(Relation relation, Oid index, int key_count, ScanKey keys,
                          Snapshot snapshot = nullptr);

}  // namespace converge

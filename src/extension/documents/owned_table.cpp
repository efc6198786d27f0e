#include "extension/documents/owned_table.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace converge {

OwnedTable::OwnedTable(const char* name, LOCKMODE lock_mode)
    : relation(table_open(owned_oid(name), lock_mode)), mode(lock_mode), indexes(nullptr), context(CurrentMemoryContext), written(false) {}

void OwnedTable::close() {
  if (indexes != nullptr) CatalogCloseIndexes(indexes);
  table_close(relation, written ? NoLock : mode);
}

void OwnedTable::open_indexes() {
  if (indexes != nullptr) return;
  MemoryContext caller = MemoryContextSwitchTo(context);
  indexes = CatalogOpenIndexes(relation);
  MemoryContextSwitchTo(caller);
}

void OwnedTable::insert(Datum* values, bool* nulls) {
  HeapTuple row = heap_form_tuple(RelationGetDescr(relation), values, nulls);
  insert(row);
  heap_freetuple(row);
}

void OwnedTable::insert(HeapTuple row) {
  open_indexes();
  written = true;
  CatalogTupleInsertWithInfo(relation, row, indexes);
}

void OwnedTable::insert_many(TupleTableSlot** rows, int count) {
  open_indexes();
  written = true;
  CatalogTuplesMultiInsertWithInfo(relation, rows, count, indexes);
}

void OwnedTable::update(HeapTuple old_row, Datum* values, bool* nulls) {
  open_indexes();
  written = true;
  HeapTuple row = heap_form_tuple(RelationGetDescr(relation), values, nulls);
  CatalogTupleUpdateWithInfo(relation, &old_row->t_self, row, indexes);
  heap_freetuple(row);
}

void OwnedTable::remove(ItemPointerData tid) {
  written = true;
  CatalogTupleDelete(relation, &tid);
}

namespace {

// What was looked up, until PostgreSQL tells of a changed relation or schema. A name that
// comes to another's place takes it.
struct KnownRelation {
  NameData name;
  Oid id;
};
constexpr std::uint32_t kKnownRelations = 256;
KnownRelation known_relations[kKnownRelations];
// Counts what PostgreSQL told: what comes while a name is looked up may be about it.
std::uint64_t news = 0;

void forget_relations(Datum, int, uint32) {
  news++;
  for (KnownRelation& known : known_relations) known.id = InvalidOid;
}

KnownRelation* place_of(const char* name) {
  static bool watching = false;
  if (!watching) {
    for (const int cache : {RELOID, NAMESPACEOID}) CacheRegisterSyscacheCallback(cache, forget_relations, Datum{0});
    watching = true;
  }
  std::uint32_t hash = 0;
  for (const char* at = name; *at != '\0'; at++) hash = hash * 31 + static_cast<unsigned char>(*at);
  return &known_relations[hash % kKnownRelations];
}

}  // namespace

Oid owned_oid(const char* name) {
  KnownRelation* known = place_of(name);
  if (OidIsValid(known->id) && std::strcmp(NameStr(known->name), name) == 0) return known->id;
  const std::uint64_t seen = news;
  const Oid id = get_relname_relid(name, get_namespace_oid("converge", false));
  if (!OidIsValid(id)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation converge.%s does not exist", name),
                    errhint("Run ALTER EXTENSION converge UPDATE, or create the extension again.")));
  }
  if (seen == news) {
    namestrcpy(&known->name, name);
    known->id = id;
  }
  return id;
}

Snapshot latest_snapshot() {
  // A parallel query allows only what it needs itself: the snapshot that catalogs are read with
  // is as fresh.
  return IsInParallelMode() ? GetCatalogSnapshot(InvalidOid) : GetLatestSnapshot();
}

HeapTuple find_owned(Relation relation, Oid index, int key_count, ScanKey keys, Snapshot in) {
  Snapshot snapshot = RegisterSnapshot(in != nullptr ? in : latest_snapshot());
  SysScanDesc scan = systable_beginscan(relation, index, true, snapshot, key_count, keys);
  HeapTuple row = systable_getnext(scan);
  if (HeapTupleIsValid(row)) row = heap_copytuple(row);
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  return row;
}

HeapTuple find_last_owned(Relation relation, Oid index, int key_count, ScanKey keys, Snapshot in) {
  Relation open_index = index_open(index, AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(in != nullptr ? in : latest_snapshot());
  SysScanDesc scan = systable_beginscan_ordered(relation, open_index, snapshot, key_count, keys);
  HeapTuple row = systable_getnext_ordered(scan, BackwardScanDirection);
  if (HeapTupleIsValid(row)) row = heap_copytuple(row);
  systable_endscan_ordered(scan);
  UnregisterSnapshot(snapshot);
  index_close(open_index, AccessShareLock);
  return row;
}

}  // namespace converge

#include "document_cache.h"

#include <cstring>

#include "log_tables.h"

namespace converge::output {
namespace {

constexpr long kMaxEntries = 16384;
constexpr Size kMaxBytes = 8 * 1024 * 1024;

// Whether the relation exists now, and not only as of the decoded transaction:
// a user catalog table that was dropped since has no file to read.
bool still_exists(Oid relation) {
  ScanKeyData key;
  Relation pg_class = table_open(RelationRelationId, AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(GetNonHistoricCatalogSnapshot(RelationRelationId));

  ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
  SysScanDesc scan = systable_beginscan(pg_class, ClassOidIndexId, true, snapshot, 1, &key);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(pg_class, AccessShareLock);
  return found;
}

// Opens a table of the log, or gives null if there is none any more.
Relation open_log_table(LogTable table) {
  const Oid oid = log_table_oid(table);

  if (!OidIsValid(oid)) return nullptr;
  // The lock first, so that what is true stays so.
  LockRelationOid(oid, AccessShareLock);
  if (!still_exists(oid)) {
    UnlockRelationOid(oid, AccessShareLock);
    return nullptr;
  }
  return table_open(oid, NoLock);
}

AttrNumber column_number(Relation relation, const char* name) {
  TupleDesc descriptor = RelationGetDescr(relation);

  for (int i = 0; i < descriptor->natts; i++)
    if (!TupleDescAttr(descriptor, i)->attisdropped &&
        strcmp(NameStr(TupleDescAttr(descriptor, i)->attname), name) == 0)
      return TupleDescAttr(descriptor, i)->attnum;
  elog(ERROR, "relation \"%s\" has no column \"%s\"", RelationGetRelationName(relation), name);
  return InvalidAttrNumber;
}

// A column of a row as a C string in the current memory context, or null.
char* text_column(Relation relation, HeapTuple tuple, const char* name) {
  bool null;
  const Datum value =
      heap_getattr(tuple, column_number(relation, name), RelationGetDescr(relation), &null);

  return null ? nullptr : TextDatumGetCString(value);
}

// The key of a document and the number of its collection.
char* look_up_document(const char* tenant, uint64 document, int32* collection) {
  Relation relation = open_log_table(LogTable::document);
  char* key = nullptr;

  if (relation == nullptr) return nullptr;

  ScanKeyData keys[2];
  const AttrNumber tenant_column = column_number(relation, "tenant");

  ScanKeyInit(&keys[0], tenant_column, BTEqualStrategyNumber, F_TEXTEQ,
              CStringGetTextDatum(tenant));
  // Equality of texts as the index has it: under the column's collation.
  keys[0].sk_collation = TupleDescAttr(RelationGetDescr(relation), tenant_column - 1)->attcollation;
  ScanKeyInit(&keys[1], column_number(relation, "document"), BTEqualStrategyNumber, F_INT8EQ,
              Int64GetDatum(static_cast<int64>(document)));

  const Oid index = PRIMARY_KEY_INDEX(relation);
  SysScanDesc scan = systable_beginscan(relation, index, OidIsValid(index), nullptr, 2, keys);
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool null;

    key = text_column(relation, tuple, "key");
    *collection = DatumGetInt32(heap_getattr(tuple, column_number(relation, "collection"),
                                             RelationGetDescr(relation), &null));
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return key;
}

char* look_up_collection(int32 collection) {
  Relation relation = open_log_table(LogTable::collection);
  char* name = nullptr;

  if (relation == nullptr) return nullptr;

  ScanKeyData key;
  ScanKeyInit(&key, column_number(relation, "collection"), BTEqualStrategyNumber, F_INT4EQ,
              Int32GetDatum(collection));

  const Oid index = PRIMARY_KEY_INDEX(relation);
  SysScanDesc scan = systable_beginscan(relation, index, OidIsValid(index), nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) name = text_column(relation, tuple, "name");
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return name;
}

}  // namespace

DocumentCache* DocumentCache::create(MemoryContext parent) {
  auto* cache = static_cast<DocumentCache*>(MemoryContextAllocZero(parent, sizeof(DocumentCache)));

  cache->context_ =
      AllocSetContextCreate(parent, "converge document names", ALLOCSET_DEFAULT_SIZES);
  cache->clear();
  return cache;
}

void DocumentCache::clear() {
  HASHCTL control = {};

  MemoryContextReset(context_);
  control.keysize = sizeof(uint64);
  control.entrysize = sizeof(Entry);
  control.hcxt = context_;
  entries_ =
      hash_create("converge document names", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  bytes_ = 0;
  generation_ = log_generation();
}

const DocumentName* DocumentCache::find(const char* tenant, uint64 document) {
  if (generation_ != log_generation()) clear();

  auto* entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_FIND, nullptr));
  if (entry != nullptr) return &entry->name;

  int32 collection_number = 0;
  const char* key = look_up_document(tenant, document, &collection_number);
  if (key == nullptr) return nullptr;
  const char* collection = look_up_collection(collection_number);
  if (collection == nullptr) return nullptr;

  const Size bytes = strlen(key) + strlen(collection) + 2;
  // The look-ups may have found that the tables are others now.
  if (generation_ != log_generation() || bytes_ + bytes > kMaxBytes ||
      hash_get_num_entries(entries_) >= kMaxEntries)
    clear();

  // The strings first: an entry is never half made if memory runs out.
  const DocumentName name = {MemoryContextStrdup(context_, collection),
                             MemoryContextStrdup(context_, key)};
  entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_ENTER, nullptr));
  entry->name = name;
  bytes_ += bytes;
  return &entry->name;
}

}  // namespace converge::output

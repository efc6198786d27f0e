#include "extension/documents/collection.h"

#include <cstring>

#include "extension/documents/deferral.h"
#include "extension/documents/field_name.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/policy_column.h"
#include "extension/documents/relation_news.h"
#include "extension/documents/row.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace converge {
namespace {

using namespace collection_table;

// Of a registered name: schema and table.
constexpr std::size_t kMaxNameBytes = 2 * NAMEDATALEN;

// One entry a relation that was asked for. `collection` is null where the
// relation is not tracked.
struct CacheEntry {
  Oid relation;
  bool valid;
  MemoryContext context;
  Collection* collection;
};

// Which table a registered name was last found to be.
struct NamedCollection {
  char name[kMaxNameBytes + 1];
  Oid tracked;
};

HTAB* cache = nullptr;
HTAB* names = nullptr;
// What was replaced in this transaction and may still be in use up the stack.
List* retired = NIL;
// There is an entry that is not valid.
bool some_invalid = false;

void free_entry(const CacheEntry& entry) {
  if (entry.context == nullptr) return;
  if (entry.collection != nullptr) {
    free_row_plans(entry.collection->plans);
    free_row_plans(entry.collection->owner_plans);
  }
  MemoryContextDelete(entry.context);
}

// What is read anew when it is asked for again, and of a table that was dropped never is.
void free_invalid() {
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, cache);
  while (auto* entry = static_cast<CacheEntry*>(hash_seq_search(&scan))) {
    if (entry->valid) continue;
    free_entry(*entry);
    (void)hash_search(cache, &entry->relation, HASH_REMOVE, nullptr);
  }
  some_invalid = false;
}

void free_unused(XactEvent event, void*) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  ListCell* cell;
  foreach (cell, retired) {
    auto* entry = static_cast<CacheEntry*>(lfirst(cell));
    free_entry(*entry);
    pfree(entry);
  }
  list_free(retired);
  retired = NIL;
  if (some_invalid) free_invalid();
}

void invalidate(Oid relation) {
  if (cache == nullptr) return;
  if (OidIsValid(relation)) {
    if (auto* entry = static_cast<CacheEntry*>(hash_search(cache, &relation, HASH_FIND, nullptr))) {
      entry->valid = false;
      some_invalid = true;
    }
    return;
  }
  some_invalid = true;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, cache);
  while (auto* entry = static_cast<CacheEntry*>(hash_seq_search(&scan))) entry->valid = false;
}

// A schema was renamed: that is no news of the tables in it to the relation cache.
void invalidate_all(Datum, int, uint32) { invalidate(InvalidOid); }

// The cache is there last: what raises before that leaves none, and the next one asked
// for begins again.
void start_cache() {
  HASHCTL names_control = {};
  names_control.keysize = kMaxNameBytes + 1;
  names_control.entrysize = sizeof(NamedCollection);
  names_control.hcxt = TopMemoryContext;
  if (names == nullptr) {
    names = hash_create("converge collections by name", 64, &names_control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
  }
  HASHCTL control = {};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(CacheEntry);
  control.hcxt = TopMemoryContext;
  HTAB* made = hash_create("converge collections", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  RegisterXactCallback(free_unused, nullptr);
  watch_relations(invalidate);
  CacheRegisterSyscacheCallback(NAMESPACEOID, invalidate_all, static_cast<Datum>(0));
  cache = made;
}

void retire(CacheEntry* entry) {
  if (entry->context == nullptr) return;
  MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
  auto* copy = static_cast<CacheEntry*>(palloc(sizeof(CacheEntry)));
  *copy = *entry;
  retired = lappend(retired, copy);
  MemoryContextSwitchTo(old);
  entry->context = nullptr;
  entry->collection = nullptr;
}

const FormData_pg_attribute* attribute_named(TupleDesc description, const char* name) {
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    if (!attribute->attisdropped && std::strcmp(NameStr(attribute->attname), name) == 0) return attribute;
  }
  return nullptr;
}

// The operator the column's default B-tree calls equal, as OPERATOR() takes it.
char* equality_operator(Oid type) {
  const Oid operator_class = GetDefaultOpClass(type, BTREE_AM_OID);
  if (!OidIsValid(operator_class)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("type %s has no order and cannot be part of a document's key",
                           format_type_be(type))));
  }
  const Oid input = get_opclass_input_type(operator_class);
  const Oid equals =
      get_opfamily_member(get_opclass_family(operator_class), input, input, BTEqualStrategyNumber);
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equals));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", equals);
  auto* form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  char* text = psprintf("%s.%s", quote_identifier(get_namespace_name(form->oprnamespace)),
                        NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return text;
}

void describe_key_column(Relation relation, const char* name, KeyColumn* column) {
  const FormData_pg_attribute* attribute = attribute_named(RelationGetDescr(relation), name);
  if (attribute == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("key column \"%s\" of tracked table \"%s\" does not exist", name,
                           RelationGetRelationName(relation)),
                    errhint("Call converge.untrack() and converge.track() again.")));
  }
  column->name = attribute->attname;
  column->attribute = attribute->attnum;
  column->type = attribute->atttypid;
  bool is_varlena;
  getTypeOutputInfo(column->type, &column->output, &is_varlena);
  getTypeInputInfo(column->type, &column->input, &column->input_param);
  column->equals = equality_operator(column->type);
  if (attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS) {
    column->origin = KeyOrigin::server;
  } else {
    column->origin = attribute->atthasdef || attribute->attidentity != '\0' ? KeyOrigin::either : KeyOrigin::client;
  }
}

bool is_among(ArrayType* names, const NameData& name) {
  Datum* elements;
  int count;
  deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, nullptr, &count);
  for (int i = 0; i < count; i++) {
    if (std::strcmp(NameStr(*DatumGetName(elements[i])), NameStr(name)) == 0) return true;
  }
  return false;
}

// From converge.collection's row, in CurrentMemoryContext.
Collection* build(Relation relation, TupleDesc row_description, HeapTuple row) {
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, row_description, values, nulls);

  auto* collection = static_cast<Collection*>(palloc0(sizeof(Collection)));
  collection->relation = RelationGetRelid(relation);
  collection->tracked = DatumGetObjectId(values[kRelation - 1]);
  collection->number = DatumGetInt32(values[kCollection - 1]);
  collection->name = TextDatumGetCString(values[kName - 1]);
  collection->sql_name =
      quote_qualified_identifier(get_namespace_name(get_rel_namespace(collection->tracked)),
                                 get_rel_name(collection->tracked));
  describe_key_column(relation, NameStr(*DatumGetName(values[kTenantColumn - 1])), &collection->tenant);

  Datum* keys;
  int key_count;
  deconstruct_array(DatumGetArrayTypeP(values[kKeyColumns - 1]), NAMEOID, NAMEDATALEN, false,
                    TYPALIGN_CHAR, &keys, nullptr, &key_count);
  if (key_count > kMaxKeyColumns) elog(ERROR, "collection %d has %d key columns", collection->number, key_count);
  for (int i = 0; i < key_count; i++) {
    describe_key_column(relation, NameStr(*DatumGetName(keys[i])), &collection->keys[i]);
  }
  collection->key_count = key_count;

  ArrayType* deferred = DatumGetArrayTypeP(values[kDeferred - 1]);
  const FieldNames names = field_names(collection->number);
  TupleDesc description = RelationGetDescr(relation);
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    FieldType type;
    if (!is_field(attribute, &type)) continue;
    if (collection->field_count == kMaxFields) {
      ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
                      errmsg("tracked table \"%s\" has more than %d CRDT columns",
                             RelationGetRelationName(relation), kMaxFields)));
    }
    Field* field = &collection->fields[collection->field_count++];
    field->column = attribute->attname;
    namestrcpy(&field->name, field_name(names, relation, NameStr(attribute->attname)));
    field->attribute = attribute->attnum;
    field->type = type;
    field->type_oid = attribute->atttypid;
    field->deferred = is_among(deferred, attribute->attname) && !policies_watch(relation, attribute->attnum);
  }

  if (!nulls[kKeep - 1]) {
    collection->keep = static_cast<Interval*>(palloc(sizeof(Interval)));
    *collection->keep = *DatumGetIntervalP(values[kKeep - 1]);
  }

  // Columns that were dropped are passed over.
  ArrayType* included = DatumGetArrayTypeP(values[kIncluded - 1]);
  const char* deletion = nulls[kDeletionColumn - 1] ? "" : NameStr(*DatumGetName(values[kDeletionColumn - 1]));
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    FieldType type;
    if (attribute->attisdropped) continue;
    if (std::strcmp(NameStr(attribute->attname), deletion) == 0) {
      collection->deletion = {attribute->attname, attribute->attnum};
    }
    if (is_among(included, attribute->attname) && !field_type_of(attribute->atttypid, &type) &&
        collection->included_count < kMaxIncluded) {
      collection->included[collection->included_count++] = {attribute->attname, attribute->attnum};
    }
  }
  collection->policy_columns = policy_columns(relation, collection->tracked, &collection->policy_column_count);
  return collection;
}

// converge.collection's row for a table; palloc'd, or null.
HeapTuple find_row(Relation table, Oid relation) {
  ScanKeyData key;
  ScanKeyInit(&key, kRelation, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
  return find_owned(table, owned_oid("collection_relation_key"), 1, &key);
}

Collection* load(Relation relation) {
  OwnedTable table("collection", AccessShareLock);
  HeapTuple row = find_row(table.relation, RelationGetRelid(relation));
  if (!HeapTupleIsValid(row) && relation->rd_rel->relispartition) {
    ListCell* cell;
    foreach (cell, get_partition_ancestors(RelationGetRelid(relation))) {
      row = find_row(table.relation, lfirst_oid(cell));
      if (HeapTupleIsValid(row)) break;
    }
  }
  Collection* collection =
      HeapTupleIsValid(row) ? build(relation, RelationGetDescr(table.relation), row) : nullptr;
  table.close();
  return collection;
}

// The collection with that key on one of the unique indexes.
Collection* find_collection(const char* index, ScanKey key) {
  OwnedTable table("collection", AccessShareLock);
  HeapTuple row = find_owned(table.relation, owned_oid(index), 1, key);
  Oid tracked = InvalidOid;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    tracked = DatumGetObjectId(heap_getattr(row, kRelation, RelationGetDescr(table.relation), &is_null));
  }
  table.close();
  if (!OidIsValid(tracked)) return nullptr;
  Relation relation = try_relation_open(tracked, AccessShareLock);
  if (relation == nullptr) return nullptr;
  Collection* collection = collection_of(relation);
  relation_close(relation, NoLock);
  return collection;
}

// The collection that had the name when it was last looked up, if the table still is
// it: its definition as it was read tells so, once the lock has brought the news.
Collection* known_collection(const char* name) {
  if (names == nullptr || std::strlen(name) > kMaxNameBytes) return nullptr;
  const auto* named = static_cast<NamedCollection*>(hash_search(names, name, HASH_FIND, nullptr));
  if (named == nullptr) return nullptr;
  const Oid tracked = named->tracked;
  LockRelationOid(tracked, AccessShareLock);
  const auto* entry = static_cast<CacheEntry*>(hash_search(cache, &tracked, HASH_FIND, nullptr));
  if (entry != nullptr && entry->valid && entry->collection != nullptr &&
      std::strcmp(entry->collection->name, name) == 0) {
    return entry->collection;
  }
  UnlockRelationOid(tracked, AccessShareLock);
  return nullptr;
}

void remember_name(const char* name, Oid tracked) {
  if (names == nullptr || std::strlen(name) > kMaxNameBytes) return;
  static_cast<NamedCollection*>(hash_search(names, name, HASH_ENTER, nullptr))->tracked = tracked;
}

}  // namespace

Collection* collection_of(Relation relation) {
  if (cache == nullptr) start_cache();
  const Oid id = RelationGetRelid(relation);
  bool found;
  auto* entry = static_cast<CacheEntry*>(hash_search(cache, &id, HASH_ENTER, &found));
  if (!found) {
    entry->valid = false;
    entry->context = nullptr;
    entry->collection = nullptr;
  }
  if (entry->valid) return entry->collection;

  retire(entry);
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "converge collection", ALLOCSET_SMALL_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  // Invalidations that come while the catalogs are read make the entry invalid
  // again: it is marked valid first.
  entry->valid = true;
  Collection* collection = nullptr;
  PG_TRY();
  { collection = load(relation); }
  PG_CATCH();
  {
    entry->valid = false;
    PG_RE_THROW();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(old);
  MemoryContextSetParent(context, CacheMemoryContext);
  entry->context = context;
  entry->collection = collection;
  return collection;
}

Collection* collection_named(const char* name) {
  if (Collection* known = known_collection(name)) return known;
  ScanKeyData key;
  ScanKeyInit(&key, kName, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
  Collection* found = find_collection("collection_name_key", &key);
  if (found != nullptr) remember_name(name, found->tracked);
  return found;
}

Collection* collection_numbered(std::int32_t number) {
  ScanKeyData key;
  ScanKeyInit(&key, kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(number));
  return find_collection("collection_pkey", &key);
}

const Field* find_field(const Collection* collection, const char* name) {
  for (int i = 0; i < collection->field_count; i++) {
    if (std::strcmp(NameStr(collection->fields[i].name), name) == 0) return &collection->fields[i];
  }
  return nullptr;
}

bool field_type_of(Oid type, FieldType* field_type) {
  HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(getBaseType(type)));
  if (!HeapTupleIsValid(tuple)) return false;
  auto* form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
  bool found = false;
  if (form->typnamespace == get_namespace_oid("converge", true)) {
    for (int i = static_cast<int>(FieldType::lww_map); i <= static_cast<int>(FieldType::ydoc); i++) {
      if (field_type_name(static_cast<FieldType>(i)) == NameStr(form->typname)) {
        *field_type = static_cast<FieldType>(i);
        found = true;
      }
    }
  }
  ReleaseSysCache(tuple);
  return found;
}

bool is_field(const FormData_pg_attribute* column, FieldType* field_type) {
  return !column->attisdropped && column->attgenerated == '\0' && field_type_of(column->atttypid, field_type);
}

const FormData_pg_attribute* column_named(Relation relation, const char* name) {
  TupleDesc description = RelationGetDescr(relation);
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    if (!attribute->attisdropped && std::strcmp(NameStr(attribute->attname), name) == 0) return attribute;
  }
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                  errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(relation))));
}

void check_table_owner(Oid relation) {
  if (!OWNS_TABLE(relation)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
}

void set_keep(Relation tracked, const Interval* keep) {
  OwnedTable table("collection", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, RelationGetRelid(tracked));
  if (!HeapTupleIsValid(row)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("table \"%s\" is not tracked", RelationGetRelationName(tracked))));
  }
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  nulls[kKeep - 1] = keep == nullptr;
  values[kKeep - 1] = IntervalPGetDatum(keep);
  table.update(row, values, nulls);
  table.close();
  forget_collection(RelationGetRelid(tracked));
}

void set_deferred(Oid tracked, ArrayType* fields) {
  OwnedTable table("collection", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, tracked);
  if (!HeapTupleIsValid(row)) elog(ERROR, "relation %u is not tracked", tracked);
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  values[kDeferred - 1] = PointerGetDatum(fields);
  table.update(row, values, nulls);
  table.close();
  forget_collection(tracked);
}

std::int32_t collection_number(Oid relation) {
  OwnedTable table("collection", AccessShareLock);
  std::int32_t number = 0;
  if (HeapTuple row = find_row(table.relation, relation); HeapTupleIsValid(row)) {
    bool is_null;
    number = DatumGetInt32(heap_getattr(row, kCollection, RelationGetDescr(table.relation), &is_null));
  }
  table.close();
  return number;
}

std::int32_t known_collection_number(Oid relation) {
  if (cache != nullptr) {
    const auto* entry = static_cast<CacheEntry*>(hash_search(cache, &relation, HASH_FIND, nullptr));
    if (entry != nullptr && entry->valid && entry->collection != nullptr && entry->collection->tracked == relation) {
      return entry->collection->number;
    }
  }
  return collection_number(relation);
}

Oid* tracked_tables(int* count) {
  OwnedTable table("collection", AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, InvalidOid, false, snapshot, 0, nullptr);
  List* found = NIL;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    bool is_null;
    found = lappend_oid(found, DatumGetObjectId(heap_getattr(row, kRelation, RelationGetDescr(table.relation), &is_null)));
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  *count = list_length(found);
  auto* tables = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(*count + 1)));
  for (int i = 0; i < *count; i++) tables[i] = list_nth_oid(found, i);
  return tables;
}

void rename_collection_column(Oid tracked, const char* old_name, const char* new_name) {
  OwnedTable table("collection", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, tracked);
  if (!HeapTupleIsValid(row)) elog(ERROR, "relation %u is not tracked", tracked);
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  NameData renamed;
  namestrcpy(&renamed, new_name);
  for (const AttrNumber column : {kTenantColumn, kDeletionColumn}) {
    if (!nulls[column - 1] && std::strcmp(NameStr(*DatumGetName(values[column - 1])), old_name) == 0) {
      values[column - 1] = NameGetDatum(&renamed);
    }
  }
  for (const AttrNumber column : {kKeyColumns, kDeferred, kIncluded}) {
    Datum* names;
    int count;
    deconstruct_array(DatumGetArrayTypeP(values[column - 1]), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names,
                      nullptr, &count);
    for (int i = 0; i < count; i++) {
      if (std::strcmp(NameStr(*DatumGetName(names[i])), old_name) == 0) names[i] = NameGetDatum(&renamed);
    }
    values[column - 1] =
        PointerGetDatum(construct_array(names, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
  }
  table.update(row, values, nulls);
  table.close();
  rename_field_column(DatumGetInt32(values[kCollection - 1]), old_name, new_name);
  forget_collection(tracked);
}

void forget_collection(Oid tracked) { CacheInvalidateRelcacheByRelid(tracked); }

char* collection_name(Oid relation) {
  const char* schema = get_namespace_name(get_rel_namespace(relation));
  const char* name = get_rel_name(relation);
  return std::strcmp(schema, "public") == 0 ? pstrdup(name) : psprintf("%s.%s", schema, name);
}

}  // namespace converge

// track() and untrack().
#include "extension/documents/capture.h"
#include "extension/documents/collection.h"
#include "extension/documents/deferral.h"
#include "extension/documents/field_name.h"
#include "extension/documents/fold.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/plain_column.h"
#include "extension/security/access_audit.h"
#include "extension/security/administration.h"

#include <cstring>

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(converge_track);
PG_FUNCTION_INFO_V1(converge_untrack);
}

namespace converge {
namespace {

// Triggers fire in the order of their names: the join is the last before the
// row is stored, capture the first after.
constexpr const char* kJoinTrigger = "~converge_join_old";
constexpr const char* kCaptureTrigger = "!converge_capture";
constexpr const char* kTruncateTrigger = "!converge_capture_truncate";

using namespace collection_table;

[[noreturn]] void cannot_track(Relation relation, const char* why, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("cannot track \"%s\"", RelationGetRelationName(relation)),
                  errdetail_internal("%s", why), hint != nullptr ? errhint("%s", hint) : 0));
}

void check_kind(Relation relation) {
  const Form_pg_class form = relation->rd_rel;
  if (form->relkind != RELKIND_RELATION && form->relkind != RELKIND_PARTITIONED_TABLE) {
    cannot_track(relation, "It is not a table.", nullptr);
  }
  if (IsCatalogRelation(relation) || form->relnamespace == get_namespace_oid("converge", false)) {
    cannot_track(relation, "It is a table of the system or of converge.", nullptr);
  }
  if (form->relpersistence != RELPERSISTENCE_PERMANENT) {
    cannot_track(relation, "It is temporary or unlogged.", nullptr);
  }
  if (form->relispartition) {
    cannot_track(relation, "It is a partition.", "Track the partitioned table.");
  }
  if (form->relkind == RELKIND_RELATION &&
      (has_superclass(RelationGetRelid(relation)) ||
       find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)) {
    cannot_track(relation, "It inherits from a table, or is inherited from.", nullptr);
  }
}

// Whether a type's text is the same whatever the session's settings are: a key's
// text names the document for everybody.
bool has_stable_text(Oid type) {
  switch (getBaseType(type)) {
    case BOOLOID:
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case NUMERICOID:
    case OIDOID:
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
    case NAMEOID:
    case UUIDOID:
      return true;
    default:
      return type_is_enum(getBaseType(type));
  }
}

// The primary key's columns without the tenant's, in the key's order.
int check_key(Relation relation, const FormData_pg_attribute* tenant, NameData* keys) {
  const Oid key = PRIMARY_KEY_INDEX(relation);
  if (!OidIsValid(key)) {
    cannot_track(relation, "It has no primary key, or a deferrable one.",
                 "Give it one that holds the tenant's column and the document's key.");
  }
  Relation index = index_open(key, AccessShareLock);
  int count = 0;
  bool has_tenant = false;
  for (int i = 0; i < index->rd_index->indnkeyatts; i++) {
    const FormData_pg_attribute* column =
        TupleDescAttr(RelationGetDescr(relation), index->rd_index->indkey.values[i] - 1);
    if (OidIsValid(column->attcollation) && !get_collation_isdeterministic(column->attcollation)) {
      cannot_track(relation, psprintf("Column \"%s\" of its primary key has a nondeterministic collation.",
                                      NameStr(column->attname)), nullptr);
    }
    if (!has_stable_text(column->atttypid)) {
      cannot_track(relation, psprintf("Column \"%s\" of its primary key has type %s.", NameStr(column->attname),
                                      format_type_be(column->atttypid)),
                   "A document is named by text, uuid, integer, numeric, boolean or enum columns.");
    }
    if (column->attnum == tenant->attnum) {
      has_tenant = true;
      continue;
    }
    if (count == kMaxKeyColumns) cannot_track(relation, "Its primary key has too many columns.", nullptr);
    keys[count++] = column->attname;
  }
  index_close(index, AccessShareLock);
  if (!has_tenant) {
    cannot_track(relation, psprintf("Its primary key does not hold the tenant's column \"%s\".",
                                    NameStr(tenant->attname)),
                 "Each tenant names its documents by itself: make the primary key (tenant, key).");
  }
  if (count == 0) cannot_track(relation, "Its primary key is the tenant's column alone.", nullptr);
  return count;
}

void check_fields(Relation relation) {
  TupleDesc description = RelationGetDescr(relation);
  int count = 0;
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    FieldType type;
    if (!is_field(attribute, &type)) continue;
    if (!attribute->attnotnull) {
      cannot_track(relation, psprintf("Column \"%s\" may be null, and an edit of null is null.",
                                      NameStr(attribute->attname)),
                   "Declare it NOT NULL DEFAULT ''.");
    }
    count++;
  }
  if (count == 0) {
    cannot_track(relation, "It has no column of a CRDT type.",
                 "Give it one of type converge.crdt_text, converge.lww_map or another.");
  }
  if (count > kMaxFields) {
    cannot_track(relation, psprintf("It has %d columns of CRDT types; the limit is %d.", count, kMaxFields),
                 nullptr);
  }
}

// A BEFORE UPDATE trigger that fires after the join could store what loses history,
// and what an AFTER trigger does to a row before it is captured would be logged
// before the row is a document.
void check_triggers(Relation relation) {
  const TriggerDesc* triggers = relation->trigdesc;
  if (triggers == nullptr) return;
  for (int i = 0; i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_BEFORE(trigger.tgtype) &&
        TRIGGER_FOR_UPDATE(trigger.tgtype) && std::strcmp(trigger.tgname, kJoinTrigger) > 0) {
      cannot_track(relation, psprintf("Trigger \"%s\" would fire after converge's own.", trigger.tgname),
                   "Rename it so that it sorts before \"~\".");
    }
    if (TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_AFTER(trigger.tgtype) &&
        std::strcmp(trigger.tgname, kCaptureTrigger) < 0) {
      cannot_track(relation, psprintf("Trigger \"%s\" would fire before converge's own.", trigger.tgname),
                   psprintf("Rename it so that it sorts after \"%s\".", kCaptureTrigger));
    }
  }
}

ArrayType* name_array(NameData* names, int count) {
  Datum elements[kMaxKeyColumns];
  for (int i = 0; i < count; i++) elements[i] = NameGetDatum(&names[i]);
  return construct_array(elements, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR);
}

HeapTuple find_collection_row(const OwnedTable& table, Oid relation) {
  ScanKeyData key;
  ScanKeyInit(&key, kRelation, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
  return find_owned(table.relation, owned_oid("collection_relation_key"), 1, &key);
}

// What the caller asks of track().
struct Options {
  Name tenant;
  ArrayType* deferred;
  ArrayType* included;
  Name deletion_column;  // null: none
};

void insert_collection(Relation relation, const Options& options, NameData* keys, int key_count) {
  OwnedTable table("collection", RowExclusiveLock);
  char* name = collection_name(RelationGetRelid(relation));
  ScanKeyData key;
  ScanKeyInit(&key, kName, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
  if (HeapTupleIsValid(find_owned(table.relation, owned_oid("collection_name_key"), 1, &key))) {
    ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
                    errmsg("there is a collection \"%s\" already", name),
                    errdetail("A tracked table that had this name was renamed.")));
  }
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kCollection - 1] =
      Int32GetDatum(static_cast<int32>(nextval_internal(owned_oid("collection_collection_seq"), false)));
  values[kName - 1] = CStringGetTextDatum(name);
  values[kRelation - 1] = ObjectIdGetDatum(RelationGetRelid(relation));
  values[kTenantColumn - 1] = NameGetDatum(options.tenant);
  values[kKeyColumns - 1] = PointerGetDatum(name_array(keys, key_count));
  values[kDeferred - 1] = PointerGetDatum(options.deferred);
  values[kIncluded - 1] = PointerGetDatum(options.included);
  nulls[kDeletionColumn - 1] = options.deletion_column == nullptr;
  values[kDeletionColumn - 1] = NameGetDatum(options.deletion_column);
  nulls[kKeep - 1] = true;
  table.insert(values, nulls);
  table.close();
}

// The table is tracked already: its options are those of this call from now on.
void update_collection(Relation relation, HeapTuple row, const Options& options, NameData* keys, int key_count) {
  OwnedTable table("collection", RowExclusiveLock);
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  ArrayType* before = DatumGetArrayTypeP(values[kKeyColumns - 1]);
  ArrayType* now = name_array(keys, key_count);
  if (std::strcmp(NameStr(*DatumGetName(values[kTenantColumn - 1])), NameStr(*options.tenant)) != 0 ||
      VARSIZE(before) != VARSIZE(now) || std::memcmp(before, now, VARSIZE(now)) != 0) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("tenant and key of tracked table \"%s\" have changed", RelationGetRelationName(relation)),
                    errdetail("They name the documents."),
                    errhint("Call converge.untrack() first: all rows will be new documents.")));
  }
  // An immediate field's row is always up to date.
  fold_collection(collection_of(relation));
  values[kDeferred - 1] = PointerGetDatum(options.deferred);
  values[kIncluded - 1] = PointerGetDatum(options.included);
  nulls[kDeletionColumn - 1] = options.deletion_column == nullptr;
  values[kDeletionColumn - 1] = NameGetDatum(options.deletion_column);
  table.update(row, values, nulls);
  table.close();
}

// Runs DDL on the table as its owner.
void execute_as_owner(Relation relation, const char* sql) {
  Oid caller;
  int context;
  GetUserIdAndSecContext(&caller, &context);
  SetUserIdAndSecContext(relation->rd_rel->relowner, context | SECURITY_LOCAL_USERID_CHANGE);
  SPI_connect();
  if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY) elog(ERROR, "could not execute \"%s\"", sql);
  SPI_finish();
  SetUserIdAndSecContext(caller, context);
}

char* qualified_name(Relation relation) {
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                    RelationGetRelationName(relation));
}

// Unless it is there.
void create_trigger(Relation relation, const char* name, const char* event, const char* each,
                    const char* function) {
  if (OidIsValid(get_trigger_oid(RelationGetRelid(relation), name, true))) return;
  execute_as_owner(relation, psprintf("CREATE TRIGGER %s %s ON %s FOR EACH %s EXECUTE FUNCTION converge.%s()",
                                      quote_identifier(name), event, qualified_name(relation), each, function));
}

// Grants name the collection by a number that it will not have again.
void forget_grants(void* number) {
  Datum values[1] = {Int32GetDatum(*static_cast<std::int32_t*>(number))};
  Oid types[1] = {INT4OID};
  SPI_connect();
  const int code = SPI_execute_with_args("DELETE FROM converge.permission WHERE collection OPERATOR(pg_catalog.=) $1", 1,
                                         types, values, nullptr, false, 0);
  if (code != SPI_OK_DELETE) elog(ERROR, "could not forget the grants of a collection");
  SPI_finish();
}

}  // namespace
}  // namespace converge

using namespace converge;

// In 0.1 it had three arguments, and was strict.
extern "C" PGDLLEXPORT Datum converge_track(PG_FUNCTION_ARGS) {
  const bool has_options = PG_NARGS() > 3;
  for (int i = 0; i < Min(PG_NARGS(), 4); i++) {
    if (PG_ARGISNULL(i)) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("only the deletion column may be null in a call of track()")));
    }
  }
  const Oid id = PG_GETARG_OID(0);
  const Options options{
      PG_GETARG_NAME(1),
      PG_GETARG_ARRAYTYPE_P(2),
      has_options ? PG_GETARG_ARRAYTYPE_P(3) : construct_empty_array(NAMEOID),
      has_options && !PG_ARGISNULL(4) ? PG_GETARG_NAME(4) : nullptr,
  };

  // First, so that nobody else can hold up the table's users.
  check_table_owner(id);
  // As CREATE TRIGGER: nobody writes from here on until this commits, so that
  // every row is either logged below or captured.
  Relation relation = relation_open(id, ShareRowExclusiveLock);
  check_kind(relation);
  NameData keys[kMaxKeyColumns];
  const int key_count = check_key(relation, column_named(relation, NameStr(*options.tenant)), keys);
  check_fields(relation);
  check_deferrable(relation, options.deferred);
  check_included(relation, options.included);
  if (options.deletion_column != nullptr) check_deletion_column(relation, NameStr(*options.deletion_column));
  check_triggers(relation);

  OwnedTable table("collection", RowExclusiveLock);
  HeapTuple row = find_collection_row(table, id);
  table.close();
  const bool is_new = !HeapTupleIsValid(row);
  if (!is_new) {
    record_fields(relation, collection_number(id));
    forget_collection(id);
    CommandCounterIncrement();
    update_collection(relation, row, options, keys, key_count);
  } else {
    insert_collection(relation, options, keys, key_count);
    CommandCounterIncrement();
    record_fields(relation, collection_number(id));
  }
  forget_collection(id);
  create_trigger(relation, kJoinTrigger, "BEFORE UPDATE", "ROW", "join_old");
  create_trigger(relation, kCaptureTrigger, "AFTER INSERT OR UPDATE OR DELETE", "ROW", "capture");
  create_trigger(relation, kTruncateTrigger, "BEFORE TRUNCATE", "STATEMENT", "capture_truncate");
  for_each_row(id, is_new ? log_inserted_row : log_unlogged_row);
  record_table_event("track", id, is_new ? "" : "with other options");
  relation_close(relation, NoLock);
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_untrack(PG_FUNCTION_ARGS) {
  const Oid id = PG_GETARG_OID(0);
  check_table_owner(id);
  Relation relation = relation_open(id, AccessExclusiveLock);
  OwnedTable table("collection", RowExclusiveLock);
  HeapTuple row = find_collection_row(table, id);
  if (!HeapTupleIsValid(row)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("table \"%s\" is not tracked", RelationGetRelationName(relation))));
  }
  // The rows keep all that was acknowledged.
  fold_collection(collection_of(relation));
  std::int32_t number = collection_number(id);
  forget_fields(number);
  as_owner(forget_grants, &number);
  table.remove(row->t_self);
  table.close();
  forget_collection(id);
  for (const char* trigger : {kJoinTrigger, kCaptureTrigger, kTruncateTrigger}) {
    execute_as_owner(relation, psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_identifier(trigger),
                                        qualified_name(relation)));
  }
  record_table_event("untrack", id, "");
  relation_close(relation, NoLock);
  PG_RETURN_VOID();
}

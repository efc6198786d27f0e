#include "extension/documents/row.h"

#include <cstring>

#include "extension/documents/row_lock_plan.h"
#include "extension/security/identity.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace converge {

// Prepared statements of one collection, saved beyond the transaction.
struct RowPlans {
  SPIPlanPtr visible;
  struct {
    SPIPlanPtr statement;
    RowLockPlan* plan;
  } lock, lock_and_tell;  // which version
  SPIPlanPtr read;
  SPIPlanPtr read_plain;
  // By the set of fields. When all are taken, further sets are planned each
  // time: one that gave way might be running up the stack.
  static constexpr int kUpdates = 16;
  struct {
    std::uint64_t mask;
    SPIPlanPtr plan;
  } updates[kUpdates];
  int update_count;
};

namespace {

constexpr int kMaxArguments = 1 + kMaxKeyColumns + kMaxFields;

struct Arguments {
  Oid types[kMaxArguments];
  Datum values[kMaxArguments];
  int count;
};

Datum column_value(const KeyColumn& column, const char* text) {
  if (column.input == F_TEXTIN) return CStringGetTextDatum(text);
  return OidInputFunctionCall(column.input, const_cast<char*>(text), column.input_param, -1);
}

[[noreturn]] void no_key(const Collection* collection) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("document key is not a JSON array of %d texts", collection->key_count)));
}

// The arguments that find the row: tenant, then the key's columns.
void fill_key(const Collection* collection, const RowRef& ref, Arguments* arguments) {
  arguments->types[0] = collection->tenant.type;
  arguments->values[0] = column_value(collection->tenant, ref.tenant);
  const char* texts[kMaxKeyColumns];
  split_key(collection, ref.key, texts);
  for (int i = 0; i < collection->key_count; i++) {
    if (texts[i] == nullptr) no_key(collection);
    arguments->types[1 + i] = collection->keys[i].type;
    arguments->values[1 + i] = column_value(collection->keys[i], texts[i]);
  }
  arguments->count = 1 + collection->key_count;
}

void append_condition(StringInfo sql, const KeyColumn& column, int argument) {
  appendStringInfo(sql, "%s %s OPERATOR(%s) $%d", argument == 1 ? " WHERE" : " AND",
                   quote_identifier(NameStr(column.name)), column.equals, argument);
}

void append_conditions(StringInfo sql, const Collection* collection) {
  append_condition(sql, collection->tenant, 1);
  for (int i = 0; i < collection->key_count; i++) {
    append_condition(sql, collection->keys[i], 2 + i);
  }
}

RowPlans* plans_of(Collection* collection) {
  if (collection->plans == nullptr) {
    collection->plans =
        static_cast<RowPlans*>(MemoryContextAllocZero(GetMemoryChunkContext(collection), sizeof(RowPlans)));
  }
  return collection->plans;
}

// Call within SPI; the plan goes with it.
SPIPlanPtr prepare(const char* sql, const Arguments& arguments) {
  SPIPlanPtr plan = SPI_prepare(sql, arguments.count, const_cast<Oid*>(arguments.types));
  if (plan == nullptr) elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
  return plan;
}

SPIPlanPtr prepare_to_keep(const char* sql, const Arguments& arguments) {
  SPIPlanPtr plan = prepare(sql, arguments);
  if (SPI_keepplan(plan) != 0) elog(ERROR, "could not keep the plan of \"%s\"", sql);
  return plan;
}

std::uint64_t execute(SPIPlanPtr plan, Arguments* arguments, bool read_only) {
  const int code = SPI_execute_plan(plan, arguments->values, nullptr, read_only, 0);
  if (code < 0) elog(ERROR, "could not touch a document's row: %s", SPI_result_code_string(code));
  return SPI_processed;
}

struct varlena* copy_to(MemoryContext context, Datum value) {
  MemoryContext old = MemoryContextSwitchTo(context);
  auto* copy = reinterpret_cast<struct varlena*>(DatumGetPointer(datumCopy(value, false, -1)));
  MemoryContextSwitchTo(old);
  return copy;
}

char* column_text(const KeyColumn& column, HeapTuple row, TupleDesc description) {
  bool is_null;
  Datum value = heap_getattr(row, column.attribute, description, &is_null);
  if (is_null) {
    ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                    errmsg("null value in column \"%s\" of a tracked table", NameStr(column.name))));
  }
  return OidOutputFunctionCall(column.output, value);
}

void check_length(const char* what, const char* text, int limit) {
  const int length = static_cast<int>(std::strlen(text));
  if (length > limit) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s of a tracked row is too long", what),
                    errdetail("It has %d bytes; the limit is %d.", length, limit)));
  }
}

}  // namespace

char* join_key(const Collection* collection, const char* const* texts) {
  if (collection->key_count == 1) return pstrdup(texts[0]);
  StringInfoData json;
  initStringInfo(&json);
  for (int i = 0; i < collection->key_count; i++) {
    appendStringInfoString(&json, i == 0 ? "[" : ", ");
    escape_json(&json, texts[i]);
  }
  appendStringInfoChar(&json, ']');
  return json.data;
}

void split_key(const Collection* collection, const char* key, const char** texts) {
  if (collection->key_count == 1) {
    texts[0] = key;
    return;
  }
  Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(key));
  JsonbContainer* array = &DatumGetJsonbP(json)->root;
  if (!JsonContainerIsArray(array) || JsonContainerIsScalar(array) ||
      static_cast<int>(JsonContainerSize(array)) != collection->key_count) {
    no_key(collection);
  }
  for (int i = 0; i < collection->key_count; i++) {
    JsonbValue* value = getIthJsonbValueFromContainer(array, static_cast<uint32>(i));
    if (value->type != jbvString && value->type != jbvNull) no_key(collection);
    texts[i] = value->type == jbvNull ? nullptr : pnstrdup(value->val.string.val, value->val.string.len);
  }
}

RowRef ref_of(const Collection* collection, HeapTuple row, TupleDesc description) {
  RowRef ref;
  ref.tenant = column_text(collection->tenant, row, description);
  check_length("tenant", ref.tenant, kMaxTenantBytes);
  if (ref.tenant[0] == '\0') {
    ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("tenant of a tracked row is empty")));
  }
  const char* texts[kMaxKeyColumns];
  for (int i = 0; i < collection->key_count; i++) texts[i] = column_text(collection->keys[i], row, description);
  ref.key = join_key(collection, texts);
  check_length("key", ref.key, kMaxKeyBytes);
  return ref;
}

bool row_is_visible(Collection* collection, const RowRef& ref, bool read_only) {
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  RowPlans* plans = plans_of(collection);
  if (plans->visible == nullptr) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "SELECT FROM %s", collection->sql_name);
    append_conditions(&sql, collection);
    plans->visible = prepare_to_keep(sql.data, arguments);
  }
  const bool visible = execute(plans->visible, &arguments, read_only) > 0;
  SPI_finish();
  return visible;
}

namespace {

// The statement that locks the row. `tells`: it gives the row's table and place, which
// needs the privilege to read every column.
SPIPlanPtr lock_statement(const Collection* collection, bool tells, const Arguments& arguments) {
  StringInfoData sql;
  SPI_connect();
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT %s FROM %s", tells ? "tableoid, ctid" : "", collection->sql_name);
  append_conditions(&sql, collection);
  appendStringInfoString(&sql, " FOR NO KEY UPDATE");
  SPIPlanPtr statement = prepare_to_keep(sql.data, arguments);
  SPI_finish();
  return statement;
}

ParamListInfo parameters(const Arguments& arguments) {
  ParamListInfo list = makeParamList(arguments.count);
  for (int i = 0; i < arguments.count; i++) {
    list->params[i] = {arguments.values[i], false, PARAM_FLAG_CONST, arguments.types[i]};
  }
  return list;
}

// Through the executor. `locked`: null where the statement does not tell.
bool execute_lock(SPIPlanPtr statement, Arguments* arguments, LockedRow* locked) {
  SPI_connect();
  const bool is_locked = execute(statement, arguments, false) > 0;
  if (is_locked && locked != nullptr) {
    HeapTuple row = SPI_tuptable->vals[0];
    bool is_null;
    locked->table = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
    const Datum tid = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null);
    locked->tid = *static_cast<ItemPointer>(static_cast<void*>(DatumGetPointer(tid)));
  }
  SPI_finish();
  return is_locked;
}

}  // namespace

bool lock_row(Collection* collection, const RowRef& ref, LockedRow* locked) {
  const bool tells =
      locked != nullptr && pg_class_aclcheck(collection->tracked, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "converge lock of a row", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(context);
  Arguments arguments;
  fill_key(collection, ref, &arguments);
  RowPlans* plans = plans_of(collection);
  auto* lock = tells ? &plans->lock_and_tell : &plans->lock;
  if (lock->statement == nullptr) lock->statement = lock_statement(collection, tells, arguments);
  if (locked != nullptr) locked->table = InvalidOid;
  LockedRow row;
  const RowLockResult result = run_row_lock(&lock->plan, lock->statement, parameters(arguments), &row);
  bool is_locked = result == RowLockResult::locked;
  if (result == RowLockResult::not_run) {
    is_locked = execute_lock(lock->statement, &arguments, tells ? locked : nullptr);
  } else if (is_locked && tells) {
    *locked = row;
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
  return is_locked;
}

namespace {

// The kept statement that sets the fields in `mask`, of which there are values behind the
// key's; when all places are taken, one that goes with SPI.
SPIPlanPtr update_statement(Collection* collection, std::uint64_t mask, const Arguments& arguments) {
  RowPlans* plans = plans_of(collection);
  for (int i = 0; i < plans->update_count; i++) {
    if (plans->updates[i].mask == mask) return plans->updates[i].plan;
  }
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "UPDATE %s SET", collection->sql_name);
  const int key_arguments = 1 + collection->key_count;
  int argument = key_arguments;
  for (int i = 0; i < collection->field_count; i++) {
    if ((mask >> i & 1) == 0) continue;
    const Field& field = collection->fields[i];
    appendStringInfo(&sql, "%s %s = $%d", argument == key_arguments ? "" : ",", quote_identifier(NameStr(field.column)),
                     argument + 1);
    argument++;
  }
  append_conditions(&sql, collection);
  if (plans->update_count == RowPlans::kUpdates) return prepare(sql.data, arguments);
  SPIPlanPtr plan = prepare_to_keep(sql.data, arguments);
  plans->updates[plans->update_count++] = {mask, plan};
  return plan;
}

RowLockResult may_update_row(Collection* collection, const Field& field, Arguments arguments) {
  SPI_connect();
  arguments.types[arguments.count] = field.type_oid;
  arguments.values[arguments.count++] = Datum{0};
  const std::uint64_t mask = std::uint64_t{1} << (&field - collection->fields);
  SPIPlanPtr statement = update_statement(collection, mask, arguments);
  ParamListInfo list = parameters(arguments);
  list->params[arguments.count - 1].isnull = true;
  const RowLockResult result = ask_update(statement, list, NameStr(field.column));
  SPI_finish();
  return result;
}

}  // namespace

bool may_write_row(Collection* collection, const RowRef& ref, const Field& field, bool watched) {
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "converge question", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(context);
  Arguments arguments;
  fill_key(collection, ref, &arguments);
  RowLockResult result = watched ? may_update_row(collection, field, arguments) : RowLockResult::not_run;
  if (result == RowLockResult::not_run) {
    auto* lock = &plans_of(collection)->lock;
    if (lock->statement == nullptr) lock->statement = lock_statement(collection, false, arguments);
    const bool may = ask_row_lock(&lock->plan, lock->statement, parameters(arguments));
    result = may ? RowLockResult::locked : RowLockResult::none;
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
  return result == RowLockResult::locked;
}

bool read_locked_row(const Collection* collection, const LockedRow& locked, struct varlena** values) {
  // (A partition's columns may stand in another order.)
  if (!OidIsValid(locked.table) || locked.table != collection->relation) return false;
  Relation table = table_open(locked.table, NoLock);
  TupleTableSlot* slot = table_slot_create(table, nullptr);
  ItemPointerData tid = locked.tid;
  const bool found = table_tuple_fetch_row_version(table, &tid, SnapshotSelf, slot);
  for (int i = 0; found && i < collection->field_count; i++) {
    bool is_null;
    const Datum value = slot_getattr(slot, collection->fields[i].attribute, &is_null);
    values[i] = is_null ? nullptr : copy_to(CurrentMemoryContext, value);
  }
  ExecDropSingleTupleTableSlot(slot);
  table_close(table, NoLock);
  return found;
}

bool lock_row_or_see(Collection* collection, const RowRef& ref, bool* visible, LockedRow* locked) {
  // The wait for a row that then is deleted ends without a row, although a new
  // one may be there by now: each attempt looks with a new snapshot.
  constexpr int kAttempts = 5;
  *visible = true;
  for (int i = 0; i < kAttempts; i++) {
    if (lock_row(collection, ref, locked)) return true;
    *visible = row_is_visible(collection, ref, false);
    if (!*visible) return false;
  }
  return false;
}

bool read_row(Collection* collection, const RowRef& ref, bool read_only, struct varlena** values) {
  MemoryContext caller = CurrentMemoryContext;
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  RowPlans* plans = plans_of(collection);
  if (plans->read == nullptr) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT");
    for (int i = 0; i < collection->field_count; i++) {
      appendStringInfo(&sql, "%s %s", i == 0 ? "" : ",", quote_identifier(NameStr(collection->fields[i].column)));
    }
    appendStringInfo(&sql, " FROM %s", collection->sql_name);
    append_conditions(&sql, collection);
    plans->read = prepare_to_keep(sql.data, arguments);
  }
  const bool found = execute(plans->read, &arguments, read_only) > 0;
  if (found) {
    for (int i = 0; i < collection->field_count; i++) {
      bool is_null;
      Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null);
      values[i] = is_null ? nullptr : copy_to(caller, value);
    }
  }
  SPI_finish();
  return found;
}

std::uint64_t update_row(Collection* collection, const RowRef& ref, std::uint64_t mask,
                         struct varlena* const* values) {
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  for (int i = 0; i < collection->field_count; i++) {
    if ((mask >> i & 1) == 0) continue;
    // The column's own type: a state's bytes are what it holds.
    arguments.types[arguments.count] = collection->fields[i].type_oid;
    arguments.values[arguments.count++] = PointerGetDatum(values[i]);
  }
  const std::uint64_t updated = execute(update_statement(collection, mask, arguments), &arguments, false);
  SPI_finish();
  return updated;
}

std::uint64_t insert_row(Collection* collection, const RowRef& ref, std::uint64_t mask,
                         struct varlena* const* values) {
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  StringInfoData sql, parameters;
  initStringInfo(&sql);
  initStringInfo(&parameters);
  appendStringInfo(&sql, "INSERT INTO %s (%s", collection->sql_name, quote_identifier(NameStr(collection->tenant.name)));
  appendStringInfoString(&parameters, "$1");
  for (int i = 0; i < collection->key_count; i++) {
    appendStringInfo(&sql, ", %s", quote_identifier(NameStr(collection->keys[i].name)));
    appendStringInfo(&parameters, ", $%d", 2 + i);
  }
  for (int i = 0; i < collection->field_count; i++) {
    if ((mask >> i & 1) == 0) continue;
    arguments.types[arguments.count] = collection->fields[i].type_oid;
    arguments.values[arguments.count++] = PointerGetDatum(values[i]);
    appendStringInfo(&sql, ", %s", quote_identifier(NameStr(collection->fields[i].column)));
    appendStringInfo(&parameters, ", $%d", arguments.count);
  }
  // Who may not choose the key has been told (push_check.cpp).
  appendStringInfo(&sql, ") OVERRIDING SYSTEM VALUE VALUES (%s)", parameters.data);
  const std::uint64_t inserted = execute(prepare(sql.data, arguments), &arguments, false);
  SPI_finish();
  return inserted;
}

std::uint64_t delete_row(Collection* collection, const RowRef& ref) {
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "DELETE FROM %s", collection->sql_name);
  append_conditions(&sql, collection);
  const std::uint64_t deleted = execute(prepare(sql.data, arguments), &arguments, false);
  SPI_finish();
  return deleted;
}

std::uint64_t mark_row(Collection* collection, const RowRef& ref, bool deleted) {
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  const char* column = quote_identifier(NameStr(collection->deletion.name));
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "UPDATE %s SET %s = %s", collection->sql_name, column, deleted ? "pg_catalog.now()" : "NULL");
  append_conditions(&sql, collection);
  appendStringInfo(&sql, " AND %s IS %s NULL", column, deleted ? "" : "NOT");
  const std::uint64_t marked = execute(prepare(sql.data, arguments), &arguments, false);
  SPI_finish();
  return marked;
}

bool read_plain_values(Collection* collection, const RowRef& ref, bool read_only, PlainValues* plain) {
  MemoryContext caller = CurrentMemoryContext;
  Arguments arguments;
  SPI_connect();
  fill_key(collection, ref, &arguments);
  RowPlans* plans = plans_of(collection);
  if (plans->read_plain == nullptr) {
    StringInfoData sql;
    initStringInfo(&sql);
    if (collection->deletion.attribute != InvalidAttrNumber) {
      appendStringInfo(&sql, "SELECT %s IS NOT NULL", quote_identifier(NameStr(collection->deletion.name)));
    } else {
      appendStringInfoString(&sql, "SELECT false");
    }
    for (int i = 0; i < collection->included_count; i++) {
      appendStringInfo(&sql, ", pg_catalog.to_json(%s)", quote_identifier(NameStr(collection->included[i].name)));
    }
    appendStringInfo(&sql, " FROM %s", collection->sql_name);
    append_conditions(&sql, collection);
    plans->read_plain = prepare_to_keep(sql.data, arguments);
  }
  const bool found = execute(plans->read_plain, &arguments, read_only) > 0;
  if (found) {
    HeapTuple row = SPI_tuptable->vals[0];
    bool is_null;
    plain->deleted = DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
    for (int i = 0; i < collection->included_count; i++) {
      const char* value = SPI_getvalue(row, SPI_tuptable->tupdesc, i + 2);
      plain->values[i] = value == nullptr ? "null" : MemoryContextStrdup(caller, value);
    }
  }
  SPI_finish();
  return found;
}

void as_table_owner(Collection* collection, void (*work)(void*), void* argument) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(collection->tracked));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for relation %u", collection->tracked);
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);

  Oid caller;
  int context;
  GetUserIdAndSecContext(&caller, &context);
  // Plans of its own: PostgreSQL plans anew for another role, but does not know
  // that policies were left out of one made here.
  RowPlans* kept = collection->plans;
  collection->plans = collection->owner_plans;
  const int level = NewGUCNestLevel();
  SetUserIdAndSecContext(owner, context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
  PG_TRY();
  {
    work(argument);
    // The owner's triggers are not to change settings of whoever called: he may be a superuser.
    AtEOXact_GUC(false, level);
  }
  PG_FINALLY();
  {
    collection->owner_plans = collection->plans;
    collection->plans = kept;
    SetUserIdAndSecContext(caller, context);
  }
  PG_END_TRY();
}

void free_row_plans(RowPlans* plans) {
  if (plans == nullptr) return;
  for (SPIPlanPtr plan :
       {plans->visible, plans->lock.statement, plans->lock_and_tell.statement, plans->read, plans->read_plain}) {
    if (plan != nullptr) SPI_freeplan(plan);
  }
  for (RowLockPlan* plan : {plans->lock.plan, plans->lock_and_tell.plan}) free_row_lock_plan(plan);
  for (int i = 0; i < plans->update_count; i++) SPI_freeplan(plans->updates[i].plan);
  pfree(plans);
}

}  // namespace converge

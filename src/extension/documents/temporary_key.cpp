#include "extension/documents/temporary_key.h"

#include <cstring>

#include "extension/documents/owned_table.h"
#include "extension/documents/row.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// converge.temporary_key's columns.
enum : AttrNumber { kTenant = 1, kCollection, kPrincipal, kTemporaryKey, kDocument, kMadeAt, kColumns = kMadeAt };

// The value of a key column for a new row, as INSERT would take it, in its text form.
char* make_column(Relation relation, const KeyColumn& column) {
  EState* state = CreateExecutorState();
  auto* expression = reinterpret_cast<Expr*>(build_column_default(relation, column.attribute));
  ExprState* evaluated = ExecPrepareExpr(expression, state);
  bool is_null;
  const Datum value = ExecEvalExprSwitchContext(evaluated, GetPerTupleExprContext(state), &is_null);
  if (is_null) {
    ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                    errmsg("default of key column \"%s\" of table \"%s\" is null", NameStr(column.name),
                           RelationGetRelationName(relation))));
  }
  char* text = OidOutputFunctionCall(column.output, value);
  FreeExecutorState(state);
  return text;
}

}  // namespace

std::int64_t find_temporary_key(const TemporaryKey& name) {
  OwnedTable table("temporary_key", AccessShareLock);
  ScanKeyData keys[4];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name.tenant));
  ScanKeyInit(&keys[1], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(name.collection));
  ScanKeyInit(&keys[2], kPrincipal, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name.principal));
  ScanKeyInit(&keys[3], kTemporaryKey, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name.key));
  std::int64_t document = 0;
  if (HeapTuple row = find_owned(table.relation, owned_oid("temporary_key_pkey"), 4, keys); HeapTupleIsValid(row)) {
    bool is_null;
    document = DatumGetInt64(heap_getattr(row, kDocument, RelationGetDescr(table.relation), &is_null));
  }
  table.close();
  return document;
}

void lock_temporary_key(const TemporaryKey& name) {
  std::uint64_t hash = static_cast<std::uint64_t>(name.collection);
  for (const char* part : {name.tenant, name.principal, name.key}) {
    hash = hash_combine64(hash, hash_bytes_extended(reinterpret_cast<const unsigned char*>(part),
                                                    static_cast<int>(std::strlen(part)), 0));
  }
  // Names that share a lock wait for each other, no more.
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, owned_oid("temporary_key"), static_cast<uint32>(hash),
                     static_cast<uint16>(hash >> 32));
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

void add_temporary_key(const TemporaryKey& name, std::int64_t document) {
  OwnedTable table("temporary_key", RowExclusiveLock);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(name.tenant);
  values[kCollection - 1] = Int32GetDatum(name.collection);
  values[kPrincipal - 1] = CStringGetTextDatum(name.principal);
  values[kTemporaryKey - 1] = CStringGetTextDatum(name.key);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kMadeAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  table.insert(values, nulls);
  table.close();
  CommandCounterIncrement();
}

int forget_temporary_keys(std::int64_t moment, int limit) {
  OwnedTable table("temporary_key", RowExclusiveLock);
  ScanKeyData key;
  ScanKeyInit(&key, kMadeAt, BTLessStrategyNumber, F_TIMESTAMPTZ_LT, TimestampTzGetDatum(moment));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, InvalidOid, false, snapshot, 1, &key);
  int count = 0;
  while (count < limit) {
    CHECK_FOR_INTERRUPTS();
    HeapTuple row = systable_getnext(scan);
    if (!HeapTupleIsValid(row)) break;
    table.remove(row->t_self);
    count++;
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  return count;
}

bool can_make_key(const Collection* collection, const char* key, const char** why) {
  const char* texts[kMaxKeyColumns];
  if (collection->key_count > 1) {
    split_key(collection, key, texts);
  } else {
    texts[0] = key[0] == '\0' ? nullptr : key;
  }
  bool makes = false;
  for (int i = 0; i < collection->key_count; i++) {
    const KeyColumn& column = collection->keys[i];
    if (texts[i] != nullptr && column.origin == KeyOrigin::server) {
      *why = psprintf("the server makes key column \"%s\"", NameStr(column.name));
      return false;
    }
    if (texts[i] == nullptr && column.origin == KeyOrigin::client) {
      *why = psprintf("the server does not make key column \"%s\"", NameStr(column.name));
      return false;
    }
    makes = makes || texts[i] == nullptr;
  }
  if (!makes) *why = "a document with a temporary key has a key already";
  return makes;
}

char* make_key(const Collection* collection, const char* key) {
  const char* texts[kMaxKeyColumns] = {};
  if (collection->key_count > 1) split_key(collection, key, texts);
  Relation relation = table_open(collection->tracked, AccessShareLock);
  for (int i = 0; i < collection->key_count; i++) {
    if (texts[i] == nullptr) texts[i] = make_column(relation, collection->keys[i]);
  }
  table_close(relation, NoLock);
  return join_key(collection, texts);
}

}  // namespace converge

#include "extension/documents/quarantine.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "extension/documents/collection.h"
#include "extension/documents/deltas.h"
#include "extension/documents/document.h"
#include "extension/documents/field_value.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/row.h"
#include "extension/documents/subtransaction.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_quarantine_retry);
PG_FUNCTION_INFO_V1(converge_quarantine_drop);
}

namespace converge {
namespace {

// converge.quarantine's columns.
enum : AttrNumber {
  kTenant = 1, kDocument, kReplica, kSeq, kId, kFields, kQuarantinedAt, kSqlstate, kMessage, kDetail, kDroppedAt,
  kColumns = kDroppedAt
};

bool is_field(const QuarantinedChange& change, const char* name) {
  for (int i = 0; i < change.field_count; i++) {
    if (std::strcmp(NameStr(change.fields[i]), name) == 0) return true;
  }
  return false;
}

const QuarantinedChange* find_change(const Quarantine& quarantine, std::int64_t replica, std::int64_t seq) {
  const QuarantinedChange* begin = quarantine.changes;
  const QuarantinedChange* end = begin + quarantine.count;
  const QuarantinedChange* at =
      std::lower_bound(begin, end, std::pair(replica, seq), [](const QuarantinedChange& change, auto key) {
        return std::pair(change.replica, change.seq) < key;
      });
  return at != end && at->replica == replica && at->seq == seq ? at : nullptr;
}

void read_fields(Datum value, QuarantinedChange* change) {
  Datum* names;
  deconstruct_array(DatumGetArrayTypeP(value), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names, nullptr,
                    &change->field_count);
  change->fields = static_cast<NameData*>(palloc(sizeof(NameData) * static_cast<Size>(Max(change->field_count, 1))));
  for (int i = 0; i < change->field_count; i++) change->fields[i] = *DatumGetName(names[i]);
}

}  // namespace

Quarantine quarantine_of(const char* tenant, std::int64_t document, Snapshot in) {
  OwnedTable table("quarantine", AccessShareLock);
  Relation index = index_open(owned_oid("quarantine_pkey"), AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  Snapshot snapshot = RegisterSnapshot(in != nullptr ? in : latest_snapshot());
  SysScanDesc scan = systable_beginscan_ordered(table.relation, index, snapshot, 2, keys);
  Quarantine found{};
  int room = 0;
  while (true) {
    HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection);
    if (!HeapTupleIsValid(row)) break;
    if (found.count == room) {
      room = room == 0 ? 4 : room * 2;
      const Size bytes = sizeof(QuarantinedChange) * static_cast<Size>(room);
      found.changes = static_cast<QuarantinedChange*>(found.changes == nullptr ? palloc(bytes)
                                                                              : repalloc_huge(found.changes, bytes));
    }
    Datum values[kColumns];
    bool nulls[kColumns];
    heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
    QuarantinedChange* change = &found.changes[found.count++];
    change->replica = DatumGetInt64(values[kReplica - 1]);
    change->seq = DatumGetInt64(values[kSeq - 1]);
    change->dropped = !nulls[kDroppedAt - 1];
    read_fields(values[kFields - 1], change);
  }
  systable_endscan_ordered(scan);
  UnregisterSnapshot(snapshot);
  index_close(index, AccessShareLock);
  table.close();
  return found;
}

bool waits_in_quarantine(const Quarantine& quarantine, std::int64_t replica, std::int64_t seq) {
  const QuarantinedChange* change = find_change(quarantine, replica, seq);
  return change != nullptr && !change->dropped;
}

void forget_quarantined(const Writer& writer, std::int64_t last_seq) {
  OwnedTable table("quarantine", RowExclusiveLock);
  ScanKeyData keys[4];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(writer.tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.document));
  ScanKeyInit(&keys[2], kReplica, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.replica));
  ScanKeyInit(&keys[3], kSeq, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last_seq));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, owned_oid("quarantine_pkey"), true, snapshot, 4, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    if (!heap_attisnull(row, kDroppedAt, RelationGetDescr(table.relation))) table.remove(row->t_self);
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
}

bool leave_out_quarantined(const Quarantine& quarantine, std::int64_t replica, std::int64_t seq, Payload* payload) {
  const QuarantinedChange* change = find_change(quarantine, replica, seq);
  if (change == nullptr) return false;
  int kept = 0;
  for (int i = 0; i < payload->count; i++) {
    if (!is_field(*change, payload->fields[i].field)) payload->fields[kept++] = payload->fields[i];
  }
  const bool some = kept < payload->count;
  payload->count = kept;
  return some;
}

void leave_out_quarantined(const Quarantine& quarantine, LoggedChange* change) {
  if (quarantine.count == 0 || change->refused) return;
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(change->payload, payload);
  if (leave_out_quarantined(quarantine, change->replica, change->seq, payload)) {
    change->payload = boundary::view(encode_payload(*payload));
  }
}

void put_into_quarantine(const Writer& writer, std::int64_t seq, const NameData* fields, int field_count,
                         const ErrorData& error) {
  OwnedTable table("quarantine", RowExclusiveLock);
  Datum names[kMaxFields];
  for (int i = 0; i < field_count; i++) names[i] = NameGetDatum(&fields[i]);
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(writer.tenant);
  values[kDocument - 1] = Int64GetDatum(writer.document);
  values[kReplica - 1] = Int64GetDatum(writer.replica);
  values[kSeq - 1] = Int64GetDatum(seq);
  values[kId - 1] = Int64GetDatum(nextval_internal(owned_oid("quarantine_id_seq"), false));
  values[kFields - 1] =
      PointerGetDatum(construct_array(names, field_count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
  values[kQuarantinedAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  values[kSqlstate - 1] = CStringGetTextDatum(unpack_sql_state(error.sqlerrcode));
  values[kMessage - 1] = CStringGetTextDatum(error.message != nullptr ? error.message : "");
  values[kDetail - 1] = CStringGetTextDatum(error.detail != nullptr ? error.detail : "");
  nulls[kDroppedAt - 1] = true;
  table.insert(values, nulls);
  table.close();
  CommandCounterIncrement();
  // Bridges may have a copy of the document with it, for newcomers.
  change_document_access(writer.tenant, writer.document);
}

namespace {

// A row of converge.quarantine that the caller decides about.
struct Case {
  OwnedTable table;
  HeapTuple row;
  Datum values[kColumns];
  bool nulls[kColumns];
  Writer writer;
  std::int64_t seq;
  Collection* collection;  // null: it is not tracked any more
  RowRef ref;
  QuarantinedChange change;

  // Raises where there is no such row, it was dropped, or the caller does not
  // own the table.
  explicit Case(std::int64_t id);
};

// Its functions raise while one is alive.
static_assert(std::is_trivially_destructible_v<Case>);

HeapTuple find_case(Relation table, std::int64_t id) {
  ScanKeyData key;
  ScanKeyInit(&key, kId, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
  return find_owned(table, owned_oid("quarantine_id_key"), 1, &key);
}

Case::Case(std::int64_t id) : table("quarantine", RowExclusiveLock), row(find_case(table.relation, id)) {
  if (HeapTupleIsValid(row)) heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  if (!HeapTupleIsValid(row) || !nulls[kDroppedAt - 1]) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("there is no change %lld in quarantine", static_cast<long long>(id))));
  }
  writer = {TextDatumGetCString(values[kTenant - 1]), DatumGetInt64(values[kDocument - 1]),
            DatumGetInt64(values[kReplica - 1])};
  seq = DatumGetInt64(values[kSeq - 1]);
  read_fields(values[kFields - 1], &change);
  std::int32_t number;
  ref = {writer.tenant, nullptr};
  collection = nullptr;
  if (describe_document(writer.tenant, writer.document, &number, &ref.key)) collection = collection_numbered(number);
  if (collection != nullptr) check_table_owner(collection->tracked);
}

// Joins the fields to the row, as an edit in SQL: capture logs what the row
// gains, so that everybody who has the document gets it.
void join_case(void* argument) {
  const auto* found = static_cast<const Case*>(argument);
  Collection* collection = found->collection;
  struct varlena* values[kMaxFields];
  if (!lock_row(collection, found->ref) || find_document(collection, found->ref) != found->writer.document ||
      !read_row(collection, found->ref, false, values)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("document \"%s\" of collection \"%s\" does not exist", found->ref.key, collection->name),
                    errhint("It was deleted: drop the change.")));
  }
  OwnedTable log("change", AccessShareLock);
  LoggedChange logged;
  if (!find_logged(log.relation, found->writer, found->seq, &logged) || logged.refused) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("the change in quarantine is not in the log")));
  }
  log.close();
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(logged.payload, payload);
  std::uint64_t mask = 0;
  for (int i = 0; i < payload->count; i++) {
    const Field* field = find_field(collection, payload->fields[i].field);
    if (field == nullptr || !is_field(found->change, payload->fields[i].field)) continue;
    const auto place = field - collection->fields;
    const std::string_view stored = state_bytes(field->type, values[place]);
    values[place] = merge_states(field->type, stored, payload->fields[i].delta);
    if (boundary::view(values[place]) != stored) mask |= std::uint64_t{1} << place;
  }
  if (mask != 0 && update_row(collection, found->ref, mask, values) != 1) {
    ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("the document's row was not updated"),
                    errdetail("A trigger kept it as it was.")));
  }
  fire_deferred_constraints();
}

}  // namespace

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_quarantine_retry(PG_FUNCTION_ARGS) {
  Case found(PG_GETARG_INT64(0));
  if (found.collection == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the change's table is not tracked any more"),
                    errhint("Drop the change.")));
  }
  CatalogTupleDelete(found.table.relation, &found.row->t_self);
  table_close(found.table.relation, NoLock);
  CommandCounterIncrement();
  // What the caller's own statements deferred is the caller's.
  fire_deferred_constraints();
  as_table_owner(found.collection, join_case, &found);
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_quarantine_drop(PG_FUNCTION_ARGS) {
  Case found(PG_GETARG_INT64(0));
  found.values[kDroppedAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  found.nulls[kDroppedAt - 1] = false;
  found.table.update(found.row, found.values, found.nulls);
  found.table.close();
  PG_RETURN_VOID();
}

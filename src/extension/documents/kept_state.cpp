#include "extension/documents/kept_state.h"

#include "extension/documents/access.h"
#include "extension/documents/document.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/replay.h"
#include "extension/documents/snapshot.h"
#include "extension/security/identity.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_snapshot);
PG_FUNCTION_INFO_V1(converge_snapshots);
PG_FUNCTION_INFO_V1(converge_drop_snapshot);
}

namespace converge {
namespace {

// converge.kept_state's columns.
enum : AttrNumber { kTenant = 1, kDocument, kMoment, kPrincipal, kLabel, kState, kColumns = kState };

constexpr int kMaxLabelBytes = 256;

void fill_keys(ScanKeyData* keys, const char* tenant, std::int64_t document) {
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
}

HeapTuple find_row(Relation table, const char* tenant, std::int64_t document, TimestampTz moment, Snapshot snapshot) {
  ScanKeyData keys[3];
  fill_keys(keys, tenant, document);
  ScanKeyInit(&keys[2], kMoment, BTEqualStrategyNumber, F_TIMESTAMPTZ_EQ, TimestampTzGetDatum(moment));
  return find_owned(table, owned_oid("kept_state_pkey"), 3, keys, snapshot);
}

// Calls visit(row, argument) for each of a document's rows, ascending by moment.
// How many there are.
int for_each_row(Relation table, const char* tenant, std::int64_t document, Snapshot snapshot,
                 void (*visit)(HeapTuple, void*), void* argument) {
  ScanKeyData keys[2];
  fill_keys(keys, tenant, document);
  Relation index = index_open(owned_oid("kept_state_pkey"), AccessShareLock);
  SysScanDesc scan = systable_beginscan_ordered(table, index, snapshot, 2, keys);
  int count = 0;
  HeapTuple row;
  while (HeapTupleIsValid(row = systable_getnext_ordered(scan, ForwardScanDirection))) {
    if (visit != nullptr) visit(row, argument);
    count++;
  }
  systable_endscan_ordered(scan);
  index_close(index, AccessShareLock);
  return count;
}

// Keeps the document as it is at present; nobody else writes to it meanwhile.
void keep_present(const ReadableDocument& found, TimestampTz moment, Datum label, bool has_label) {
  struct varlena* states[kMaxFields];
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  replay(found.collection, found.ref.tenant, found.document, snapshot, Replayed::everything, states);
  FieldChange fields[kMaxFields];
  int count = 0;
  for (int i = 0; i < found.collection->field_count; i++) {
    if (states[i] != nullptr) fields[count++] = {NameStr(found.collection->fields[i].name), boundary::view(states[i])};
  }
  OwnedTable table("kept_state", RowExclusiveLock);
  const int kept = for_each_row(table.relation, found.ref.tenant, found.document, snapshot, nullptr, nullptr);
  if (kept >= kMaxKeptStates) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("too many snapshots of document \"%s\"", found.ref.key),
                    errdetail("It has %d; the limit is %d.", kept, kMaxKeptStates),
                    errhint("converge.drop_snapshot() gives one up.")));
  }
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(found.ref.tenant);
  values[kDocument - 1] = Int64GetDatum(found.document);
  values[kMoment - 1] = TimestampTzGetDatum(moment);
  values[kPrincipal - 1] = CStringGetTextDatum(current_identity().principal);
  nulls[kLabel - 1] = !has_label;
  values[kLabel - 1] = label;
  values[kState - 1] = PointerGetDatum(encode_fields(fields, count));
  table.insert(values, nulls);
  table.close();
  CommandCounterIncrement();
  UnregisterSnapshot(snapshot);
}

struct RowSink {
  ReturnSetInfo* result;
  TupleDesc description;
};

void give_row(HeapTuple row, void* argument) {
  const auto* sink = static_cast<RowSink*>(argument);
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, sink->description, values, nulls);
  Datum out[] = {values[kMoment - 1], values[kPrincipal - 1], values[kLabel - 1]};
  bool out_nulls[] = {false, VARSIZE_ANY_EXHDR(DatumGetPointer(values[kPrincipal - 1])) == 0, nulls[kLabel - 1]};
  tuplestore_putvalues(sink->result->setResult, sink->result->setDesc, out, out_nulls);
}

}  // namespace

FieldChange* read_kept_state(const char* tenant, std::int64_t document, TimestampTz moment, Snapshot snapshot,
                             int* count) {
  *count = 0;
  OwnedTable table("kept_state", AccessShareLock);
  HeapTuple row = find_row(table.relation, tenant, document, moment, snapshot);
  FieldChange* fields = nullptr;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    const Datum state = heap_getattr(row, kState, RelationGetDescr(table.relation), &is_null);
    fields = decode_fields(boundary::view(PG_DETOAST_DATUM_COPY(state)),
                           psprintf("kept state of document %lld", static_cast<long long>(document)), count);
  }
  table.close();
  return fields;
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_snapshot(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
  PreventCommandIfReadOnly("snapshot()");
  const bool has_label = !PG_ARGISNULL(2);
  if (has_label && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)) > kMaxLabelBytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("label of a snapshot is too long"),
                    errdetail("The limit is %d bytes.", kMaxLabelBytes)));
  }
  const ReadableDocument found =
      write_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const TimestampTz moment = GetCurrentTimestamp();
  keep_present(found, moment, has_label ? PG_GETARG_DATUM(2) : Datum{0}, has_label);
  PG_RETURN_TIMESTAMPTZ(moment);
}

extern "C" PGDLLEXPORT Datum converge_snapshots(PG_FUNCTION_ARGS) {
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  InitMaterializedSRF(fcinfo, 0);
  OwnedTable table("kept_state", AccessShareLock);
  RowSink sink{reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), RelationGetDescr(table.relation)};
  for_each_row(table.relation, found.ref.tenant, found.document, GetActiveSnapshot(), give_row, &sink);
  table.close();
  return Datum{0};
}

extern "C" PGDLLEXPORT Datum converge_drop_snapshot(PG_FUNCTION_ARGS) {
  PreventCommandIfReadOnly("drop_snapshot()");
  const ReadableDocument found =
      write_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const TimestampTz moment = PG_GETARG_TIMESTAMPTZ(2);
  OwnedTable table("kept_state", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, found.ref.tenant, found.document, moment, nullptr);
  if (!HeapTupleIsValid(row)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("document \"%s\" has no snapshot of %s", found.ref.key, timestamptz_to_str(moment))));
  }
  table.remove(row->t_self);
  table.close();
  CommandCounterIncrement();
  PG_RETURN_VOID();
}

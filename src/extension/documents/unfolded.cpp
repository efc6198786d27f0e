#include "extension/documents/unfolded.h"

#include <cstring>

#include "extension/documents/document_stamp.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// converge.unfolded's columns.
enum : AttrNumber { kTenant = 1, kDocument, kReplica, kFromSeq, kSince, kColumns = kSince };

void fill_keys(ScanKeyData* keys, const Writer& writer) {
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(writer.tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.document));
  ScanKeyInit(&keys[2], kReplica, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.replica));
}

HeapTuple find_row(Relation table, const Writer& writer) {
  ScanKeyData keys[3];
  fill_keys(keys, writer);
  return find_owned(table, owned_oid("unfolded_pkey"), 3, keys);
}

}  // namespace

bool has_unfolded(Relation table, const Writer& writer) {
  HeapTuple row = find_row(table, writer);
  if (!HeapTupleIsValid(row)) return false;
  heap_freetuple(row);
  return true;
}

void mark_unfolded(OwnedTable* table, const Writer& writer, std::int64_t from_seq) {
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(writer.tenant);
  values[kDocument - 1] = Int64GetDatum(writer.document);
  values[kReplica - 1] = Int64GetDatum(writer.replica);
  values[kFromSeq - 1] = Int64GetDatum(from_seq);
  values[kSince - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  // (No stamp: who remembers that a replica is here is right still.)
  table->insert(values, nulls);
}

UnfoldedReplica* unfolded_replicas(const char* tenant, std::int64_t document, Snapshot in, int* count) {
  OwnedTable table("unfolded", AccessShareLock);
  Relation index = index_open(owned_oid("unfolded_pkey"), AccessShareLock);
  ScanKeyData keys[3];
  fill_keys(keys, {tenant, document, 0});
  Snapshot snapshot = RegisterSnapshot(in != nullptr ? in : latest_snapshot());
  SysScanDesc scan = systable_beginscan_ordered(table.relation, index, snapshot, 2, keys);
  TupleDesc description = RelationGetDescr(table.relation);
  int size = 0;
  int room = 0;
  UnfoldedReplica* replicas = nullptr;
  while (true) {
    HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection);
    if (!HeapTupleIsValid(row)) break;
    if (size == room) {
      room = room == 0 ? 16 : room * 2;
      const Size bytes = sizeof(UnfoldedReplica) * static_cast<Size>(room);
      replicas = static_cast<UnfoldedReplica*>(replicas == nullptr ? palloc(bytes) : repalloc_huge(replicas, bytes));
    }
    bool is_null;
    replicas[size].replica = DatumGetInt64(heap_getattr(row, kReplica, description, &is_null));
    replicas[size].from_seq = DatumGetInt64(heap_getattr(row, kFromSeq, description, &is_null));
    size++;
  }
  systable_endscan_ordered(scan);
  UnregisterSnapshot(snapshot);
  index_close(index, AccessShareLock);
  table.close();
  *count = size;
  return replicas;
}

void move_unfolded(OwnedTable* table, const Writer& writer, std::int64_t next_seq) {
  HeapTuple row = find_row(table->relation, writer);
  if (!HeapTupleIsValid(row)) return;
  change_stamp(unfolded_slot(writer.document));
  if (next_seq == 0) {
    CatalogTupleDelete(table->relation, &row->t_self);
    return;
  }
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table->relation), values, nulls);
  values[kFromSeq - 1] = Int64GetDatum(next_seq);
  table->update(row, values, nulls);
}

void forget_unfolded(const char* tenant, std::int64_t document) {
  int count;
  const UnfoldedReplica* replicas = unfolded_replicas(tenant, document, nullptr, &count);
  OwnedTable unfolded("unfolded", RowExclusiveLock);
  for (int i = 0; i < count; i++) move_unfolded(&unfolded, {tenant, document, replicas[i].replica}, 0);
  unfolded.close();
  CommandCounterIncrement();
}

void for_each_unfolded(bool (*visit)(const UnfoldedDocument&, void*), void* argument) {
  OwnedTable table("unfolded", AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, InvalidOid, false, snapshot, 0, nullptr);
  while (true) {
    CHECK_FOR_INTERRUPTS();
    HeapTuple row = systable_getnext(scan);
    if (!HeapTupleIsValid(row)) break;
    Datum values[kColumns];
    bool nulls[kColumns];
    heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
    const UnfoldedDocument found{TextDatumGetCString(values[kTenant - 1]), DatumGetInt64(values[kDocument - 1]),
                                 DatumGetTimestampTz(values[kSince - 1])};
    const bool more = visit(found, argument);
    pfree(const_cast<char*>(found.tenant));
    if (!more) break;
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
}

}  // namespace converge

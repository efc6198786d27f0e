#include "extension/documents/replica.h"

#include <cstring>

#include "extension/boundary.h"
#include "extension/documents/document_stamp.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// converge.replica's columns.
enum : AttrNumber {
  kTenant = 1, kDocument, kReplica, kPrincipal, kLastSeq, kLastHash, kRefusedFrom, kRefusedCode,
  kRefusedMessage, kRefusedSqlstate, kRefusedConstraint, kEpoch, kColumns = kEpoch
};

HeapTuple find_row(Relation table, const Writer& writer, Snapshot snapshot) {
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(writer.tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.document));
  ScanKeyInit(&keys[2], kReplica, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.replica));
  return find_owned(table, owned_oid("replica_pkey"), 3, keys, snapshot);
}

}  // namespace

bool find_replica(Relation table, const Writer& writer, ReplicaRow* replica, Snapshot snapshot) {
  HeapTuple row = find_row(table, writer, snapshot);
  if (!HeapTupleIsValid(row)) return false;
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table), values, nulls);
  replica->principal = TextDatumGetCString(values[kPrincipal - 1]);
  replica->last_seq = DatumGetInt64(values[kLastSeq - 1]);
  replica->has_last_hash = false;
  if (!nulls[kLastHash - 1]) {
    struct varlena* hash = PG_DETOAST_DATUM_PACKED(values[kLastHash - 1]);
    if (VARSIZE_ANY_EXHDR(hash) == kHashBytes) {
      std::memcpy(replica->last_hash, VARDATA_ANY(hash), kHashBytes);
      replica->has_last_hash = true;
    }
  }
  replica->refused_from = nulls[kRefusedFrom - 1] ? 0 : DatumGetInt64(values[kRefusedFrom - 1]);
  replica->refused_code = nulls[kRefusedCode - 1] ? 0 : DatumGetInt32(values[kRefusedCode - 1]);
  auto text_of = [&](AttrNumber column) -> const char* {
    return nulls[column - 1] ? "" : TextDatumGetCString(values[column - 1]);
  };
  replica->refused_message = text_of(kRefusedMessage);
  replica->refused_sqlstate = text_of(kRefusedSqlstate);
  replica->refused_constraint = text_of(kRefusedConstraint);
  replica->epoch = DatumGetInt64(values[kEpoch - 1]);
  return true;
}

void create_replica(OwnedTable* table, const Writer& writer, const char* principal, std::int64_t epoch) {
  Datum values[kColumns] = {};
  bool nulls[kColumns];
  std::memset(nulls, true, sizeof nulls);
  for (const AttrNumber column : {kTenant, kDocument, kReplica, kPrincipal, kLastSeq, kEpoch}) nulls[column - 1] = false;
  values[kTenant - 1] = CStringGetTextDatum(writer.tenant);
  values[kDocument - 1] = Int64GetDatum(writer.document);
  values[kReplica - 1] = Int64GetDatum(writer.replica);
  values[kPrincipal - 1] = CStringGetTextDatum(principal);
  values[kLastSeq - 1] = Int64GetDatum(0);
  values[kEpoch - 1] = Int64GetDatum(epoch);
  table->insert(values, nulls);
  add_to_stamp(writer_slot(writer.document, writer.replica));
  CommandCounterIncrement();
}

void refuse_replica(OwnedTable* table, const Writer& writer, const ReplicaRow& refused) {
  HeapTuple row = find_row(table->relation, writer, nullptr);
  if (!HeapTupleIsValid(row)) elog(ERROR, "replica to refuse has not appeared");
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table->relation), values, nulls);
  values[kRefusedFrom - 1] = Int64GetDatum(refused.refused_from);
  values[kRefusedCode - 1] = Int32GetDatum(refused.refused_code);
  for (const AttrNumber column : {kRefusedFrom, kRefusedCode}) nulls[column - 1] = false;
  auto set_text = [&](AttrNumber column, const char* text) {
    nulls[column - 1] = text == nullptr;
    values[column - 1] = text == nullptr ? static_cast<Datum>(0) : CStringGetTextDatum(text);
  };
  set_text(kRefusedMessage, refused.refused_message);
  set_text(kRefusedSqlstate, refused.refused_sqlstate);
  set_text(kRefusedConstraint, refused.refused_constraint);
  table->update(row, values, nulls);
  change_stamp(writers_slot(writer.document));
  CommandCounterIncrement();
}

void compact_replica(OwnedTable* table, const Writer& writer, const CompactedChange& last) {
  HeapTuple row = find_row(table->relation, writer, nullptr);
  if (!HeapTupleIsValid(row)) elog(ERROR, "replica to compact has not appeared");
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table->relation), values, nulls);
  values[kLastSeq - 1] = Int64GetDatum(last.seq);
  values[kEpoch - 1] = Int64GetDatum(last.epoch);
  values[kLastHash - 1] = PointerGetDatum(cstring_to_text_with_len(reinterpret_cast<const char*>(last.hash), kHashBytes));
  nulls[kLastHash - 1] = false;
  table->update(row, values, nulls);
  change_stamp(writers_slot(writer.document));
  CommandCounterIncrement();
}

std::int64_t next_own_seq(Relation log, const Writer& writer) {
  const std::int64_t last = last_logged(log, writer);
  if (last > 0) return last + 1;
  // New here, or everything of it was compacted.
  OwnedTable table("replica", RowExclusiveLock);
  ReplicaRow replica;
  std::int64_t next = 1;
  if (find_replica(table.relation, writer, &replica)) {
    next = replica.last_seq + 1;
  } else {
    create_replica(&table, writer, "", current_node().epoch);
  }
  table.close();
  return next;
}

ReplicaPosition* document_replicas(const char* tenant, std::int64_t document, Snapshot snapshot, int* count) {
  OwnedTable table("replica", AccessShareLock);
  Relation index = index_open(owned_oid("replica_pkey"), AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  SysScanDesc scan = systable_beginscan_ordered(table.relation, index, snapshot, 2, keys);
  int size = 0;
  int room = 16;
  auto* positions = static_cast<ReplicaPosition*>(palloc(sizeof(ReplicaPosition) * static_cast<Size>(room)));
  while (true) {
    HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection);
    if (!HeapTupleIsValid(row)) break;
    if (size == room) {
      room *= 2;
      positions = static_cast<ReplicaPosition*>(
          repalloc_huge(positions, sizeof(ReplicaPosition) * static_cast<Size>(room)));
    }
    bool is_null;
    TupleDesc description = RelationGetDescr(table.relation);
    positions[size].replica = DatumGetInt64(heap_getattr(row, kReplica, description, &is_null));
    positions[size].compacted = DatumGetInt64(heap_getattr(row, kLastSeq, description, &is_null));
    const Datum refused_from = heap_getattr(row, kRefusedFrom, description, &is_null);
    positions[size].refused_from = is_null ? 0 : DatumGetInt64(refused_from);
    size++;
  }
  systable_endscan_ordered(scan);
  index_close(index, AccessShareLock);
  table.close();
  *count = size;
  return positions;
}

std::int64_t count_replicas(const char* tenant, std::int64_t document, const char* principal, std::int64_t most) {
  OwnedTable table("replica", AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, owned_oid("replica_pkey"), true, snapshot, 2, keys);
  const std::string_view wanted(principal);
  std::int64_t count = 0;
  while (count < most) {
    HeapTuple row = systable_getnext(scan);
    if (!HeapTupleIsValid(row)) break;
    bool is_null;
    const Datum owner = heap_getattr(row, kPrincipal, RelationGetDescr(table.relation), &is_null);
    if (boundary::view(PG_DETOAST_DATUM_PACKED(owner)) == wanted) count++;
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  return count;
}

}  // namespace converge

#include "extension/documents/node.h"

#include <algorithm>

#include "core/field.h"
#include "extension/documents/owned_table.h"
#include "extension/documents/relation_news.h"
#include "extension/module.h"

extern "C" {
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_epoch);
}

namespace converge {
namespace {

// converge.node's columns.
enum : AttrNumber { kOne = 1, kReplica, kEpoch, kSystemIdentifier, kTimeline, kDatabase, kColumns = kDatabase };

// What this session knows. A server does not change its timeline while it
// writes, so that a row found right once stays right until the table goes.
ServerNode known;
bool is_known = false;
// The row was written by the current transaction, which may yet roll back.
bool is_own = false;

void forget_relation(Oid) { is_known = false; }

void forget_own(XactEvent event, void*) {
  if ((event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) && is_own) {
    is_known = false;
    is_own = false;
  }
}

void forget_own_sub(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB && is_own) {
    is_known = false;
    is_own = false;
  }
}

std::int64_t now_microseconds() {
  constexpr std::int64_t kEpochDays = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
  return GetCurrentTimestamp() + kEpochDays * USECS_PER_DAY;
}

HeapTuple find_row(const OwnedTable& table) {
  ScanKeyData key;
  ScanKeyInit(&key, kOne, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(true));
  return find_owned(table.relation, owned_oid("node_pkey"), 1, &key);
}

// True: the row is there and was written by this server on this timeline, for
// this database and not for one that it was copied from.
bool read_row(const OwnedTable& table, HeapTuple row, ServerNode* node) {
  if (!HeapTupleIsValid(row)) return false;
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  node->replica = DatumGetInt64(values[kReplica - 1]);
  node->epoch = DatumGetInt64(values[kEpoch - 1]);
  return static_cast<uint64>(DatumGetInt64(values[kSystemIdentifier - 1])) == GetSystemIdentifier() &&
         static_cast<TimeLineID>(DatumGetInt32(values[kTimeline - 1])) == GetWALInsertionTimeLine() &&
         DatumGetObjectId(values[kDatabase - 1]) == MyDatabaseId;
}

// A new epoch and replica. The lock makes sessions that notice at once take the
// same ones.
ServerNode renew() {
  PreventCommandIfReadOnly("a write to the log");
  OwnedTable table("node", ShareRowExclusiveLock);
  HeapTuple row = find_row(table);
  ServerNode node{};
  if (!read_row(table, row, &node)) {
    node.epoch = std::max(node.epoch + 1, now_microseconds());
    node.replica = draw_replica();
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    values[kOne - 1] = BoolGetDatum(true);
    values[kReplica - 1] = Int64GetDatum(node.replica);
    values[kEpoch - 1] = Int64GetDatum(node.epoch);
    values[kSystemIdentifier - 1] = Int64GetDatum(static_cast<int64>(GetSystemIdentifier()));
    values[kTimeline - 1] = Int32GetDatum(static_cast<int32>(GetWALInsertionTimeLine()));
    values[kDatabase - 1] = ObjectIdGetDatum(MyDatabaseId);
    if (HeapTupleIsValid(row)) {
      table.update(row, values, nulls);
    } else {
      table.insert(values, nulls);
    }
    CommandCounterIncrement();
    is_own = true;
  }
  table.close();
  return node;
}

void start_cache() {
  static bool started = false;
  if (started) return;
  watch_relations(forget_relation);
  RegisterXactCallback(forget_own, nullptr);
  RegisterSubXactCallback(forget_own_sub, nullptr);
  started = true;
}

}  // namespace

std::int64_t draw_replica() {
  std::uint64_t bits;
  do {
    if (!pg_strong_random(&bits, sizeof bits)) {
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a random replica")));
    }
    bits &= kReplicaLimit - 1;
  } while (bits == 0);
  return static_cast<std::int64_t>(bits);
}

ServerNode current_node() {
  start_cache();
  if (is_known) return known;
  OwnedTable table("node", AccessShareLock);
  ServerNode node{};
  const bool current = read_row(table, find_row(table), &node);
  table.close();
  if (!current) node = renew();
  known = node;
  is_known = true;
  return node;
}

std::int64_t current_epoch() {
  if (!RecoveryInProgress() && !XactReadOnly) return current_node().epoch;
  OwnedTable table("node", AccessShareLock);
  HeapTuple row = find_row(table);
  std::int64_t epoch = 0;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    epoch = DatumGetInt64(heap_getattr(row, kEpoch, RelationGetDescr(table.relation), &is_null));
  }
  table.close();
  return epoch;
}

}  // namespace converge

using namespace converge;

void converge_begin_epoch() {
  OwnedTable table("node", AccessShareLock);
  const bool is_there = HeapTupleIsValid(find_row(table));
  table.close();
  if (is_there) (void)current_node();
}

extern "C" PGDLLEXPORT Datum converge_epoch(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(current_epoch());
}

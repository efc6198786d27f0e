#include "extension/documents/log.h"

#include <cstring>

#include "core/clock/hlc.h"
#include "extension/documents/document_stamp.h"
#include "extension/module.h"

extern "C" {
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/sdir.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"
}

namespace converge {
namespace {

// converge.change's columns.
enum : AttrNumber {
  kTenant = 1, kDocument, kReplica, kSeq, kHlc, kPrincipal, kXid, kEpoch, kRecordedAt, kPayload, kHash,
  kColumns = kHash
};

Oid log_key() { return owned_oid("change_pkey"); }

void fill_keys(ScanKeyData* keys, const Writer& writer) {
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(writer.tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.document));
  ScanKeyInit(&keys[2], kReplica, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(writer.replica));
}

// Copies what it points to.
void read_change(Relation log, HeapTuple row, LoggedChange* change) {
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(log), values, nulls);
  change->replica = DatumGetInt64(values[kReplica - 1]);
  change->seq = DatumGetInt64(values[kSeq - 1]);
  change->hlc = static_cast<std::uint64_t>(DatumGetInt64(values[kHlc - 1]));
  change->principal = TextDatumGetCString(values[kPrincipal - 1]);
  change->refused = nulls[kPayload - 1];
  change->payload = {};
  if (!change->refused) change->payload = boundary::view(PG_DETOAST_DATUM_COPY(values[kPayload - 1]));
  struct varlena* hash = PG_DETOAST_DATUM_PACKED(values[kHash - 1]);
  if (VARSIZE_ANY_EXHDR(hash) != kHashBytes) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a change in the log is damaged")));
  }
  std::memcpy(change->hash, VARDATA_ANY(hash), kHashBytes);
  change->xid = U64FromFullTransactionId(DatumGetFullTransactionId(values[kXid - 1]));
  change->epoch = DatumGetInt64(values[kEpoch - 1]);
  change->recorded_at = DatumGetTimestampTz(values[kRecordedAt - 1]);
  change->tid = row->t_self;
}

}  // namespace

void lock_log(std::int64_t document) {
  LOCKTAG tag;
  const auto bits = static_cast<std::uint64_t>(document);
  change_stamp(writers_slot(document));
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, owned_oid("document"), static_cast<uint32>(bits),
                     static_cast<uint16>(bits >> 32));
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

namespace {

// The row of a new change, in that context.
HeapTuple form_change(Relation log, const ServerNode& node, const NewChange& change, MemoryContext context) {
  Assert(change.seq > 0 && change.writer.document > 0);
  ForceSyncCommit();
  add_to_stamp(writer_slot(change.writer.document, change.writer.replica));

  struct {
    int32 header;
    unsigned char bytes[kHashBytes];
  } hash;
  SET_VARSIZE(&hash, sizeof hash);
  hash_change(change.hlc, change.payload, hash.bytes);

  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(change.writer.tenant);
  values[kDocument - 1] = Int64GetDatum(change.writer.document);
  values[kReplica - 1] = Int64GetDatum(change.writer.replica);
  values[kSeq - 1] = Int64GetDatum(change.seq);
  values[kHlc - 1] = Int64GetDatum(static_cast<int64>(change.hlc));
  values[kPrincipal - 1] = CStringGetTextDatum(change.principal);
  values[kXid - 1] = FullTransactionIdGetDatum(GetTopFullTransactionId());
  values[kEpoch - 1] = Int64GetDatum(node.epoch);
  values[kRecordedAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  nulls[kPayload - 1] = change.refused;
  values[kPayload - 1] = static_cast<Datum>(0);
  if (!change.refused) {
    values[kPayload - 1] = PointerGetDatum(
        cstring_to_text_with_len(change.payload.data(), static_cast<int>(change.payload.size())));
  }
  values[kHash - 1] = PointerGetDatum(&hash);
  MemoryContext caller = MemoryContextSwitchTo(context);
  HeapTuple row = heap_form_tuple(RelationGetDescr(log), values, nulls);
  MemoryContextSwitchTo(caller);
  converge_note_logged_change();
  return row;
}

}  // namespace

void append_change(OwnedTable* log, const ServerNode& node, const NewChange& change) {
  HeapTuple row = form_change(log->relation, node, change, CurrentMemoryContext);
  log->insert(row);
  heap_freetuple(row);
}

namespace {
constexpr int kFirstSlots = 8;
}

LogBatch::LogBatch(OwnedTable* table, const ServerNode& server)
    : log(table),
      node(server),
      description(CreateTupleDescCopy(RelationGetDescr(table->relation))),
      slots(static_cast<TupleTableSlot**>(palloc(sizeof(TupleTableSlot*) * kFirstSlots))),
      room(kFirstSlots),
      made(0),
      count(0),
      bytes(0) {}

void LogBatch::add(const NewChange& change) {
  Assert(!is_full());
  MemoryContext context = GetMemoryChunkContext(slots);
  if (count == made) {
    if (made == room) {
      room *= 2;
      slots = static_cast<TupleTableSlot**>(repalloc(slots, sizeof(TupleTableSlot*) * static_cast<Size>(room)));
    }
    MemoryContext caller = MemoryContextSwitchTo(context);
    slots[made++] = MakeSingleTupleTableSlot(description, &TTSOpsHeapTuple);
    MemoryContextSwitchTo(caller);
  }
  HeapTuple row = form_change(log->relation, node, change, context);
  // What is compressed or stored out of line is stored as a copy, and inserting a set
  // of rows would not learn where the copies are: its index entries would lead nowhere.
  if (HeapTupleHasExternal(row) || row->t_len > TOAST_TUPLE_THRESHOLD) {
    flush();
    log->insert(row);
    heap_freetuple(row);
    return;
  }
  ExecStoreHeapTuple(row, slots[count++], true);
  bytes += row->t_len;
}

void LogBatch::flush() {
  if (count == 0) return;
  log->insert_many(slots, count);
  for (int i = 0; i < count; i++) ExecClearTuple(slots[i]);
  count = 0;
  bytes = 0;
}

void LogBatch::close() {
  flush();
  for (int i = 0; i < made; i++) ExecDropSingleTupleTableSlot(slots[i]);
  pfree(slots);
}

namespace {

// The greatest number that the keys let through, 0 if there is none. Null: as of now.
std::int64_t last_seq(Relation log, ScanKey keys, int key_count, Snapshot snapshot) {
  Relation index = index_open(log_key(), AccessShareLock);
  // Rows are added and deleted but never changed, so that SnapshotSelf cannot miss one.
  if (snapshot == nullptr) snapshot = SnapshotSelf;
  SysScanDesc scan = systable_beginscan_ordered(log, index, snapshot, key_count, keys);
  std::int64_t last = 0;
  if (HeapTuple row = systable_getnext_ordered(scan, BackwardScanDirection); HeapTupleIsValid(row)) {
    bool is_null;
    last = DatumGetInt64(heap_getattr(row, kSeq, RelationGetDescr(log), &is_null));
  }
  systable_endscan_ordered(scan);
  index_close(index, AccessShareLock);
  return last;
}

}  // namespace

std::int64_t last_logged(Relation log, const Writer& writer, Snapshot snapshot) {
  ScanKeyData keys[3];
  fill_keys(keys, writer);
  return last_seq(log, keys, 3, snapshot);
}

std::int64_t last_logged_near(Relation log, const Writer& writer, std::int64_t about, Snapshot snapshot) {
  // A scan reads all of an index page that its keys let through.
  ScanKeyData keys[4];
  fill_keys(keys, writer);
  ScanKeyInit(&keys[3], kSeq, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(about));
  const std::int64_t last = last_seq(log, keys, 4, snapshot);
  return last != 0 ? last : last_logged(log, writer, snapshot);
}

bool find_last_logged(Relation log, const Writer& writer, std::int64_t before, Snapshot snapshot, LoggedChange* change) {
  ScanKeyData keys[4];
  fill_keys(keys, writer);
  ScanKeyInit(&keys[3], kSeq, BTLessStrategyNumber, F_INT8LT, Int64GetDatum(before));
  HeapTuple row = find_last_owned(log, log_key(), 4, keys, snapshot);
  if (!HeapTupleIsValid(row)) return false;
  read_change(log, row, change);
  heap_freetuple(row);
  return true;
}

bool find_logged(Relation log, const Writer& writer, std::int64_t seq, LoggedChange* change) {
  ScanKeyData keys[4];
  fill_keys(keys, writer);
  ScanKeyInit(&keys[3], kSeq, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(seq));
  SysScanDesc scan = systable_beginscan(log, log_key(), true, SnapshotSelf, 4, keys);
  HeapTuple row = systable_getnext(scan);
  const bool found = HeapTupleIsValid(row);
  if (found) read_change(log, row, change);
  systable_endscan(scan);
  return found;
}

namespace {

// When the change with that number was recorded. False: it is not in the log.
bool find_recorded_at(Relation log, const Writer& writer, std::int64_t seq, std::int64_t* recorded_at) {
  ScanKeyData keys[4];
  fill_keys(keys, writer);
  ScanKeyInit(&keys[3], kSeq, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(seq));
  SysScanDesc scan = systable_beginscan(log, log_key(), true, SnapshotSelf, 4, keys);
  HeapTuple row = systable_getnext(scan);
  bool is_null;
  if (HeapTupleIsValid(row)) {
    *recorded_at = DatumGetTimestampTz(heap_getattr(row, kRecordedAt, RelationGetDescr(log), &is_null));
  }
  systable_endscan(scan);
  return HeapTupleIsValid(row);
}

}  // namespace

std::int64_t logged_before(Relation log, const Writer& writer, std::int64_t after, std::int64_t moment) {
  // What is looked for lies from `low` to `high`: up to the former it is old enough.
  std::int64_t low = after;
  std::int64_t high = after;
  std::int64_t recorded_at;
  if (!find_recorded_at(log, writer, after + 1, &recorded_at) || recorded_at >= moment) return 0;
  high = last_logged(log, writer);
  while (low < high) {
    const std::int64_t middle = high - (high - low) / 2;
    if (find_recorded_at(log, writer, middle, &recorded_at) && recorded_at < moment) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low - after;
}

LoggedDocument next_logged_document(const char* tenant, std::int64_t document) {
  OwnedTable log("change", AccessShareLock);
  Relation index = index_open(log_key(), AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  LoggedDocument found{nullptr, 0};
  // Of the same tenant first, then of all tenants behind.
  for (const bool same_tenant : {true, false}) {
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], kTenant, same_tenant ? BTEqualStrategyNumber : BTGreaterStrategyNumber,
                same_tenant ? F_TEXTEQ : F_TEXT_GT, CStringGetTextDatum(tenant));
    ScanKeyInit(&keys[1], kDocument, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(document));
    SysScanDesc scan = systable_beginscan_ordered(log.relation, index, snapshot, same_tenant ? 2 : 1, keys);
    if (HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection); HeapTupleIsValid(row)) {
      bool is_null;
      TupleDesc description = RelationGetDescr(log.relation);
      found = {TextDatumGetCString(heap_getattr(row, kTenant, description, &is_null)),
               DatumGetInt64(heap_getattr(row, kDocument, description, &is_null))};
    }
    systable_endscan_ordered(scan);
    if (found.document != 0) break;
  }
  UnregisterSnapshot(snapshot);
  index_close(index, AccessShareLock);
  log.close();
  return found;
}

LogScan::LogScan(Relation relation, const Writer& writer, std::int64_t after, Snapshot snapshot)
    : log(relation), index(index_open(log_key(), AccessShareLock)), scan(nullptr), context(CurrentMemoryContext) {
  ScanKeyData keys[4];
  fill_keys(keys, writer);
  ScanKeyInit(&keys[3], kSeq, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(after));
  scan = systable_beginscan_ordered(log, index, snapshot, 4, keys);
}

bool LogScan::next(LoggedChange* change) {
  // The B-tree keeps a list of dead entries for as long as the scan, and makes it
  // when it meets the first.
  MemoryContext caller = MemoryContextSwitchTo(context);
  HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection);
  MemoryContextSwitchTo(caller);
  if (!HeapTupleIsValid(row)) return false;
  read_change(log, row, change);
  return true;
}

void LogScan::close() {
  systable_endscan_ordered(scan);
  index_close(index, AccessShareLock);
}

std::uint64_t now_ms() {
  constexpr std::int64_t kEpochDays = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
  return static_cast<std::uint64_t>((GetCurrentTimestamp() + kEpochDays * USECS_PER_DAY) / 1000);
}

std::uint64_t tick_hlc() {
  static Hlc clock;
  const std::uint64_t now = now_ms();
  clock.bits = boundary::call([&]() -> Result<std::uint64_t> {
    const Result<Hlc> next = clock.tick(now);
    if (!next) return next.error();
    return next->bits;
  });
  return clock.bits;
}

}  // namespace converge

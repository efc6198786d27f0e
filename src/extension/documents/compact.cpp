// compact() and keep_log(): drops from the log what a document's snapshot then holds. The rule
// is core/log/compaction.h's.
#include <cstring>

#include "extension/documents/compact.h"

#include "core/log/compaction.h"
#include "extension/documents/access.h"
#include "extension/documents/authors.h"
#include "extension/documents/document.h"
#include "extension/documents/replay.h"
#include "extension/documents/replica.h"
#include "extension/documents/snapshot.h"
#include "extension/documents/unfolded.h"

extern "C" {
#include "access/relation.h"
#include "access/transam.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_compact);
PG_FUNCTION_INFO_V1(converge_compact_collection);
PG_FUNCTION_INFO_V1(converge_keep_log);
}

namespace converge {
namespace {

// Documents that are locked and compacted in one transaction.
constexpr int kBatchDocuments = 100;

// What is settled in `snapshot`. Transactions that it does not see are running or
// later than all that are.
SettledBelow settled_below(Snapshot snapshot) {
  const FullTransactionId next = ReadNextFullTransactionId();
  std::uint64_t epoch = EpochFromFullTransactionId(next);
  if (snapshot->xmin > XidFromFullTransactionId(next)) epoch--;
  return {epoch << 32 | snapshot->xmin, current_node().epoch};
}

// One replica's changes on their way out.
struct Dropping {
  CompactionCut cut;
  const Quarantine* quarantine;
  SettledBelow bound;
  OwnedTable* log;
  Authors* authors;
  bool keeps_deletions;
  std::int64_t dropped;
  std::int64_t youngest;  // a TimestampTz
  CompactedChange last;
};

// No state holds a deletion, but the row of a collection that deletes softly does.
bool is_deletion(const LoggedChange& change) {
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(change.payload, payload);
  const bool removes = payload->operation == Operation::remove;
  pfree(payload);
  return removes;
}

bool drop(const LoggedChange& change, void* argument) {
  auto* dropping = static_cast<Dropping*>(argument);
  const CompactionCandidate candidate{
      static_cast<std::uint64_t>(change.seq),
      is_settled(change.xid, change.epoch, dropping->bound),
      change.refused || (dropping->keeps_deletions && is_deletion(change)) ||
          waits_in_quarantine(*dropping->quarantine, change.replica, change.seq),
      change.recorded_at,
  };
  if (!dropping->cut.drops(candidate)) return false;
  add_change_authors(dropping->authors, change, nullptr);
  dropping->log->remove(change.tid);
  dropping->dropped++;
  dropping->youngest = Max(dropping->youngest, change.recorded_at);
  dropping->last.seq = change.seq;
  dropping->last.epoch = change.epoch;
  std::memcpy(dropping->last.hash, change.hash, kHashBytes);
  return true;
}

void replace_snapshot(const char* tenant, std::int64_t document, const Replay& replay, const Authors& authors,
                      std::int64_t youngest) {
  DocumentSnapshot made{youngest, 0, nullptr, 0, nullptr};
  made.fields = static_cast<FieldChange*>(palloc(sizeof(FieldChange) * static_cast<Size>(replay.count)));
  for (int i = 0; i < replay.count; i++) {
    if (replay.fields[i].state == nullptr) continue;
    made.fields[made.count++] = {replay.fields[i].name, boundary::view(replay.fields[i].state)};
  }
  made.authors = static_cast<FieldChange*>(palloc(sizeof(FieldChange) * static_cast<Size>(authors.count + 1)));
  for (int i = 0; i < authors.count; i++) {
    if (authors.fields[i].encoded.empty()) continue;
    made.authors[made.author_count++] = {authors.fields[i].name, authors.fields[i].encoded};
  }
  write_snapshot(tenant, document, made);
}

// How many changes went. Nobody else may write to the document's log.
std::int64_t compact_log(const Collection* collection, const char* tenant, std::int64_t document,
                         std::int64_t keep_from) {
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  OwnedTable log("change", RowExclusiveLock);
  OwnedTable replicas("replica", RowExclusiveLock);
  Authors authors = begin_authors();
  add_kept_authors(&authors, tenant, document, snapshot);
  std::int64_t dropped = 0;
  std::int64_t youngest = PG_INT64_MIN;
  DocumentSnapshot before;
  if (read_snapshot(tenant, document, snapshot, &before)) youngest = before.recorded_at;
  int count;
  const ReplicaPosition* positions = document_replicas(tenant, document, snapshot, &count);
  const SettledBelow bound = settled_below(snapshot);
  const Quarantine quarantine = quarantine_of(tenant, document, snapshot);
  Replay replay = begin_replay();
  replay.quarantine = quarantine;
  int unfolded_count;
  const UnfoldedReplica* unfolded = unfolded_replicas(tenant, document, snapshot, &unfolded_count);
  int next = 0;
  for (int i = 0; i < count; i++) {
    const Writer writer{tenant, document, positions[i].replica};
    while (next < unfolded_count && unfolded[next].replica < writer.replica) next++;
    const bool waits = next < unfolded_count && unfolded[next].replica == writer.replica;
    const std::uint64_t folded = waits ? static_cast<std::uint64_t>(unfolded[next].from_seq - 1) : PG_UINT64_MAX;
    Dropping dropping{CompactionCut(static_cast<std::uint64_t>(positions[i].compacted), folded, keep_from), &quarantine,
                      bound, &log, &authors, collection->deletion.attribute == InvalidAttrNumber, 0, youngest, {}};
    LogScan scan(log.relation, writer, positions[i].compacted, snapshot);
    add_changes(&replay, &scan, drop, &dropping);
    scan.close();
    if (dropping.dropped == 0) continue;
    compact_replica(&replicas, writer, dropping.last);
    if (quarantine.count > 0) forget_quarantined(writer, dropping.last.seq);
    dropped += dropping.dropped;
    youngest = dropping.youngest;
  }
  if (dropped > 0) add_snapshot(&replay, tenant, document, snapshot);
  finish_replay(&replay);
  finish_authors(&authors);
  if (dropped > 0) replace_snapshot(tenant, document, replay, authors, youngest);
  replicas.close();
  log.close();
  UnregisterSnapshot(snapshot);
  return dropped;
}

struct RowLock {
  Collection* collection;
  RowRef ref;
};

void lock_as_owner(void* argument) {
  const auto* lock = static_cast<RowLock*>(argument);
  (void)lock_row(lock->collection, lock->ref);
}

}  // namespace

std::int64_t compact_document(Collection* collection, const RowRef& ref, std::int64_t document,
                              std::int64_t keep_from) {
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "converge compaction", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  if (find_document(collection, ref) == document) {
    RowLock lock{collection, ref};
    as_table_owner(collection, lock_as_owner, &lock);
  }
  lock_log(document);
  const std::int64_t dropped = compact_log(collection, ref.tenant, document, keep_from);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  return dropped;
}

namespace {

Collection* owned_collection(const char* name) {
  Collection* collection = collection_named(name);
  if (collection == nullptr) no_such_collection(name);
  check_table_owner(collection->tracked);
  return collection;
}

}  // namespace

std::int64_t keep_from(const Interval* keep) {
  const TimestampTz now = GetCurrentTimestamp();
  const TimestampTz from = DatumGetTimestampTz(
      DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), IntervalPGetDatum(keep)));
  if (from > now) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("interval to keep is negative")));
  }
  return from;
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_compact(PG_FUNCTION_ARGS) {
  Collection* collection = owned_collection(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  const RowRef ref{text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2))};
  const std::int64_t from = keep_from(PG_GETARG_INTERVAL_P(3));
  int count;
  const std::int64_t* documents = incarnations_of(collection, ref, &count);
  if (count == 0) no_such_document(collection->name, ref.key);
  std::int64_t dropped = 0;
  for (int i = 0; i < count; i++) dropped += compact_document(collection, ref, documents[i], from);
  PG_RETURN_INT64(dropped);
}

extern "C" PGDLLEXPORT Datum converge_compact_collection(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("arguments of compact() must not be null")));
  }
  const auto* call = fcinfo->context != nullptr && IsA(fcinfo->context, CallContext)
                         ? castNode(CallContext, fcinfo->context)
                         : nullptr;
  const bool atomic = call == nullptr || call->atomic;
  // Beyond the transactions.
  MemoryContext kept = AllocSetContextCreate(PortalContext, "converge compaction", ALLOCSET_DEFAULT_SIZES);
  MemoryContext batch = AllocSetContextCreate(kept, "converge compaction batch", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(kept);
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const std::int64_t from = keep_from(PG_GETARG_INTERVAL_P(1));
  DocumentName after{"", 0, ""};
  MemoryContextSwitchTo(old);

  SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
  while (true) {
    MemoryContextReset(batch);
    MemoryContextSwitchTo(batch);
    Collection* collection = owned_collection(name);
    DocumentName documents[kBatchDocuments];
    const int count = documents_after(collection, after, documents, kBatchDocuments);
    for (int i = 0; i < count; i++) {
      CHECK_FOR_INTERRUPTS();
      (void)compact_document(collection, {documents[i].tenant, documents[i].key}, documents[i].document, from);
    }
    if (count < kBatchDocuments) break;
    MemoryContextSwitchTo(kept);
    after = {pstrdup(documents[count - 1].tenant), documents[count - 1].document, nullptr};
    if (!atomic) {
      SPI_commit();
      EnsurePortalSnapshotExists();
    }
  }
  MemoryContextSwitchTo(old);
  SPI_finish();
  MemoryContextDelete(kept);
  PG_RETURN_NULL();
}

extern "C" PGDLLEXPORT Datum converge_keep_log(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("collection of keep_log() must not be null")));
  }
  const Oid id = PG_GETARG_OID(0);
  check_table_owner(id);
  const Interval* keep = PG_ARGISNULL(1) ? nullptr : PG_GETARG_INTERVAL_P(1);
  // Raises where it makes no sense.
  if (keep != nullptr) (void)keep_from(keep);
  Relation relation = relation_open(id, ShareUpdateExclusiveLock);
  set_keep(relation, keep);
  relation_close(relation, NoLock);
  PG_RETURN_VOID();
}

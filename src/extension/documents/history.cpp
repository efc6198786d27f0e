// history(): who changed what of a document, and when, the newest first.
//
// The log is ordered by replica. So the last change of each replica is looked up,
// the newest of them given, and the one before it of that replica put in its
// place: a page costs a look for each replica, and one for each change in it,
// however long the log is.
#include <algorithm>

#include "core/history/field_view.h"
#include "extension/documents/access.h"
#include "extension/documents/log.h"
#include "extension/documents/quarantine.h"
#include "extension/documents/replica.h"

extern "C" {
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_history);
}

namespace converge {
namespace {

constexpr int kMaxPage = 1000;

// A replica's newest change that is not given yet.
struct Head {
  std::int64_t replica;
  std::int64_t seq;
  std::int64_t recorded_at;
};

bool is_older(const Head& a, const Head& b) {
  if (a.recorded_at != b.recorded_at) return a.recorded_at < b.recorded_at;
  return a.replica != b.replica ? a.replica < b.replica : a.seq < b.seq;
}

struct History {
  const ReadableDocument* found;
  Relation log;
  Snapshot snapshot;
  TimestampTz before;
  MemoryContext scratch;
  Head* heads;  // a heap, the newest on top
  int count;
};

// Puts the replica's last change below `seq`, and before the page's end, into the heap.
void push_head(History* history, std::int64_t replica, std::int64_t seq) {
  const Writer writer{history->found->ref.tenant, history->found->document, replica};
  MemoryContext old = MemoryContextSwitchTo(history->scratch);
  LoggedChange change;
  bool is_there = find_last_logged(history->log, writer, seq, history->snapshot, &change);
  while (is_there && change.recorded_at >= history->before) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextReset(history->scratch);
    is_there = find_last_logged(history->log, writer, change.seq, history->snapshot, &change);
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(history->scratch);
  if (!is_there) return;
  history->heads[history->count++] = {replica, change.seq, change.recorded_at};
  std::push_heap(history->heads, history->heads + history->count, is_older);
}

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::insert: return "insert";
    case Operation::remove: return "delete";
    case Operation::update: break;
  }
  return "update";
}

// Null where it says nothing.
struct varlena* summary_of(std::string_view delta) {
  return boundary::call([&]() -> Result<struct varlena*> {
    const Result<FieldType> type = field_type(delta);
    if (!type) return type.error();
    const Result<std::string> summary = delta_summary(*type, delta);
    if (!summary) return summary.error();
    return summary->empty() ? static_cast<struct varlena*>(nullptr) : boundary::varlena_of(*summary);
  });
}

// A row for each field of the change, or one without a field.
void give(ReturnSetInfo* result, const Collection* collection, const LoggedChange& change, const Payload& payload) {
  enum { kRecordedAt, kPrincipal, kReplica, kSeq, kOperation, kField, kBytes, kSummary, kColumns };
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[kRecordedAt] = TimestampTzGetDatum(change.recorded_at);
  nulls[kPrincipal] = change.principal[0] == '\0';
  values[kPrincipal] = CStringGetTextDatum(change.principal);
  values[kReplica] = Int64GetDatum(change.replica);
  values[kSeq] = Int64GetDatum(change.seq);
  values[kOperation] = CStringGetTextDatum(name_of(payload.operation));
  int given = 0;
  for (int i = 0; i < payload.count; i++) {
    const FieldChange& field = payload.fields[i];
    // Of a column that was dropped nobody says who may read it.
    if (find_field(collection, field.field) == nullptr) continue;
    struct varlena* summary = summary_of(field.delta);
    values[kField] = CStringGetTextDatum(field.field);
    values[kBytes] = Int32GetDatum(static_cast<int32>(field.delta.size()));
    nulls[kSummary] = summary == nullptr;
    values[kSummary] = PointerGetDatum(summary);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    given++;
  }
  if (given > 0) return;
  nulls[kField] = nulls[kBytes] = nulls[kSummary] = true;
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_history(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3)) return Datum{0};
  const int page = PG_GETARG_INT32(3);
  if (page < 1 || page > kMaxPage) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("number of changes %d is out of range", page),
                    errdetail("It is from 1 to %d.", kMaxPage)));
  }
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const char* tenant = found.ref.tenant;
  Snapshot snapshot = GetActiveSnapshot();
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, found.document, snapshot, &count);
  const Quarantine quarantine = quarantine_of(tenant, found.document, snapshot);
  OwnedTable log("change", AccessShareLock);
  MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "converge history", ALLOCSET_DEFAULT_SIZES);
  History history{&found, log.relation, snapshot, PG_ARGISNULL(2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(2), scratch,
                  static_cast<Head*>(palloc(sizeof(Head) * static_cast<Size>(count + 1))), 0};
  for (int i = 0; i < count; i++) {
    CHECK_FOR_INTERRUPTS();
    push_head(&history, replicas[i].replica, PG_INT64_MAX);
  }
  int given = 0;
  std::int64_t last = 0;
  while (history.count > 0) {
    CHECK_FOR_INTERRUPTS();
    std::pop_heap(history.heads, history.heads + history.count, is_older);
    const Head head = history.heads[--history.count];
    // A page does not end within a moment: the next one begins before its last.
    if (given >= page && head.recorded_at != last) break;
    MemoryContext old = MemoryContextSwitchTo(scratch);
    LoggedChange change;
    if (find_last_logged(log.relation, {tenant, found.document, head.replica}, head.seq + 1, snapshot, &change) &&
        !change.refused) {
      auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
      decode_logged_payload(change.payload, payload);
      const bool all = payload->count == 0;
      leave_out_quarantined(quarantine, change.replica, change.seq, payload);
      if (all || payload->count > 0) {
        give(result, found.collection, change, *payload);
        given++;
        last = head.recorded_at;
      }
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(scratch);
    push_head(&history, head.replica, head.seq);
  }
  log.close();
  return Datum{0};
}

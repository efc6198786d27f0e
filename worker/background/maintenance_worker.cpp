// The maintenance worker: folds the documents of one database, whose changes
// push() only logged, into their rows when they are due, and compacts the log.
//
// It sleeps until a commit tells it of such changes, and then until the first
// document is due. What it knows is only where to look: converge.unfolded says
// what is to be folded, each document is folded in a transaction of its own, and
// whoever ends at any point leaves nothing undone that is not found again.
#include "worker/background/postgres_headers.h"

extern "C" {
#include "storage/sinval.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void converge_maintenance_worker_main(Datum argument);
}

#include "extension/documents/fold.h"
#include "extension/documents/settings.h"
#include "extension/documents/unfolded.h"
#include "worker/background/fold_queue.h"
#include "worker/background/lifecycle.h"
#include "worker/background/upkeep.h"
#include "worker/background/usage.h"

namespace converge::worker {
namespace {

constexpr int kStatisticsMilliseconds = 10000;
// How often status figures that take a while are made.
constexpr int kFiguresMilliseconds = 1000;
// Between looks at what was noted, while documents wait: one that is busy may
// become due by the number of its changes. More often when documents are folded
// after less.
constexpr int64 kShortestNap = 50;
constexpr int64 kLongestNap = 1000;
// After a fold: so many times as long as it took, and less the later the documents are.
constexpr int64 kPauses = 4;
constexpr int64 kLongestPause = 20;
constexpr int64 kLateMilliseconds = 1000;
// However many documents are due: between folds the worker heeds the rest so often.
constexpr int64 kLongestRound = 1000;

// The process's only one.
struct MaintenanceWorker {
  Oid extension = InvalidOid;
  MemoryContext context = nullptr;  // for the process's life
  FoldQueue queue;
  bool look = true;                 // converge.unfolded holds documents that are not in the queue
  bool failing = false;             // the problem shown is a document's
  TimestampTz reported_at = 0;
  TimestampTz figured_at = 0;
};

MaintenanceWorker worker;

int64 now_ms() { return GetCurrentTimestamp() / 1000; }

FoldRule rule() { return {fold_quiet, fold_latest, static_cast<uint64>(fold_changes)}; }

void leave_notes(int, Datum) {
  end_reading(&place.entry->notes);
  pg_atomic_write_u64(&place.entry->documents_waiting, 0);
  pg_atomic_write_u64(&place.entry->changes_waiting, 0);
  pg_atomic_write_u64(&place.entry->waiting_since, 0);
}

void show_progress() {
  pg_atomic_write_u64(&place.entry->documents_waiting, static_cast<uint64>(worker.queue.size()));
  pg_atomic_write_u64(&place.entry->changes_waiting, worker.queue.changes());
  const TimestampTz now = GetCurrentTimestamp();
  const bool began = worker.queue.size() > 0 && pg_atomic_read_u64(&place.entry->waiting_since) == 0;
  if (began || worker.queue.size() == 0 ||
      TimestampDifferenceExceeds(worker.figured_at, now, kFiguresMilliseconds)) {
    worker.figured_at = now;
    pg_atomic_write_u64(&place.entry->waiting_since, static_cast<uint64>(worker.queue.oldest() * 1000));
  }
}

// ------------------------------------------------------------ what is to be done

bool enqueue(const UnfoldedDocument& found, void*) {
  const int64 since = found.since / 1000;
  // One change at least. How quiet the document is, is not known: as if it had
  // been changed just now would keep a busy server's backlog waiting.
  const bool added = worker.queue.add(rule(), found.tenant, found.document, 1, since, since);
  if (!added) worker.look = true;
  return added;
}

void look_into_table() {
  worker.look = false;
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  for_each_unfolded(enqueue, nullptr);
  PopActiveSnapshot();
  CommitTransactionCommand();
  MemoryContextSwitchTo(worker.context);
}

// Whether the next note wakes the worker.
bool read_notes() {
  MemoryContext context = AllocSetContextCreate(worker.context, "converge fold notes", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  int count;
  bool overflow;
  bool asleep;
  const FoldNote* notes = take_fold_notes(&place.entry->notes, worker.queue.size() == 0, &count, &overflow, &asleep);
  const int64 now = now_ms();
  for (int i = 0; i < count && !overflow; i++) {
    const FoldNote& note = notes[i];
    overflow = !worker.queue.add(rule(), note.tenant, note.document, static_cast<uint64>(note.changes), now, now);
  }
  if (overflow) worker.look = true;
  MemoryContextSwitchTo(worker.context);
  MemoryContextDelete(context);
  return asleep;
}

// -------------------------------------------------------------------- folding

void count_result(const FoldResult& result) {
  Entry* entry = place.entry;
  if (result.folded > 0) pg_atomic_fetch_add_u64(&entry->documents_folded, 1);
  pg_atomic_fetch_add_u64(&entry->changes_folded, result.folded);
  pg_atomic_fetch_add_u64(&entry->changes_quarantined, result.quarantined);
}

// The document is tried again later, and the others go on.
void put_off(WaitingDocument* document, ErrorData* error) {
  document->failures++;
  worker.queue.postpone(rule(), document, now_ms() + fold_retry_ms(document->failures));
  // Somebody has the row, or did: no problem yet.
  const bool passing = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
                       ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
  if (passing && document->failures < 5) return;
  worker.failing = true;
  set_problem(error->message);
  ereport(LOG, (errmsg("could not fold document %lld: %s", static_cast<long long>(document->document), error->message),
                errdetail("It is tried again in %lld ms.",
                          static_cast<long long>(fold_retry_ms(document->failures)))));
}

// The transaction's commit does not wait for the disk, so that nobody who pushes waits
// for a row until the disk has answered: a fold that a crash undoes is undone whole, and
// is found again. (What a trigger of the table's own had logged is waited for.)
void commit_without_waiting() {
  (void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, ERROR,
                          false);
}

void fold(WaitingDocument* document) {
  ErrorData* volatile error = nullptr;
  volatile bool more = false;

  PG_TRY();
  {
    StartTransactionCommand();
    commit_without_waiting();
    PushActiveSnapshot(GetTransactionSnapshot());
    const FoldResult result = fold_document(document->tenant, document->document);
    PopActiveSnapshot();
    CommitTransactionCommand();
    count_result(result);
    more = result.more;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(worker.context);
    error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(worker.context);

  if (error != nullptr) {
    put_off(document, error);
    FreeErrorData(error);
    return;
  }
  if (worker.failing) {
    // Another document's may follow.
    worker.failing = false;
    set_problem("");
  }
  // Else it stays the first.
  if (!more) worker.queue.remove(document);
}

// After a fold that took `milliseconds`, of a document that was due so long ago:
// leaves the processors, the disk and the documents' locks to those who push. Documents
// that began to change together are due together, and folded in one go they would be what
// the slowest pushes have waited for.
void leave_room(int64 milliseconds, int64 late) {
  if (late >= kLateMilliseconds) return;
  const int64 pause = Max(milliseconds, 1) * kPauses * (kLateMilliseconds - late) / kLateMilliseconds;
  (void)WaitLatch(nullptr, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(Min(Max(pause, 1), kLongestPause)),
                  PG_WAIT_EXTENSION);
}

// Folds what is due, for a while. How long nothing will be, in milliseconds; -1: for ever.
long fold_due_documents() {
  const int64 began = now_ms();
  while (WaitingDocument* document = worker.queue.first(rule())) {
    CHECK_FOR_INTERRUPTS();
    const int64 now = now_ms();
    if (now - began >= kLongestRound) return 0;
    if (document->due > now) {
      const int64 patience = Min(Max(static_cast<int64>(fold_quiet), kShortestNap), kLongestNap);
      return static_cast<long>(Min(document->due - now, patience));
    }
    const int64 late = now - document->due;
    fold(document);
    show_progress();
    leave_room(now_ms() - now, late);
  }
  return -1;
}

bool still_serving() {
  if (!take_recheck()) return true;
  // A prepared transaction may have left something when it committed.
  worker.look = true;
  return converge_extension() == worker.extension;
}

void run() {
  worker.extension = converge_extension();
  if (!OidIsValid(worker.extension)) {
    place.outcome = Outcome::finished;
    return;
  }
  worker.queue.open(worker.context);
  begin_reading(&place.entry->notes);
  on_shmem_exit(leave_notes, 0);
  pg_atomic_write_u64(&place.entry->documents_folded, 0);
  pg_atomic_write_u64(&place.entry->changes_folded, 0);
  pg_atomic_write_u64(&place.entry->changes_quarantined, 0);
  pg_atomic_write_u64(&place.entry->documents_compacted, 0);
  pg_atomic_write_u64(&place.entry->changes_compacted, 0);
  set_problem("");
  set_phase(Phase::running);
  place.outcome = Outcome::stopped;

  for (;;) {
    ResetLatch(MyLatch);
    QueryCancelPending = false;  // there is no statement to cancel
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
      worker.queue.reorder(rule());
    }
    if (catchupInterruptPending) ProcessCatchupInterrupt();
    if (!still_serving()) return;

    const bool woken_by_notes = read_notes();
    if (worker.look && worker.queue.has_room()) look_into_table();
    const long until_fold = fold_due_documents();
    show_progress();
    const long until_upkeep = keep_up(worker.context);
    const long until_audit = write_audit_notes(&place.entry->audit_notes);
    long nap = Min(until_upkeep, measure_some(worker.context));
    if (until_fold >= 0) nap = Min(nap, until_fold);
    // The last document was folded since the notes were read: whoever noted something
    // meanwhile has found nobody asleep.
    if (until_fold < 0 && !woken_by_notes) nap = 0;
    if (worker.look && worker.queue.has_room()) nap = 0;
    if (until_audit >= 0) nap = Min(nap, until_audit);
    if (TimestampDifferenceExceeds(worker.reported_at, GetCurrentTimestamp(), kStatisticsMilliseconds)) {
      worker.reported_at = GetCurrentTimestamp();
      pgstat_report_stat(true);
    }
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, nap, PG_WAIT_EXTENSION);
  }
}

}  // namespace
}  // namespace converge::worker

void converge_maintenance_worker_main(Datum argument) {
  using namespace converge::worker;

  const Oid database = DatumGetObjectId(argument);
  // SIGINT keeps its handler: a lock that takes too long comes as one. SIGTERM may
  // come at any point: what is not committed is found again.
  run_worker(database, kMaintenance, "converge maintenance worker", &worker.context, nullptr, run);
}

#include "worker/background/launcher.h"

#include "worker/background/postgres_headers.h"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_database.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void converge_launcher_main(Datum argument);
}

#include "worker/background/registry.h"

namespace converge::worker {
namespace {

// How many workers may be on their way up at a time: at the start of a server
// with many databases most of them end at once, without the extension.
constexpr int kMaxStarting = 2;
constexpr int kStartPatienceMilliseconds = 30000;
// How long the launcher sleeps when nothing is due.
constexpr long kIdleMilliseconds = 60000;
// Between attempts to start a worker when the server has no process free.
constexpr int kNoProcessMilliseconds = 10000;

// What datconnlimit of a database says that an interrupted DROP DATABASE has left: it lets
// nobody in, and can only be dropped. Servers before 15.4 have no name for it.
constexpr int kLeftByInterruptedDrop = -2;

// The databases that are still to be looked at after the launcher's start, in
// TopMemoryContext.
List* unseen = NIL;

void leave(int, Datum) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  registry->launcher = nullptr;
  registry->launcher_pid = 0;
  LWLockRelease(registry->lock);
}

// The databases that may have a worker: not the templates, which have to stay
// free for CREATE DATABASE.
List* served_databases() {
  List* databases = NIL;

  StartTransactionCommand();
  (void)GetTransactionSnapshot();
  Relation relation = table_open(DatabaseRelationId, AccessShareLock);
  TableScanDesc scan = table_beginscan_catalog(relation, 0, nullptr);
  HeapTuple tuple;
  while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection))) {
    auto* database = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));

    if (database->datallowconn && !database->datistemplate &&
        database->datconnlimit != kLeftByInterruptedDrop) {
      MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

      databases = lappend_oid(databases, database->oid);
      MemoryContextSwitchTo(old);
    }
  }
  table_endscan(scan);
  table_close(relation, AccessShareLock);
  CommitTransactionCommand();
  return databases;
}

bool is_served(Oid database) {
  List* databases = served_databases();
  const bool served = list_member_oid(databases, database);

  list_free(databases);
  return served;
}

// Moves databases that are still to be looked at into the registry, as far as
// there is room.
void admit_unseen() {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  while (unseen != NIL && find_or_make_entry(linitial_oid(unseen)) != nullptr)
    unseen = list_delete_first(unseen);
  LWLockRelease(registry->lock);
}

struct WorkerKind {
  const char* name;
  const char* function;
};
constexpr WorkerKind kWorkers[kKinds] = {
    {"stream worker", "converge_stream_worker_main"},
    {"maintenance worker", "converge_maintenance_worker_main"},
};

bool register_worker(Oid database, Kind kind) {
  BackgroundWorker worker = {};

  snprintf(worker.bgw_name, sizeof(worker.bgw_name), "converge %s for database %u", kWorkers[kind].name, database);
  snprintf(worker.bgw_type, sizeof(worker.bgw_type), "converge %s", kWorkers[kind].name);
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "converge");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "%s", kWorkers[kind].function);
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

// Picks a database and the worker of it that is due and marks that as starting,
// or gives InvalidOid and how long to sleep at most.
Oid take_due(Kind* kind, long* sleep) {
  const TimestampTz now = GetCurrentTimestamp();
  Oid due = InvalidOid;
  int starting = 0;

  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  for (int i = 0; i < registry->capacity; i++) {
    Entry* entry = &registry->entries[i];

    for (Worker& worker : entry->workers) {
      if (!OidIsValid(entry->database) || worker.phase != Phase::starting) continue;
      // One that ended before it could attach, say for want of a process.
      if (TimestampDifferenceExceeds(worker.started_at, now, kStartPatienceMilliseconds))
        worker.phase = Phase::waiting;
      else {
        starting++;
        *sleep = Min(*sleep, 1000L);
      }
    }
  }
  for (int i = 0; i < registry->capacity; i++) {
    Entry* entry = &registry->entries[i];

    if (!OidIsValid(entry->database) || entry->holds > 0) continue;
    for (int j = 0; j < kKinds && !OidIsValid(due) && starting < kMaxStarting; j++) {
      Worker& worker = entry->workers[j];

      if (worker.phase != Phase::waiting || (j != kStream && !entry->served)) continue;
      if (worker.retry_at <= now) {
        worker.phase = Phase::starting;
        worker.started_at = now;
        due = entry->database;
        *kind = static_cast<Kind>(j);
      } else
        *sleep = Min(*sleep, TimestampDifferenceMilliseconds(now, worker.retry_at) + 1);
    }
  }
  LWLockRelease(registry->lock);
  return due;
}

// Takes back what take_due() marked.
void put_back(Oid database, Kind kind, bool forget) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  Entry* entry = find_entry(database);
  Worker* worker = entry != nullptr ? &entry->workers[kind] : nullptr;
  if (worker != nullptr && worker->phase == Phase::starting && worker->pid == 0) {
    worker->phase = Phase::waiting;
    worker->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kNoProcessMilliseconds);
    bool absent = true;
    for (const Worker& each : entry->workers) absent = absent && each.pid == 0 && each.phase == Phase::waiting;
    if (forget && absent && entry->holds == 0) free_entry(entry);
  }
  LWLockRelease(registry->lock);
}

void start(Oid database, Kind kind) {
  static bool warned = false;

  if (!is_served(database)) {
    put_back(database, kind, true);
    return;
  }
  if (register_worker(database, kind)) {
    warned = false;
    return;
  }
  put_back(database, kind, false);
  // Not again and again: it is tried every few seconds.
  if (!warned)
    ereport(WARNING, (errmsg("could not start the converge %s for database %u", kWorkers[kind].name, database),
                      errdetail("The server has no background worker process free."),
                      errhint("Increase max_worker_processes and restart the server.")));
  warned = true;
}

[[noreturn]] void run() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGINT, SIG_IGN);  // there is no statement to cancel
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);

  on_shmem_exit(leave, 0);
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  registry->launcher = MyLatch;
  registry->launcher_pid = MyProcPid;
  LWLockRelease(registry->lock);

  unseen = served_databases();
  for (;;) {
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
      // What was in the way may be gone.
      LWLockAcquire(registry->lock, LW_EXCLUSIVE);
      for (int i = 0; i < registry->capacity; i++)
        for (Worker& worker : registry->entries[i].workers) worker.retry_at = 0;
      LWLockRelease(registry->lock);
    }
    if (catchupInterruptPending) ProcessCatchupInterrupt();

    long sleep = kIdleMilliseconds;
    admit_unseen();
    Kind kind;
    for (Oid database; OidIsValid(database = take_due(&kind, &sleep));) start(database, kind);

    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep,
                    PG_WAIT_EXTENSION);
  }
}

}  // namespace

void register_launcher() {
  BackgroundWorker worker = {};

  snprintf(worker.bgw_name, sizeof(worker.bgw_name), "converge launcher");
  snprintf(worker.bgw_type, sizeof(worker.bgw_type), "converge launcher");
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "converge");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "converge_launcher_main");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 5;
  RegisterBackgroundWorker(&worker);
}

}  // namespace converge::worker

void converge_launcher_main(Datum) { converge::worker::run(); }

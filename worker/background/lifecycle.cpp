#include "worker/background/lifecycle.h"

namespace converge::worker {

Place place = {nullptr, nullptr, Outcome::failed};

namespace {

// A worker that ran this long starts its count of failures anew.
constexpr int kStableMilliseconds = 60000;
constexpr int kMaxRetryMilliseconds = 60000;

// How long one that found no extension stays away while the other has not ended.
constexpr int kOtherMilliseconds = 1000;

bool is_absent(const Worker& worker) { return worker.pid == 0 && worker.phase == Phase::waiting; }

void leave(int, Datum) {
  const TimestampTz now = GetCurrentTimestamp();
  Entry* entry = place.entry;
  Worker* worker = place.worker;
  Latch* other = nullptr;

  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  worker->pid = 0;
  worker->latch = nullptr;
  worker->phase = Phase::waiting;
  if (place.outcome == Outcome::failed && entry->holds == 0) {
    if (TimestampDifferenceExceeds(worker->started_at, now, kStableMilliseconds))
      worker->failures = 0;
    const int delay = Min(1000 << Min(worker->failures, 6), kMaxRetryMilliseconds);
    worker->failures++;
    worker->retry_at = TimestampTzPlusMilliseconds(now, delay);
  } else {
    worker->failures = 0;
    worker->retry_at = 0;
  }
  if (place.outcome == Outcome::finished && !worker->recheck && entry->holds == 0) {
    if (worker == &entry->workers[kStream]) {
      entry->served = false;
      // It looks for itself, and finishes as well.
      entry->workers[kMaintenance].recheck = entry->workers[kMaintenance].pid != 0;
      other = entry->workers[kMaintenance].latch;
    }
    worker->retry_at = TimestampTzPlusMilliseconds(now, kOtherMilliseconds);
    bool absent = !entry->served && !entry->workers[kStream].recheck;
    for (const Worker& each : entry->workers) absent = absent && is_absent(each);
    if (absent) free_entry(entry);
  }
  Latch* launcher = registry->launcher;
  LWLockRelease(registry->lock);

  ConditionVariableBroadcast(&registry->ended);
  if (other != nullptr) SetLatch(other);
  if (launcher != nullptr) SetLatch(launcher);
}

// False: it is not wanted any more.
bool enter(Oid database, Kind kind) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  Entry* entry = find_entry(database);
  Worker* worker = entry != nullptr ? &entry->workers[kind] : nullptr;
  const bool wanted = worker != nullptr && worker->pid == 0 && worker->phase == Phase::starting;
  if (wanted && entry->holds == 0) {
    worker->pid = MyProcPid;
    worker->latch = MyLatch;
    worker->phase = Phase::creating;
    worker->started_at = GetCurrentTimestamp();
    worker->recheck = false;
    place.entry = entry;
    place.worker = worker;
  } else if (wanted)
    worker->phase = Phase::waiting;
  LWLockRelease(registry->lock);

  if (place.entry != nullptr) on_shmem_exit(leave, 0);
  // Who holds the database waits for this.
  else
    ConditionVariableBroadcast(&registry->ended);
  return place.entry != nullptr;
}

// What a database has set for its sessions is not meant for the workers: a way of
// transactions in which theirs fail, a time after which they end.
void take_own_settings() {
  constexpr const char* kOwn[][2] = {{"default_transaction_isolation", "read committed"},
                                     {"default_transaction_read_only", "off"},
                                     {"default_transaction_deferrable", "off"},
                                     {"lock_timeout", "0"},
                                     {"statement_timeout", "0"},
                                     {"transaction_timeout", "0"}};
  for (const auto& [name, value] : kOwn) {
    // (Older servers do not know them all.)
    if (GetConfigOption(name, true, false) != nullptr) SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

}  // namespace

void run_worker(Oid database, Kind kind, const char* name, MemoryContext* context, void (*prepare)(), void (*run)()) {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  if (!enter(database, kind)) proc_exit(0);
  if (prepare != nullptr) prepare();
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  take_own_settings();
  *context = AllocSetContextCreateInternal(TopMemoryContext, name, ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(*context);

  PG_TRY();
  { run(); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(*context);
    ErrorData* error = CopyErrorData();

    place.outcome = Outcome::failed;
    set_problem(error->message);
    PG_RE_THROW();
  }
  PG_END_TRY();
  proc_exit(0);
}

void set_phase(Phase phase) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  place.worker->phase = phase;
  LWLockRelease(registry->lock);
}

void set_problem(const char* problem) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  strlcpy(place.worker->problem, problem, kMaxProblemBytes);
  LWLockRelease(registry->lock);
}

bool take_recheck() {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  const bool recheck = place.worker->recheck;
  place.worker->recheck = false;
  LWLockRelease(registry->lock);
  return recheck;
}

Oid converge_extension() {
  MemoryContext context = CurrentMemoryContext;
  StartTransactionCommand();
  const Oid extension = get_extension_oid("converge", true);
  CommitTransactionCommand();
  MemoryContextSwitchTo(context);
  return extension;
}

}  // namespace converge::worker

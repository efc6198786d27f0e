#include "worker/background/registry.h"

#include <csignal>

namespace converge::worker {

Registry* registry = nullptr;

namespace {

constexpr const char* kName = "converge registry";
constexpr int kHoldPatienceMilliseconds = 10000;

shmem_request_hook_type previous_shmem_request_hook = nullptr;
shmem_startup_hook_type previous_shmem_startup_hook = nullptr;

// There cannot be more databases with workers than worker processes.
int capacity() { return Max(max_worker_processes, 1); }

Size registry_size() {
  return add_size(offsetof(Registry, entries), mul_size(sizeof(Entry), capacity()));
}

void request_memory() {
  if (previous_shmem_request_hook != nullptr) previous_shmem_request_hook();
  RequestAddinShmemSpace(registry_size());
  // The registry's own and one for each entry's notes.
  RequestNamedLWLockTranche(kName, 1 + capacity());
}

void set_up_memory() {
  bool found;

  if (previous_shmem_startup_hook != nullptr) previous_shmem_startup_hook();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  registry = static_cast<Registry*>(ShmemInitStruct(kName, registry_size(), &found));
  if (!found) {
    memset(static_cast<void*>(registry), 0, registry_size());
    LWLockPadded* locks = GetNamedLWLockTranche(kName);
    registry->lock = &locks[0].lock;
    ConditionVariableInit(&registry->ended);
    registry->capacity = capacity();
    for (int i = 0; i < registry->capacity; i++) {
      Entry* entry = &registry->entries[i];

      pg_atomic_init_u64(&entry->confirmed_lsn, 0);
      pg_atomic_init_u64(&entry->bridges, 0);
      pg_atomic_init_u64(&entry->watches, 0);
      pg_atomic_init_u64(&entry->frames, 0);
      pg_atomic_init_u64(&entry->bytes_forwarded, 0);
      pg_atomic_init_u64(&entry->bridges_dropped, 0);
      pg_atomic_init_u64(&entry->documents_waiting, 0);
      pg_atomic_init_u64(&entry->changes_waiting, 0);
      pg_atomic_init_u64(&entry->waiting_since, 0);
      pg_atomic_init_u64(&entry->documents_folded, 0);
      pg_atomic_init_u64(&entry->changes_folded, 0);
      pg_atomic_init_u64(&entry->changes_quarantined, 0);
      pg_atomic_init_u64(&entry->documents_compacted, 0);
      pg_atomic_init_u64(&entry->changes_compacted, 0);
      entry->notes.lock = &locks[1 + i].lock;
      entry->audit_notes.lock = entry->notes.lock;
    }
  }
  LWLockRelease(AddinShmemInitLock);
}

// Whether a worker of the database runs or is about to. Asks a running one to
// stop: its pid is in the entry only as long as the process is there, and
// cannot be another's.
bool stop_workers(Oid database, bool* signalled) {
  bool busy = false;

  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  const Entry* entry = find_entry(database);
  for (int kind = 0; entry != nullptr && kind < kKinds; kind++) {
    const Worker& worker = entry->workers[kind];

    busy = busy || worker.pid != 0 || worker.phase == Phase::starting;
    if (worker.pid != 0 && !signalled[kind]) {
      kill(worker.pid, SIGTERM);
      signalled[kind] = true;
    }
  }
  LWLockRelease(registry->lock);
  return busy;
}

}  // namespace

void reserve_registry() {
  previous_shmem_request_hook = shmem_request_hook;
  shmem_request_hook = request_memory;
  previous_shmem_startup_hook = shmem_startup_hook;
  shmem_startup_hook = set_up_memory;
}

Entry* find_entry(Oid database) {
  for (int i = 0; i < registry->capacity; i++)
    if (registry->entries[i].database == database) return &registry->entries[i];
  return nullptr;
}

Entry* find_or_make_entry(Oid database) {
  Entry* entry = find_entry(database);

  if (entry != nullptr) return entry;
  entry = find_entry(InvalidOid);
  if (entry == nullptr) return nullptr;
  free_entry(entry);
  entry->database = database;
  return entry;
}

void free_entry(Entry* entry) {
  entry->database = InvalidOid;
  entry->holds = 0;
  entry->served = false;
  for (Worker& worker : entry->workers) worker = Worker{};
  entry->slot[0] = '\0';
  entry->slot_fails = false;
  entry->audit_notes.used = 0;
  entry->audit_notes.uncounted = 0;
  pg_atomic_write_u64(&entry->confirmed_lsn, 0);
  pg_atomic_write_u64(&entry->bridges, 0);
  pg_atomic_write_u64(&entry->watches, 0);
  pg_atomic_write_u64(&entry->frames, 0);
  pg_atomic_write_u64(&entry->bytes_forwarded, 0);
  pg_atomic_write_u64(&entry->bridges_dropped, 0);
  pg_atomic_write_u64(&entry->documents_waiting, 0);
  pg_atomic_write_u64(&entry->changes_waiting, 0);
  pg_atomic_write_u64(&entry->waiting_since, 0);
  pg_atomic_write_u64(&entry->documents_folded, 0);
  pg_atomic_write_u64(&entry->changes_folded, 0);
  pg_atomic_write_u64(&entry->changes_quarantined, 0);
  pg_atomic_write_u64(&entry->documents_compacted, 0);
  pg_atomic_write_u64(&entry->changes_compacted, 0);
}

void wake_launcher() {
  LWLockAcquire(registry->lock, LW_SHARED);
  Latch* launcher = registry->launcher;
  LWLockRelease(registry->lock);
  // A latch is part of shared memory for good: one that is no longer the
  // launcher's wakes somebody for nothing.
  if (launcher != nullptr) SetLatch(launcher);
}

void request_check(Oid database) {
  Latch* latches[kKinds] = {};

  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  Entry* entry = find_or_make_entry(database);
  for (int kind = 0; entry != nullptr && kind < kKinds; kind++) {
    Worker& worker = entry->workers[kind];

    worker.recheck = true;
    worker.retry_at = 0;
    latches[kind] = worker.latch;
  }
  LWLockRelease(registry->lock);

  if (entry == nullptr)
    ereport(WARNING, (errmsg("converge cannot stream the changes of this database"),
                      errdetail("All %d entries for databases are in use.", registry->capacity),
                      errhint("Increase max_worker_processes and restart the server.")));
  for (Latch* latch : latches)
    if (latch != nullptr) SetLatch(latch);
  wake_launcher();
}

bool hold_database(Oid database) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  Entry* entry = find_or_make_entry(database);
  if (entry != nullptr) entry->holds++;
  LWLockRelease(registry->lock);
  return entry != nullptr;
}

void end_workers(Oid database) {
  const TimestampTz deadline =
      TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kHoldPatienceMilliseconds);
  bool signalled[kKinds] = {};

  ConditionVariablePrepareToSleep(&registry->ended);
  while (stop_workers(database, signalled)) {
    // One that was starting may attach, see the hold and end without a word.
    ConditionVariableTimedSleep(&registry->ended, 100, PG_WAIT_EXTENSION);
    // The statement itself says then that the database is in use.
    if (GetCurrentTimestamp() >= deadline) break;
  }
  ConditionVariableCancelSleep();
}

void release_database(Oid database) {
  LWLockAcquire(registry->lock, LW_EXCLUSIVE);
  Entry* entry = find_entry(database);
  if (entry != nullptr && entry->holds > 0) entry->holds--;
  LWLockRelease(registry->lock);
  wake_launcher();
}

}  // namespace converge::worker

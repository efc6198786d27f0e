// The registry in shared memory: which databases have, or are to have, workers.
// Backends write to it what happened (a change was logged, an extension came or
// went, a statement needs a database to itself), the launcher starts workers by
// it, a worker shows its state in it.
#pragma once

#include "worker/background/audit_notes.h"
#include "worker/background/fold_notes.h"
#include "worker/background/postgres_headers.h"

namespace converge::worker {

constexpr int kMaxProblemBytes = 256;

// How a worker ended, which decides what the launcher does next.
enum class Outcome {
  failed,    // by an error: again, after a while that grows with each failure
  stopped,   // it was asked to: again, unless something holds the database
  finished,  // the database does not have the extension: not again
};

enum class Phase {
  waiting,   // for the launcher to start it
  starting,  // registered, not attached yet
  creating,  // attached; creating its slot, which waits for open transactions
  running,
};

// The workers of a database. The stream worker comes first: it looks whether the
// database has the extension.
enum Kind { kStream, kMaintenance, kKinds };

// One worker of a database.
struct Worker {
  Phase phase;
  pid_t pid;     // of the attached process, or 0
  Latch* latch;  // its latch, or null
  bool recheck;  // an extension came or went since the worker last looked
  int failures;  // in a row
  TimestampTz retry_at;
  TimestampTz started_at;
  char problem[kMaxProblemBytes];  // why there is no running worker; may be empty
};

// A database that has workers or is to have some.
struct Entry {
  Oid database;  // InvalidOid: a free entry
  int holds;     // statements that need the database to themselves
  bool served;   // the stream worker found the extension in it
  Worker workers[kKinds];
  char slot[NAMEDATALEN];  // the stream worker's
  bool slot_fails;         // decoding from it raised an error

  // Written by the stream worker alone.
  pg_atomic_uint64 confirmed_lsn;
  pg_atomic_uint64 bridges;
  pg_atomic_uint64 watches;
  pg_atomic_uint64 frames;           // decoded since the worker started
  pg_atomic_uint64 bytes_forwarded;  // to all bridges, since the worker started
  pg_atomic_uint64 bridges_dropped;  // for being too slow, since the worker started

  // Written by the maintenance worker alone.
  pg_atomic_uint64 documents_waiting;  // to be folded
  pg_atomic_uint64 changes_waiting;    // of those, as far as it knows
  pg_atomic_uint64 waiting_since;      // TimestampTz: the oldest of them, or 0
  pg_atomic_uint64 documents_folded;   // since the worker started
  pg_atomic_uint64 changes_folded;     // since the worker started
  pg_atomic_uint64 changes_quarantined;  // since the worker started
  pg_atomic_uint64 documents_compacted;  // since the worker started
  pg_atomic_uint64 changes_compacted;    // since the worker started

  // For the maintenance worker.
  FoldNotes notes;
  AuditNotes audit_notes;
};

struct Registry {
  LWLock* lock;  // for all but the atomics and the notes
  // Broadcast whenever a worker has ended.
  ConditionVariable ended;
  Latch* launcher;  // or null
  pid_t launcher_pid;
  int capacity;
  Entry entries[FLEXIBLE_ARRAY_MEMBER];
};

// Null unless the library was in shared_preload_libraries.
extern Registry* registry;

// Installs the hooks that reserve and set up the shared memory. Only while
// shared_preload_libraries is processed.
void reserve_registry();

// The entry of a database, or null. The lock is held.
Entry* find_entry(Oid database);

// The same, made if there is a free one.
Entry* find_or_make_entry(Oid database);

void free_entry(Entry* entry);

// Wakes the launcher, if there is one.
void wake_launcher();

// Says that a database's extensions have changed: its workers look again, or
// one is started to look. Any process.
void request_check(Oid database);

// Lets no worker of the database start until release_database(). False: there was no
// free entry, so it has no workers; nothing is held, and nothing is to be released.
bool hold_database(Oid database);
void release_database(Oid database);

// Stops the workers of a database that is held and waits until they have ended, 10 s at
// most. May raise (interrupts).
void end_workers(Oid database);

}  // namespace converge::worker

// What committed transactions tell a database's maintenance worker: which
// documents have changes that are to be folded. Only a hint, so that it need not
// look: converge.unfolded knows, also after a crash.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

struct FoldNote {
  int64 document;
  int32 changes;
  const char* tenant;
};

// In shared memory.
struct FoldNotes {
  LWLock* lock;   // for all that follows
  bool read;      // there is a worker that reads them
  bool asleep;    // it waits for nothing but its latch
  bool overflow;  // some found no room: it has to look into the table
  uint32 changes;  // noted since it last read
  uint32 used;    // bytes
  char bytes[64 * 1024];
};

// The worker begins, or ends, to read: what was noted before is forgotten.
void begin_reading(FoldNotes* notes);
void end_reading(FoldNotes* notes);

// Adds notes. Whether the worker is to be woken: it sleeps, there is not much
// room left, or `enough` changes wait to be read.
bool add_fold_notes(FoldNotes* notes, const FoldNote* added, int count, uint32 enough);

// Takes all notes. They are copied to CurrentMemoryContext. `overflow`: there
// were more. `asleep`: there were none and the worker has nothing else to wait for,
// so that whoever adds one from now on wakes it.
FoldNote* take_fold_notes(FoldNotes* notes, bool nothing_waits, int* count, bool* overflow, bool* asleep);

}  // namespace converge::worker

// What is to be written to converge.audit whatever becomes of the transactions in
// which it happened: kept in shared memory until a database's maintenance worker
// writes it. Like events are one note with a count. Those that find no room are
// counted together, and lost where no worker comes.
#pragma once

#include "extension/security/audit.h"
#include "worker/background/postgres_headers.h"

namespace converge::worker {

struct AuditNote {
  char tenant[kMaxAuditBytes + 1];
  char event[NAMEDATALEN];
  char principal[kMaxAuditBytes + 1];
  char object[kMaxAuditBytes + 1];
  char detail[kMaxAuditBytes + 1];
  char role[NAMEDATALEN];
  int64 count;
};

constexpr int kAuditNotes = 32;

// In shared memory.
struct AuditNotes {
  LWLock* lock;  // for all that follows
  int used;
  int64 uncounted;  // events that found no room
  AuditNote notes[kAuditNotes];
};

// Adds an event. Whether the worker is to be woken: it is the first.
bool add_audit_note(AuditNotes* notes, const AuditNote& made);

// Writes what is there in a transaction of its own, if the last time was long enough
// ago. In how many milliseconds it is to be called again; -1: when somebody wakes
// the worker. Raises what writing may.
long write_audit_notes(AuditNotes* notes);

}  // namespace converge::worker

#include "worker/background/audit_notes.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include "worker/background/registry.h"

namespace converge::worker {
namespace {

// Between two times that notes are written: what bounds the rows that failures make.
constexpr int kPauseMilliseconds = 1000;

void copy_text(char* to, Size room, const char* from) {
  const int size = pg_mbcliplen(from, static_cast<int>(strlen(from)), static_cast<int>(room) - 1);
  memcpy(to, from, static_cast<Size>(size));
  to[size] = '\0';
}

bool is_like(const AuditNote& a, const AuditNote& b) {
  return strcmp(a.detail, b.detail) == 0 && strcmp(a.principal, b.principal) == 0 && strcmp(a.tenant, b.tenant) == 0 &&
         strcmp(a.event, b.event) == 0 && strcmp(a.object, b.object) == 0 && strcmp(a.role, b.role) == 0;
}

int take(AuditNotes* notes, AuditNote* taken, int64* uncounted) {
  LWLockAcquire(notes->lock, LW_EXCLUSIVE);
  const int count = notes->used;
  memcpy(taken, notes->notes, sizeof(AuditNote) * static_cast<Size>(count));
  *uncounted = notes->uncounted;
  notes->used = 0;
  notes->uncounted = 0;
  LWLockRelease(notes->lock);
  return count;
}

void write(const AuditNote* notes, int count, int64 uncounted) {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  for (int i = 0; i < count; i++) {
    const AuditNote& note = notes[i];
    record_audit({note.tenant, note.event, note.principal, note.object, note.detail}, note.role, note.count);
  }
  if (uncounted > 0) {
    record_audit({"", "not_recorded", "", "", "more events came than are recorded one by one"}, "", uncounted);
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
}

void make_note(const AuditEntry& entry, AuditNote* made) {
  copy_text(made->tenant, sizeof made->tenant, entry.tenant);
  copy_text(made->event, sizeof made->event, entry.event);
  copy_text(made->principal, sizeof made->principal, entry.principal);
  copy_text(made->object, sizeof made->object, entry.object);
  copy_text(made->detail, sizeof made->detail, entry.detail);
  char* role = GetUserNameFromId(GetSessionUserId(), true);
  copy_text(made->role, sizeof made->role, role != nullptr ? role : "");
  made->count = 1;
}

}  // namespace

bool add_audit_note(AuditNotes* notes, const AuditNote& made) {
  LWLockAcquire(notes->lock, LW_EXCLUSIVE);
  const bool first = notes->used == 0;
  bool counted = false;
  for (int i = 0; i < notes->used && !counted; i++) {
    if (!is_like(notes->notes[i], made)) continue;
    notes->notes[i].count++;
    counted = true;
  }
  if (!counted && notes->used < kAuditNotes) {
    notes->notes[notes->used++] = made;
    counted = true;
  }
  if (!counted) notes->uncounted++;
  LWLockRelease(notes->lock);
  return first;
}

long write_audit_notes(AuditNotes* notes) {
  static TimestampTz written_at = 0;
  const TimestampTz now = GetCurrentTimestamp();
  const long waited = static_cast<long>(TimestampDifferenceMilliseconds(written_at, now));

  LWLockAcquire(notes->lock, LW_SHARED);
  const bool any = notes->used > 0;
  LWLockRelease(notes->lock);
  if (!any) return -1;
  if (waited < kPauseMilliseconds) return kPauseMilliseconds - waited;

  MemoryContext caller = CurrentMemoryContext;
  auto* taken = static_cast<AuditNote*>(palloc(sizeof(AuditNote) * kAuditNotes));
  int64 uncounted;
  const int count = take(notes, taken, &uncounted);
  written_at = now;
  write(taken, count, uncounted);
  MemoryContextSwitchTo(caller);
  pfree(taken);
  return -1;
}

}  // namespace converge::worker

void converge::note_audit(const AuditEntry& entry) {
  using namespace converge::worker;

  if (registry == nullptr) return;
  // First: no catalog is read with a lock of shared memory held.
  AuditNote made;
  make_note(entry, &made);
  Latch* latch = nullptr;
  LWLockAcquire(registry->lock, LW_SHARED);
  // Under the lock, so that the entry stays this database's.
  Entry* database = find_entry(MyDatabaseId);
  if (database != nullptr && add_audit_note(&database->audit_notes, made)) {
    latch = database->workers[kMaintenance].latch;
  }
  LWLockRelease(registry->lock);
  if (latch != nullptr) SetLatch(latch);
}

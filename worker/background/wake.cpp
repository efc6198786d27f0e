#include "worker/background/wake.h"

#include "extension/documents/settings.h"
#include "worker/background/registry.h"

namespace converge::worker {
namespace {

// What the open transaction did.
bool change_logged = false;
bool extensions_changed = false;
Oid database_changed = InvalidOid;
Oid database_held = InvalidOid;
// What it left to be folded, in TopTransactionContext.
FoldNote* fold_notes = nullptr;
int fold_note_count = 0;
int fold_note_room = 0;

// Wakes the workers that have something to do.
void wake_workers() {
  Latch* stream = nullptr;
  Latch* maintenance = nullptr;

  LWLockAcquire(registry->lock, LW_SHARED);
  Entry* entry = find_entry(MyDatabaseId);
  if (entry != nullptr) {
    stream = entry->workers[kStream].latch;
    // Under the lock, so that the entry stays this database's.
    if (fold_note_count > 0 &&
        add_fold_notes(&entry->notes, fold_notes, fold_note_count, static_cast<uint32>(fold_changes)))
      maintenance = entry->workers[kMaintenance].latch;
  }
  LWLockRelease(registry->lock);
  if (stream != nullptr) SetLatch(stream);
  if (maintenance != nullptr) SetLatch(maintenance);
}

void at_transaction_end(XactEvent event, void*) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
    return;

  if (event == XACT_EVENT_COMMIT) {
    // append_change() forces a synchronous commit, so that the WAL is flushed
    // by now; and the transaction is visible to others.
    if (change_logged) wake_workers();
    if (extensions_changed) request_check(MyDatabaseId);
    if (OidIsValid(database_changed)) request_check(database_changed);
  }
  // After PREPARE the statement hook wakes the worker at COMMIT PREPARED.
  if (OidIsValid(database_held)) release_database(database_held);
  change_logged = false;
  fold_notes = nullptr;
  fold_note_count = 0;
  fold_note_room = 0;
  extensions_changed = false;
  database_changed = InvalidOid;
  database_held = InvalidOid;
}

}  // namespace

void register_transaction_callback() { RegisterXactCallback(at_transaction_end, nullptr); }

void note_extensions_changed() { extensions_changed = true; }

void note_database_changed(Oid database) { database_changed = database; }

void hold_until_transaction_end(Oid database) {
  if (!hold_database(database)) return;
  database_held = database;
  end_workers(database);
}

}  // namespace converge::worker

void converge_note_logged_change() { converge::worker::change_logged = true; }

void converge_note_unfolded(const char* tenant, int64 document, int changes) {
  using namespace converge::worker;

  if (registry == nullptr) return;
  MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
  if (fold_note_count == fold_note_room) {
    fold_note_room = Max(64, fold_note_room * 2);
    const Size size = sizeof(FoldNote) * static_cast<Size>(fold_note_room);
    fold_notes = static_cast<FoldNote*>(fold_notes == nullptr ? palloc(size) : repalloc_huge(fold_notes, size));
  }
  fold_notes[fold_note_count++] = {document, changes, pstrdup(tenant)};
  MemoryContextSwitchTo(old);
}

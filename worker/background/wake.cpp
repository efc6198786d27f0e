#include "worker/background/wake.h"

#include "worker/background/registry.h"

namespace converge::worker {
namespace {

// What the open transaction did.
bool change_logged = false;
bool extensions_changed = false;
Oid database_changed = InvalidOid;
Oid database_held = InvalidOid;

void wake_stream_worker() {
  LWLockAcquire(registry->lock, LW_SHARED);
  const Entry* entry = find_entry(MyDatabaseId);
  Latch* latch = entry != nullptr ? entry->latch : nullptr;
  LWLockRelease(registry->lock);
  if (latch != nullptr) SetLatch(latch);
}

void at_transaction_end(XactEvent event, void*) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
    return;

  if (event == XACT_EVENT_COMMIT) {
    // append_change() forces a synchronous commit, so that the WAL is flushed
    // by now; and the transaction is visible to others.
    if (change_logged) wake_stream_worker();
    if (extensions_changed) request_check(MyDatabaseId);
    if (OidIsValid(database_changed)) request_check(database_changed);
  }
  // After PREPARE the statement hook wakes the worker at COMMIT PREPARED.
  if (OidIsValid(database_held)) release_database(database_held);
  change_logged = false;
  extensions_changed = false;
  database_changed = InvalidOid;
  database_held = InvalidOid;
}

}  // namespace

void register_transaction_callback() { RegisterXactCallback(at_transaction_end, nullptr); }

void note_extensions_changed() { extensions_changed = true; }

void note_database_changed(Oid database) { database_changed = database; }

void hold_until_transaction_end(Oid database) {
  database_held = database;
  hold_database(database);
}

}  // namespace converge::worker

void converge_note_logged_change() { converge::worker::change_logged = true; }

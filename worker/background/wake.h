// What a transaction of any process tells the stream workers when it ends.
#pragma once

#include "worker/background/postgres_headers.h"

// To be called by append_change(), in the transaction that logs a change: when
// it has committed, and its commit is flushed, the database's stream worker is
// woken. Costs nothing when there is no worker.
void converge_note_logged_change();

// To be called by push(), in the transaction that logs changes of deferred
// fields: the maintenance worker learns of them when it has committed.
void converge_note_unfolded(const char* tenant, int64 document, int changes);

namespace converge::worker {

// Registers the callback. Once, in the postmaster.
void register_transaction_callback();

// The open transaction creates or drops an extension in the current database.
void note_extensions_changed();

// The open transaction creates or alters a database, so that it may have a worker now.
void note_database_changed(Oid database);

// The open transaction needs a database to itself: stops its worker, and lets
// the launcher start one again when the transaction has ended either way.
void hold_until_transaction_end(Oid database);

}  // namespace converge::worker

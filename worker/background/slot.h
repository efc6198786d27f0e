// The replication slot of a database's stream worker.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// The slot's name: converge_<database>_<extension>, by their oids, so that an
// extension that was dropped and created again does not go on with a slot whose
// WAL speaks of tables that are gone.
void slot_name(Oid extension, char name[NAMEDATALEN]);

// Drops the slots of extensions of this database that are gone: all that are
// named as above but this one (null: all).
void drop_stale_slots(const char* keep);

// Makes the slot this process's. Creates it first if there is none, if the server
// has removed WAL it needs (max_slot_wal_keep_size), or if it `fails`, because
// decoding from it raised an error: nothing is lost, for bridges catch up from the
// log. Creation waits for every open transaction
// that has an xid, and reads WAL by `routine`. Says whether it created one.
// Raises if the slot is in use or another's.
bool acquire_slot(const char* name, bool fails, XLogReaderRoutine* routine);

// Confirms that everything before `lsn` is dealt with.
void confirm_slot(XLogRecPtr lsn);

// Writes the slot to disk and gives it up; PostgreSQL 15 does not write a slot
// for a confirmation alone, and would decode from the last written one.
void release_slot();

}  // namespace converge::worker

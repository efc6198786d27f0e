// The settings of this part: converge_init_documents() (module.h) declares them.
#pragma once

namespace converge {

// converge.push_lock_timeout: how long push() waits for the lock of a
// document's row, in milliseconds; 0: as long as it takes.
extern int push_lock_timeout;

// converge.fold_quiet, converge.fold_latest (milliseconds), converge.fold_changes:
// when the maintenance worker folds a document (core/log/fold_rule.h).
extern int fold_quiet;
extern int fold_latest;
extern int fold_changes;

// converge.compact_keep (minutes; -1: never), converge.compact_changes,
// converge.compact_naptime (seconds): which documents the maintenance worker
// compacts (compaction_sweep.h), and how long it rests after it has looked at all.
extern int compact_keep;
extern int compact_changes;
extern int compact_naptime;

// converge.temporary_key_lifetime (minutes): for how long a temporary key means the
// document that was made under it.
extern int temporary_key_lifetime;

}  // namespace converge

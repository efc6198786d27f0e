// What the maintenance worker does between folds: it compacts the log, a document at
// a time (extension/documents/compaction_sweep.h), and forgets temporary keys.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// Goes a step on, in a transaction of its own, if it is time for one. How long
// nothing will be to be done, in milliseconds. Ends in `context`.
long keep_up(MemoryContext context);

}  // namespace converge::worker

// Work on users' rows that may fail by itself: subtransactions, bounded waits for
// locks, deferred constraints, and whose fault an error is.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "utils/elog.h"
}

namespace converge {

// Runs work(argument) in a subtransaction and a memory context that goes with
// it. Null, or the error it raised, rolled back; in CurrentMemoryContext. Errors
// that concern the whole transaction or session are raised on.
ErrorData* in_subtransaction(void (*work)(void*), void* argument);

// Whether an error concerns the whole transaction or session, whatever was done in it.
bool concerns_everything(const ErrorData* error);

// Bounds each wait for a lock until end_lock_timeout(), unless the session's own
// bound is tighter. 0 milliseconds: no bound. What this gives, that takes.
int begin_lock_timeout(int milliseconds);
void end_lock_timeout(int level);

// Constraints that may wait do so until they are fired, whatever was said before.
void defer_constraints();

// Decides what constraints were deferred so far, under the present identity, and lets none
// wait from then on. Raises what they raise.
void fire_deferred_constraints();

// Whether an edit that raised `error` is at fault, so that it will never do
// better: its data, a bound, a constraint, a policy or a trigger. Otherwise the
// circumstances are.
bool is_edits_fault(const ErrorData* error);

}  // namespace converge

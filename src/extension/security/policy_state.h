// A tenant's policy state: a number that is another after each change of its
// permissions, its members, or a table named by recheck_on(). What was decided
// under one state holds as long as the state does.
//
// Who writes holds a shared lock on the tenant's policy state until the
// transaction ends, who changes it an exclusive one. So what is written after the
// commit that took a permission away was decided after it.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/security/identity.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

// ---- for who writes

// Takes the shared lock. Waits for whoever is changing the state.
void lock_policies(const char* tenant);

// For a statement that is under way under the active snapshot and the present
// identity, and may have been allowed by a policy that looks at more than grants:
// takes the shared lock, and raises 40001 where the state was changed by a
// transaction that the snapshot does not see. Nothing where nobody is authenticated.
void guard_policies();

// ---- for who decides

// The tenant's state, 0 before its first change: in `snapshot`, or as everything
// committed and the current transaction have it where that is null.
std::int64_t policy_state(const char* tenant, Snapshot snapshot);

// How often the open transaction has changed a policy state: what is decided after
// that may be rolled back, so that nobody keeps it.
int own_policy_changes();

// ---- for who only asks what may be written

// Whether what is decided about writing is to hold until the transaction ends, so that the
// lock is taken. Not where nothing is written: in a read-only transaction, in a parallel
// worker, whose locks end before the transaction does, and while somebody only asks.
bool decisions_hold();

// From here on somebody only asks, or does no longer; gives what was. Who begins ends it,
// whatever is raised meanwhile.
bool only_ask(bool asks);

// ---- for who changes

// Takes the exclusive lock.
void lock_policies_for_change(const char* tenant);

// Says that something has changed, or is about to, in this transaction: takes the
// exclusive lock and gives the tenant a new state, and tells the stream, in the
// order of commits, that subscriptions are to be checked: those of `principal`, or
// where it is null of the tenant. An empty tenant stands for all of them.
void change_policies(const char* tenant, const char* principal);

// Tells the stream that the subscriptions of one document are to be checked: a
// column that its policies look at was changed, or it is not what its followers were
// sent any more. Document 0 of an empty tenant stands for all.
void change_document_access(const char* tenant, std::int64_t document);

}  // namespace converge

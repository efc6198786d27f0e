// What the audit says of changes of who may do what: who made them, and what stood
// there before and after.
#pragma once

#include "extension/security/permission.h"

namespace converge {

// A grant, in the present transaction. Levels as text; "none" where there is no grant.
void record_permission(const char* tenant, const char* grantee, const Scope& scope, const char* before,
                       const char* after);

// A role that a principal was given, or that was taken from it.
void record_member(const char* tenant, const char* principal, const char* role, bool given);

// Something that was done to a table: `event` is one of docs/reference/security.md's.
void record_table_event(const char* event, Oid table, const char* detail);

}  // namespace converge

// Who administers a tenant: who may give and take away permissions, and look at
// what others may do.
#pragma once

#include "extension/compat.h"

#include "extension/security/permission.h"

namespace converge {

// Whether the current user has the privileges of converge_owner, and so administers
// every tenant.
bool is_owner();

// Raises 42501, and names what was tried, unless the caller administers what
// `scope` covers of the tenant: as converge_owner, or as a principal of the tenant
// with level admin on it. `what` completes "permission denied to …". Takes the
// tenant's exclusive policy lock where `to_change`, once it is known that the caller
// may.
void require_administration(const char* tenant, const Scope& scope, const char* what, bool to_change);

// The tenant that an argument names. Raises 22023 where it is none.
char* tenant_argument(const struct varlena* argument);

// Runs work(argument) as converge_owner, in a security-restricted operation.
void as_owner(void (*work)(void*), void* argument);

}  // namespace converge

// Who is asking: the tenant and principal of the current transaction.
//
// Held in two settings of superuser context, converge.tenant and
// converge.principal, which only authenticate() sets, with GUC_ACTION_LOCAL: so
// savepoints, rollback and parallel workers behave, and no client can SET them.
#pragma once

#include "extension/compat.h"

namespace converge {

// Bounds on what a token may name, in bytes; log rows hold both.
inline constexpr int kMaxTenantBytes = 256;
inline constexpr int kMaxPrincipalBytes = 256;

struct Identity {
  const char* tenant;     // never null; empty: nobody
  const char* principal;  // never null; empty: nobody
};

// The transaction's identity. The strings live until it changes.
Identity current_identity();

// As above; raises 28000 if there is none.
Identity require_identity();

// Sets the identity for the rest of the (sub)transaction.
void set_identity(const char* tenant, const char* principal);

}  // namespace converge

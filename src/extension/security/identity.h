// Who is asking: whom the current transaction acts for, and as far as which token
// lets it.
//
// Held in settings of superuser context (converge.tenant, converge.principal,
// converge.permissions, converge.identity_end), which only authenticate() sets,
// with GUC_ACTION_LOCAL: so savepoints, rollback and parallel workers behave, and
// no client can SET them.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/security/access_level.h"

namespace converge {

// Bounds on what a token may name, in bytes; log rows hold both.
inline constexpr int kMaxTenantBytes = 256;
inline constexpr int kMaxPrincipalBytes = 256;

struct Identity {
  const char* tenant;        // never null; empty: nobody
  const char* principal;     // never null; empty: nobody
  const char* permissions;   // never null; in the form of token_permissions.h
  std::int64_t expires_at;   // when the token ends, seconds since 1970; 0: nobody
};

inline constexpr Identity kNobody = {"", "", "", 0};

// The transaction's identity. The strings live until it changes.
Identity current_identity();

// As above; raises 28000 if there is none.
Identity require_identity();

// A copy whose strings are in CurrentMemoryContext.
Identity copy_identity(const Identity& identity);

// Sets the identity for the rest of the (sub)transaction.
void set_identity(const Identity& identity);

// What the transaction's token leaves of a document, whatever policies allow:
// `admin` where the token has no claim about permissions, and for nobody.
AccessLevel claimed_level(const char* collection, const char* key);

}  // namespace converge

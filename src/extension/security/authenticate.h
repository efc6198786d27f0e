// From a token to an identity: the key is found in converge.jwt_key, the signature
// and the claims are token.h's, and converge.revocation has a last word. What was
// verified once is remembered (token_cache.h).
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/boundary.h"
#include "extension/security/identity.h"

namespace converge {

struct VerifiedToken {
  char tenant[kMaxTenantBytes + 1];
  char principal[kMaxPrincipalBytes + 1];
  const char* permissions;  // in the form of token_permissions.h
  std::int64_t expires_at;  // seconds since 1970, the leeway included
};

// Verifies `token` against the keys, the revocations and the wall clock. False:
// `failure` says why (SQLSTATE 28000). Sets no identity. Raises only what reading a
// table may. `verified->permissions` lives until the next call.
bool verify(std::string_view token, VerifiedToken* verified, boundary::Failure* failure);

// As long as `verified` lives.
Identity identity_of(const VerifiedToken& verified);

// Verifies the token and makes its identity the transaction's. Raises 28000.
void authenticate(std::string_view token, VerifiedToken* verified);

}  // namespace converge

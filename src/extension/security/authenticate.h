// From a token to an identity: the key is found in converge.jwt_key, the rest is
// token.h's.
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
  std::int64_t expires_at;  // seconds since 1970
};

// Verifies `token` against the keys and the wall clock. False: `failure` says
// why (SQLSTATE 28000). Sets no identity. Raises only what reading a table may.
bool verify(std::string_view token, VerifiedToken* verified, boundary::Failure* failure);

}  // namespace converge

// The table converge.jwt_key: the keys that tokens are verified with.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/security/token_key.h"

namespace converge {

struct JwtKey {
  TokenKey key;
  // What its tokens have to name; empty: anything.
  std::string_view issuer, audience, tenant;
  std::int64_t valid_until;  // seconds since 1970; PG_INT64_MAX: until it is deleted
};

// The key `kid` if there is one and it is valid now. Texts are copies in
// CurrentMemoryContext.
bool find_jwt_key(const char* kid, JwtKey* found);

}  // namespace converge

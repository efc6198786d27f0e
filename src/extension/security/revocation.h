// The table converge.revocation: tokens that are no longer good though they verify.
#pragma once

#include "extension/compat.h"

#include <cstdint>

namespace converge {

// What a revocation may name of a token.
struct TokenTraits {
  const char* tenant;
  const char* principal;
  const char* token_id;       // empty: none
  const unsigned char* hash;  // SHA-256 of the token
  std::int64_t issued_at;     // seconds since 1970; 0: it does not say
};

// Whether such a token was revoked: itself, by its id or hash, or with all that its
// principal or tenant were issued up to a moment. A token that does not say when it
// was issued counts as issued before. Looks up four keys at most.
bool is_revoked(const TokenTraits& token);

}  // namespace converge

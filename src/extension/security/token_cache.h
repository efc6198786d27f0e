// The tokens that this backend has verified, by their SHA-256. Kept until the token
// or its key ends, or a key or a revocation changed anywhere, committed or not:
// triggers on those tables, and who writes them otherwise, invalidate their
// relcache entries, which PostgreSQL tells to every backend at the commit, and to
// this one also at a rollback.
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/security/authenticate.h"

namespace converge {

inline constexpr int kTokenHashBytes = 32;
// Beyond them the cache begins anew: as many as clients that one bridge serves.
inline constexpr int kMaxCachedTokens = 16384;
inline constexpr std::size_t kMaxCacheBytes = 8 << 20;

// Forgets what was invalidated meanwhile, and looks for a token with that hash that
// is good at `now` (seconds since 1970). `verified->permissions` lives until the
// next call of a function of this file.
bool find_cached_token(const unsigned char* hash, std::int64_t now, VerifiedToken* verified);

// The number of the state of keys and revocations, as far as this backend has been told
// of it by now: what was verified under a state is good as long as it is the same.
std::uint64_t token_state();

// Remembers a token that was verified since the last find_cached_token(), until
// `until` (seconds since 1970).
void cache_token(const unsigned char* hash, const VerifiedToken& verified, std::int64_t until);

// Every session is to verify anew once the current transaction has committed, and
// this one at once. `table` is the one that changes.
void invalidate_cached_tokens(Oid table);

}  // namespace converge

// Verifies JSON Web Tokens (RFC 7519, compact JWS of RFC 7515). No PostgreSQL
// here: the caller finds the key and passes the time.
//
// The algorithm is the key's; a token that names another is refused. Refused
// too: duplicate members, headers that must be understood (`crit`) or that carry a
// key, tokens of another kind (`typ`), non-canonical base64url, anything above
// kMaxTokenBytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "extension/security/token_key.h"

namespace converge {

inline constexpr std::size_t kMaxTokenBytes = 8192;
// Of `iss`, `aud`, `jti`, `tenant` and `sub`.
inline constexpr std::size_t kMaxClaimBytes = 256;

// What a token has to hold besides a good signature.
struct TokenRules {
  std::int64_t now = 0;           // seconds since 1970
  std::int64_t leeway = 0;        // how far clocks may differ, in seconds
  std::int64_t max_lifetime = 0;  // seconds from now that `exp` may lie ahead; 0: any
  // Of the key; empty: a token may have any issuer or tenant, and no audience.
  std::string_view issuer, audience, tenant;
};

struct TokenClaims {
  std::string tenant;           // claim `tenant`
  std::string principal;        // claim `sub`
  std::string permissions;      // claim `permissions`, in the form of token_permissions.h
  std::string token_id;         // claim `jti`; empty: none
  std::int64_t expires_at = 0;  // claim `exp` and the leeway, seconds since 1970
  std::int64_t issued_at = 0;   // claim `iat`; 0: none
};

// The key id a token asks for. Nothing is verified yet.
Result<std::string> token_key_id(std::string_view token);

// The token that says the same and verifies as well, and that whoever has this one,
// which verified, can make of it. Empty where there is none.
Result<std::string> other_form(std::string_view token, TokenAlgorithm algorithm);

// The claims of a token that `key` signed and that the rules allow. An Error
// names what was wrong, never what would have been right.
Result<TokenClaims> verify_token(std::string_view token, const TokenKey& key, const TokenRules& rules);

}  // namespace converge

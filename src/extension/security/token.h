// Verifies JSON Web Tokens (RFC 7519, compact JWS of RFC 7515). No PostgreSQL
// here: the caller finds the key and passes the time.
//
// The algorithm is the key's; a token that names another is refused. Refused
// too: duplicate members, `crit`, keys carried in the header, non-canonical
// base64url, anything above kMaxTokenBytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace converge {

inline constexpr std::size_t kMaxTokenBytes = 8192;

enum class TokenAlgorithm : std::uint8_t { hs256 };

// The algorithm that "HS256" and so on names, or an Error.
Result<TokenAlgorithm> token_algorithm(std::string_view name);

struct TokenKey {
  TokenAlgorithm algorithm;
  std::string_view secret;  // for hs256
};

struct TokenClaims {
  std::string tenant;     // claim `tenant`
  std::string principal;  // claim `sub`
  std::int64_t expires_at = 0;  // claim `exp`, seconds since 1970
};

// The key id a token asks for. Nothing is verified yet.
Result<std::string> token_key_id(std::string_view token);

// The claims of a token that `key` signed and that is valid at `now` (seconds
// since 1970). An Error names what was wrong, never what would have been right.
Result<TokenClaims> verify_token(std::string_view token, const TokenKey& key, std::int64_t now);

}  // namespace converge

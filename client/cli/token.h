// Mints tokens for trying things out: a production system has its own issuer.
#pragma once

#include <cstdint>
#include <string>

namespace converge::cli {

struct TokenClaims {
  std::string key_id;     // the row of converge.jwt_key that verifies it
  std::string tenant;
  std::string principal;  // claim "sub"
  std::int64_t expires;   // seconds since 1970
};

// A JWT signed with HS256 by `secret`.
std::string mint_token(const TokenClaims& claims, const std::string& secret);

}  // namespace converge::cli

// The keys that tokens are signed with, and the signatures of JWS (RFC 7515, RFC
// 7518, RFC 8037), by OpenSSL. No PostgreSQL here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace converge {

inline constexpr int kMinSecretBytes = 32;
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

// ES256 is ECDSA on P-256, EdDSA is Ed25519, both with SHA-2 as RFC 7518 and RFC
// 8037 say.
enum class TokenAlgorithm : std::uint8_t { hs256, rs256, es256, eddsa };

// The algorithm that "HS256", "RS256", "ES256" or "EdDSA" names, or an Error.
Result<TokenAlgorithm> token_algorithm(std::string_view name);
const char* algorithm_name(TokenAlgorithm algorithm);

struct TokenKey {
  TokenAlgorithm algorithm;
  // The secret of hs256; otherwise a public key in PEM ("BEGIN PUBLIC KEY").
  std::string_view material;
};

// Whether the key is one of its algorithm's, and large enough; the Error says what
// it is instead.
Result<bool> check_key(const TokenKey& key);

// Whether `signature`, as JWS has it (ECDSA's is r and s, 32 bytes each), is the
// key's of `text`. An Error where the key is none.
Result<bool> signature_matches(const TokenKey& key, std::string_view text, std::string_view signature);

// The one other signature that matches wherever this one, which matched, does: ECDSA's
// r and n - s, which whoever has r and s can make (SEC 1, 4.1.6). Empty where the
// algorithm has no such.
std::string other_signature(TokenAlgorithm algorithm, std::string_view signature);

}  // namespace converge

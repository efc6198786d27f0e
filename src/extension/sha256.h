// SHA-256 of small things: the algorithm is looked up once for a backend, because
// OpenSSL takes longer for that than for hashing a token or a change.
#pragma once

#include "extension/compat.h"

#include <initializer_list>
#include <string_view>

namespace converge {

inline constexpr int kSha256Bytes = 32;

// The digest of the pieces, one after the other; kSha256Bytes go to `digest`.
// Raises when OpenSSL has no SHA-256 or no memory.
void sha256(std::initializer_list<std::string_view> pieces, unsigned char* digest);

}  // namespace converge

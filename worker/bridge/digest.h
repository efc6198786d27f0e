// Hashes of short texts. OpenSSL's one-shot functions look the algorithm up at each call,
// which takes longer than the hash.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <string_view>

namespace converge::bridge {

// WebSocket's handshake wants it (RFC 6455, 4.2.2); for nothing that has to be secure.
std::array<unsigned char, SHA_DIGEST_LENGTH> sha1(std::string_view text);

std::array<unsigned char, SHA256_DIGEST_LENGTH> sha256(std::string_view text);

}  // namespace converge::bridge

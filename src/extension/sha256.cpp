#include "extension/sha256.h"

// A push hashes a token and a change, some hundred bytes each: what EVP does around that, one
// more allocation and a walk through the provider's tables, took ten times as long.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace converge {

static_assert(kSha256Bytes == SHA256_DIGEST_LENGTH);

void sha256(std::initializer_list<std::string_view> pieces, unsigned char* digest) {
  SHA256_CTX context;
  bool done = SHA256_Init(&context) == 1;
  for (const std::string_view piece : pieces) {
    done = done && SHA256_Update(&context, piece.data(), piece.size()) == 1;
  }
  if (!done || SHA256_Final(digest, &context) != 1) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a SHA-256 hash")));
  }
}

}  // namespace converge

#include "extension/sha256.h"

#include <openssl/evp.h>

namespace converge {

void sha256(std::initializer_list<std::string_view> pieces, unsigned char* digest) {
  static EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool done = algorithm != nullptr && context != nullptr && EVP_DigestInit_ex2(context, algorithm, nullptr) == 1;
  for (const std::string_view piece : pieces) {
    done = done && EVP_DigestUpdate(context, piece.data(), piece.size()) == 1;
  }
  unsigned int size = kSha256Bytes;
  if (!done || EVP_DigestFinal_ex(context, digest, &size) != 1) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a SHA-256 hash")));
  }
}

}  // namespace converge

#include "digest.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace converge::bridge {

namespace {

// Of the default provider, which has both; kept until the process ends.
template <std::size_t size>
std::array<unsigned char, size> digest(EVP_MD* algorithm, std::string_view text) {
  static thread_local EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::array<unsigned char, size> made;
  if (algorithm == nullptr || context == nullptr || EVP_DigestInit_ex2(context, algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context, text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context, made.data(), nullptr) != 1)
    std::abort();  // no memory
  return made;
}

}  // namespace

std::array<unsigned char, SHA_DIGEST_LENGTH> sha1(std::string_view text) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return digest<SHA_DIGEST_LENGTH>(algorithm, text);
}

std::array<unsigned char, SHA256_DIGEST_LENGTH> sha256(std::string_view text) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return digest<SHA256_DIGEST_LENGTH>(algorithm, text);
}

}  // namespace converge::bridge

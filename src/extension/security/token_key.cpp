#include "extension/security/token_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>

namespace converge {
namespace {

struct AlgorithmName {
  TokenAlgorithm algorithm;
  const char* name;
};
constexpr AlgorithmName kAlgorithms[] = {{TokenAlgorithm::hs256, "HS256"},
                                         {TokenAlgorithm::rs256, "RS256"},
                                         {TokenAlgorithm::es256, "ES256"},
                                         {TokenAlgorithm::eddsa, "EdDSA"}};
// What OpenSSL calls the one curve of ES256.
constexpr std::string_view kP256 = "prime256v1";
constexpr std::size_t kP256Bytes = 32;

using KeyHandle = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Error refuse(const TokenKey& key, std::string detail) {
  return Error{ErrorCode::invalid, std::string("not a key for ") + algorithm_name(key.algorithm), std::move(detail)};
}

// OpenSSL keeps errors in a queue of the thread's that others of this process read.
struct ErrorsForgotten {
  ~ErrorsForgotten() { ERR_clear_error(); }
};

int no_password(char*, int, int, void*) { return -1; }

KeyHandle read_pem(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free);
  EVP_PKEY* key = memory != nullptr ? PEM_read_bio_PUBKEY(memory.get(), nullptr, no_password, nullptr) : nullptr;
  return KeyHandle(key, &EVP_PKEY_free);
}

// The public key, checked to be one of its algorithm's.
Result<EVP_PKEY*> read_public_key(const TokenKey& key) {
  KeyHandle handle = read_pem(key.material);
  if (handle == nullptr) {
    if (key.material.find("PRIVATE KEY-----") != std::string_view::npos) {
      return refuse(key, "It is a private key; only the public one belongs here.");
    }
    return refuse(key, "It is no public key in PEM form (BEGIN PUBLIC KEY).");
  }
  const int kind = EVP_PKEY_get_base_id(handle.get());
  switch (key.algorithm) {
    case TokenAlgorithm::rs256: {
      if (kind != EVP_PKEY_RSA) return refuse(key, "It is no RSA key.");
      const int bits = EVP_PKEY_get_bits(handle.get());
      if (bits < kMinRsaBits || bits > kMaxRsaBits) {
        return refuse(key, "It has " + std::to_string(bits) + " bits; at least " + std::to_string(kMinRsaBits) +
                               " and at most " + std::to_string(kMaxRsaBits) + " are allowed.");
      }
      break;
    }
    case TokenAlgorithm::es256: {
      std::array<char, 64> curve{};
      if (kind != EVP_PKEY_EC ||
          EVP_PKEY_get_utf8_string_param(handle.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), curve.size(),
                                         nullptr) != 1 ||
          kP256 != curve.data()) {
        return refuse(key, "It is no key on the curve P-256.");
      }
      break;
    }
    case TokenAlgorithm::eddsa:
      if (kind != EVP_PKEY_ED25519) return refuse(key, "It is no Ed25519 key.");
      break;
    case TokenAlgorithm::hs256:
      return refuse(key, "Its key is a secret.");
  }
  return handle.release();
}

// ECDSA's signature from r and s as they stand in a token to what OpenSSL takes.
std::string ecdsa_to_der(std::string_view signature) {
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(ECDSA_SIG_new(), &ECDSA_SIG_free);
  BIGNUM* r = BN_bin2bn(bytes_of(signature), kP256Bytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(signature) + kP256Bytes, kP256Bytes, nullptr);
  if (parts == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    throw std::bad_alloc();
  }
  unsigned char* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &encoded);
  if (size < 0) throw std::bad_alloc();
  std::string der(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(size));
  OPENSSL_free(encoded);
  return der;
}

bool mac_matches(std::string_view secret, std::string_view text, std::string_view signature) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text), text.size(), mac.data(),
           &size) == nullptr) {
    throw std::bad_alloc();
  }
  return signature.size() == size && CRYPTO_memcmp(signature.data(), mac.data(), size) == 0;
}

bool public_key_matches(TokenAlgorithm algorithm, EVP_PKEY* key, std::string_view text, std::string_view signature) {
  std::string der;
  if (algorithm == TokenAlgorithm::es256) {
    if (signature.size() != 2 * kP256Bytes) return false;
    der = ecdsa_to_der(signature);
    signature = der;
  }
  const EVP_MD* digest = algorithm == TokenAlgorithm::eddsa ? nullptr : EVP_sha256();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (context == nullptr || EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) != 1) {
    throw std::bad_alloc();
  }
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

}  // namespace

Result<TokenAlgorithm> token_algorithm(std::string_view name) {
  for (const AlgorithmName& known : kAlgorithms) {
    if (name == known.name) return known.algorithm;
  }
  return Error{ErrorCode::invalid, "unknown token algorithm \"" + std::string(name) + "\"",
               "The algorithms are HS256, RS256, ES256 and EdDSA."};
}

const char* algorithm_name(TokenAlgorithm algorithm) {
  for (const AlgorithmName& known : kAlgorithms) {
    if (algorithm == known.algorithm) return known.name;
  }
  return "";
}

Result<bool> check_key(const TokenKey& key) {
  const ErrorsForgotten forgotten;
  if (key.algorithm == TokenAlgorithm::hs256) {
    if (key.material.size() < kMinSecretBytes) {
      return refuse(key, "The secret has " + std::to_string(key.material.size()) + " bytes; at least " +
                             std::to_string(kMinSecretBytes) + " are needed.");
    }
    return true;
  }
  const Result<EVP_PKEY*> handle = read_public_key(key);
  if (!handle) return handle.error();
  EVP_PKEY_free(*handle);
  return true;
}

Result<bool> signature_matches(const TokenKey& key, std::string_view text, std::string_view signature) {
  const ErrorsForgotten forgotten;
  if (key.algorithm == TokenAlgorithm::hs256) {
    const Result<bool> usable = check_key(key);
    if (!usable) return usable.error();
    return mac_matches(key.material, text, signature);
  }
  const Result<EVP_PKEY*> handle = read_public_key(key);
  if (!handle) return handle.error();
  const KeyHandle owned(*handle, &EVP_PKEY_free);
  return public_key_matches(key.algorithm, owned.get(), text, signature);
}

std::string other_signature(TokenAlgorithm algorithm, std::string_view signature) {
  if (algorithm != TokenAlgorithm::es256 || signature.size() != 2 * kP256Bytes) return {};
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> curve(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                                                  &EC_GROUP_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> s(BN_bin2bn(bytes_of(signature) + kP256Bytes, kP256Bytes, nullptr),
                                                      &BN_free);
  std::array<unsigned char, kP256Bytes> other;
  if (curve == nullptr || s == nullptr || BN_sub(s.get(), EC_GROUP_get0_order(curve.get()), s.get()) != 1 ||
      BN_bn2binpad(s.get(), other.data(), kP256Bytes) < 0) {
    throw std::bad_alloc();
  }
  std::string whole(signature.substr(0, kP256Bytes));
  return whole.append(reinterpret_cast<const char*>(other.data()), other.size());
}

}  // namespace converge

#include "token.h"

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <fstream>
#include <stdexcept>
#include <string_view>

#include "options.h"

namespace converge::cli {

namespace {

std::string base64url(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (!out.empty() && out.back() == '=') out.pop_back();
  return out;
}

}  // namespace

std::string read_token(const Options& options) {
  if (options.token_file.empty()) return options.token;
  std::ifstream file(options.token_file);
  std::string token;
  if (!(file >> token)) throw std::runtime_error("no token can be read from " + options.token_file);
  return token;
}

std::string mint_token(const TokenClaims& claims, const std::string& secret) {
  const nlohmann::json header = {{"alg", "HS256"}, {"typ", "JWT"}, {"kid", claims.key_id}};
  const nlohmann::json body = {
      {"tenant", claims.tenant}, {"sub", claims.principal}, {"exp", claims.expires}};
  const std::string signed_part = base64url(header.dump()) + "." + base64url(body.dump());
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(), mac,
           &size) == nullptr)
    throw std::runtime_error("the HMAC could not be computed");
  return signed_part + "." + base64url({reinterpret_cast<const char*>(mac), size});
}

}  // namespace converge::cli

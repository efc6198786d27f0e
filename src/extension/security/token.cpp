#include "extension/security/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cmath>
#include <optional>
#include <set>

#include <rapidjson/document.h>

namespace converge {
namespace {

constexpr std::size_t kMaxClaimBytes = 256;
// How far the issuer's clock may be ahead of ours when it says "not before".
constexpr std::int64_t kNotBeforeLeewaySeconds = 60;

Error refuse(std::string message, std::string detail = {}) {
  return Error{ErrorCode::invalid, std::move(message), std::move(detail)};
}

struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
  std::string_view signed_text;  // header '.' claims
};

Result<Parts> split(std::string_view token) {
  if (token.size() > kMaxTokenBytes) {
    return refuse("token is too long", "It has " + std::to_string(token.size()) +
                                           " bytes; the limit is " + std::to_string(kMaxTokenBytes) + ".");
  }
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return refuse("token is malformed", "It does not have the three parts of a signed JWT.");
  }
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

// Without padding, and only the canonical spelling, so that one signature has
// one form.
std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> held & 0xff));
      bits &= (1u << held) - 1;
    }
  }
  if (bits != 0) return std::nullopt;
  return out;
}

// A JSON object without duplicate members.
Result<rapidjson::Document> parse_object(std::string_view part, const char* what) {
  const std::optional<std::string> json = decode_base64url(part);
  if (!json) return refuse("token is malformed", std::string("The ") + what + " part is not base64url.");
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag |
                 rapidjson::kParseFullPrecisionFlag>(json->data(), json->size());
  if (document.HasParseError() || !document.IsObject()) {
    return refuse("token is malformed", std::string("The ") + what + " part is not a JSON object.");
  }
  std::set<std::string_view> seen;
  for (const auto& member : document.GetObject()) {
    if (!seen.insert({member.name.GetString(), member.name.GetStringLength()}).second) {
      return refuse("token is malformed", std::string("The ") + what + " part names a member twice.");
    }
  }
  return document;
}

// A string member of 1 to kMaxClaimBytes bytes without control characters.
Result<std::string> string_member(const rapidjson::Document& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) {
    return refuse("token is malformed", std::string("It has no \"") + name + "\".");
  }
  if (!found->value.IsString()) {
    return refuse("token is malformed", std::string("Its \"") + name + "\" is not a string.");
  }
  std::string value(found->value.GetString(), found->value.GetStringLength());
  if (value.empty() || value.size() > kMaxClaimBytes) {
    return refuse("token is malformed", std::string("Its \"") + name + "\" must have 1 to " +
                                            std::to_string(kMaxClaimBytes) + " bytes.");
  }
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return refuse("token is malformed", std::string("Its \"") + name + "\" holds a control character.");
    }
  }
  return value;
}

// A NumericDate, whole seconds, if the member is there.
Result<std::optional<std::int64_t>> date_member(const rapidjson::Document& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return std::optional<std::int64_t>();
  constexpr double kLatest = 253402300799.0;  // the year 9999
  if (!found->value.IsNumber() || !(found->value.GetDouble() >= 0) ||
      found->value.GetDouble() > kLatest) {
    return refuse("token is malformed", std::string("Its \"") + name + "\" is not a date.");
  }
  return std::optional(static_cast<std::int64_t>(std::floor(found->value.GetDouble())));
}

Result<rapidjson::Document> parse_header(const Parts& parts) {
  Result<rapidjson::Document> header = parse_object(parts.header, "header");
  if (!header) return header;
  // A token does not say what must be understood to read it, nor by which key.
  for (const char* refused : {"crit", "jwk", "jku", "x5c", "x5u", "b64"}) {
    if (header->HasMember(refused)) {
      return refuse("token is not acceptable", std::string("Its header holds \"") + refused + "\".");
    }
  }
  return header;
}

bool signature_matches(const TokenKey& key, const Parts& parts, std::string_view signature) {
  switch (key.algorithm) {
    case TokenAlgorithm::hs256: {
      std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
      unsigned int size = 0;
      if (HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()),
               reinterpret_cast<const unsigned char*>(parts.signed_text.data()),
               parts.signed_text.size(), mac.data(), &size) == nullptr) {
        return false;
      }
      return signature.size() == size && CRYPTO_memcmp(signature.data(), mac.data(), size) == 0;
    }
  }
  return false;
}

const char* algorithm_name(TokenAlgorithm algorithm) {
  switch (algorithm) {
    case TokenAlgorithm::hs256: return "HS256";
  }
  return "";
}

}  // namespace

Result<TokenAlgorithm> token_algorithm(std::string_view name) {
  if (name == "HS256") return TokenAlgorithm::hs256;
  return refuse("unknown token algorithm \"" + std::string(name) + "\"");
}

Result<std::string> token_key_id(std::string_view token) {
  const Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  const Result<rapidjson::Document> header = parse_header(*parts);
  if (!header) return header.error();
  return string_member(*header, "kid");
}

Result<TokenClaims> verify_token(std::string_view token, const TokenKey& key, std::int64_t now) {
  const Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  const Result<rapidjson::Document> header = parse_header(*parts);
  if (!header) return header.error();
  const Result<std::string> algorithm = string_member(*header, "alg");
  if (!algorithm) return algorithm.error();
  if (*algorithm != algorithm_name(key.algorithm)) {
    return refuse("token is not acceptable", "Its algorithm is not its key's.");
  }
  const std::optional<std::string> signature = decode_base64url(parts->signature);
  if (!signature) return refuse("token is malformed", "The signature is not base64url.");
  if (!signature_matches(key, *parts, *signature)) return refuse("token's signature does not verify");

  // Only now is there any reason to look inside.
  const Result<rapidjson::Document> claims = parse_object(parts->claims, "claims");
  if (!claims) return claims.error();
  const auto expires = date_member(*claims, "exp");
  if (!expires) return expires.error();
  if (!*expires) return refuse("token is not acceptable", "It has no \"exp\".");
  if (**expires <= now) return refuse("token has expired");
  const auto not_before = date_member(*claims, "nbf");
  if (!not_before) return not_before.error();
  if (*not_before && **not_before > now + kNotBeforeLeewaySeconds) return refuse("token is not valid yet");

  Result<std::string> tenant = string_member(*claims, "tenant");
  if (!tenant) return tenant.error();
  Result<std::string> principal = string_member(*claims, "sub");
  if (!principal) return principal.error();
  return TokenClaims{std::move(*tenant), std::move(*principal), **expires};
}

}  // namespace converge

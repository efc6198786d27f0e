#include "extension/security/token.h"

#include <cmath>
#include <optional>
#include <set>

#include <rapidjson/document.h>

#include "extension/security/token_permissions.h"

namespace converge {
namespace {

// Of a name that is told back.
constexpr std::size_t kMaxNameBytes = 64;

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

std::string encode_base64url(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffffu;
    for (held += 8; held >= 6; held -= 6) out.push_back(kDigits[bits >> (held - 6) & 63]);
  }
  if (held > 0) out.push_back(kDigits[bits << (6 - held) & 63]);
  return out;
}

// A member's name as an error may tell it.
std::string quoted(std::string_view name) {
  bool plain = name.size() <= kMaxNameBytes;
  for (const char c : name) plain = plain && c > 0x20 && c < 0x7f;
  return plain ? '"' + std::string(name) + '"' : "a member";
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
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (!seen.insert(name).second) {
      return refuse("token is malformed", std::string("The ") + what + " part has " + quoted(name) + " twice.");
    }
  }
  return document;
}

// A string of 1 to kMaxClaimBytes bytes without control characters.
Result<std::string> string_value(const rapidjson::Value& json, const char* name) {
  const auto its = [&] { return std::string("Its \"") + name + '"'; };
  if (!json.IsString()) return refuse("token is malformed", its() + " is not a string.");
  std::string value(json.GetString(), json.GetStringLength());
  if (value.empty() || value.size() > kMaxClaimBytes) {
    return refuse("token is malformed", its() + " must have 1 to " + std::to_string(kMaxClaimBytes) + " bytes.");
  }
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return refuse("token is malformed", its() + " holds a control character.");
    }
  }
  return value;
}

Result<std::string> string_member(const rapidjson::Document& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return refuse("token is malformed", std::string("It has no \"") + name + "\".");
  return string_value(found->value, name);
}

// Empty if the member is not there.
Result<std::string> optional_member(const rapidjson::Document& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return std::string();
  return string_value(found->value, name);
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

// Whether the header's `typ` is a JWT's. Tokens of other kinds (RFC 8725, 3.11) may
// be signed with the same key.
bool is_jwt(std::string_view type) {
  std::string lower;
  for (const char c : type) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower.starts_with("application/")) lower.erase(0, 12);
  return lower == "jwt" || lower == "at+jwt";
}

Result<rapidjson::Document> parse_header(const Parts& parts) {
  Result<rapidjson::Document> header = parse_object(parts.header, "header");
  if (!header) return header;
  // A token does not say what must be understood to read it, nor by which key.
  for (const char* refused : {"crit", "jwk", "jku", "x5c", "x5u", "b64", "enc", "zip"}) {
    if (header->HasMember(refused)) {
      return refuse("token is not acceptable", std::string("Its header holds \"") + refused + "\".");
    }
  }
  const Result<std::string> type = optional_member(*header, "typ");
  if (!type) return type.error();
  if (!type->empty() && !is_jwt(*type)) return refuse("token is not acceptable", "Its \"typ\" is not JWT.");
  return header;
}

// `exp`, `nbf` and `iat`.
Result<bool> check_dates(const rapidjson::Document& claims, const TokenRules& rules, TokenClaims* read) {
  const auto expires = date_member(claims, "exp");
  if (!expires) return expires.error();
  if (!*expires) return refuse("token is not acceptable", "It has no \"exp\".");
  if (**expires + rules.leeway <= rules.now) return refuse("token has expired");
  if (rules.max_lifetime > 0 && **expires > rules.now + rules.max_lifetime) {
    return refuse("token is not acceptable",
                  "It would be good for " + std::to_string(**expires - rules.now) + " s; the limit is " +
                      std::to_string(rules.max_lifetime) + " s.");
  }
  const auto not_before = date_member(claims, "nbf");
  if (!not_before) return not_before.error();
  if (*not_before && **not_before > rules.now + rules.leeway) return refuse("token is not valid yet");
  const auto issued = date_member(claims, "iat");
  if (!issued) return issued.error();
  if (*issued && **issued > rules.now + rules.leeway) {
    return refuse("token is not valid yet", "It was issued in the future.");
  }
  read->expires_at = **expires + rules.leeway;
  read->issued_at = issued->value_or(0);
  return true;
}

// `iss` and `aud`.
Result<bool> check_parties(const rapidjson::Document& claims, const TokenRules& rules) {
  const Result<std::string> issuer = optional_member(claims, "iss");
  if (!issuer) return issuer.error();
  if (!rules.issuer.empty() && *issuer != rules.issuer) {
    return refuse("token is not acceptable", issuer->empty() ? "It has no \"iss\"." : "Its \"iss\" is not its key's.");
  }
  const auto audience = claims.FindMember("aud");
  if (audience == claims.MemberEnd()) {
    if (!rules.audience.empty()) return refuse("token is not acceptable", "It has no \"aud\".");
    return true;
  }
  bool meant = false;
  const auto look = [&](const rapidjson::Value& json) -> Result<bool> {
    const Result<std::string> name = string_value(json, "aud");
    if (!name) return name.error();
    meant = meant || (!rules.audience.empty() && *name == rules.audience);
    return true;
  };
  if (!audience->value.IsArray()) {
    if (const Result<bool> looked = look(audience->value); !looked) return looked.error();
  } else {
    for (const rapidjson::Value& json : audience->value.GetArray()) {
      if (const Result<bool> looked = look(json); !looked) return looked.error();
    }
  }
  if (!meant) return refuse("token is not acceptable", "Its \"aud\" is not its key's.");
  return true;
}

}  // namespace

Result<std::string> token_key_id(std::string_view token) {
  const Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  const Result<rapidjson::Document> header = parse_header(*parts);
  if (!header) return header.error();
  return string_member(*header, "kid");
}

Result<std::string> other_form(std::string_view token, TokenAlgorithm algorithm) {
  const Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  const std::optional<std::string> signature = decode_base64url(parts->signature);
  if (!signature) return refuse("token is malformed", "The signature is not base64url.");
  const std::string other = other_signature(algorithm, *signature);
  if (other.empty()) return std::string();
  return std::string(parts->signed_text) + '.' + encode_base64url(other);
}

Result<TokenClaims> verify_token(std::string_view token, const TokenKey& key, const TokenRules& rules) {
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
  const Result<bool> matches = signature_matches(key, parts->signed_text, *signature);
  if (!matches) return matches.error();
  if (!*matches) return refuse("token's signature does not verify");

  // Only now is there any reason to look inside.
  const Result<rapidjson::Document> claims = parse_object(parts->claims, "claims");
  if (!claims) return claims.error();
  TokenClaims read;
  if (const Result<bool> checked = check_dates(*claims, rules, &read); !checked) return checked.error();
  if (const Result<bool> checked = check_parties(*claims, rules); !checked) return checked.error();
  Result<std::string> tenant = string_member(*claims, "tenant");
  if (!tenant) return tenant.error();
  if (!rules.tenant.empty() && *tenant != rules.tenant) {
    return refuse("token is not acceptable", "Its \"tenant\" is not its key's.");
  }
  Result<std::string> principal = string_member(*claims, "sub");
  if (!principal) return principal.error();
  Result<std::string> token_id = optional_member(*claims, "jti");
  if (!token_id) return token_id.error();
  read.tenant = std::move(*tenant);
  read.principal = std::move(*principal);
  read.token_id = std::move(*token_id);
  if (const auto permissions = claims->FindMember("permissions"); permissions != claims->MemberEnd()) {
    Result<std::string> form = read_permissions(permissions->value);
    if (!form) return form.error();
    read.permissions = std::move(*form);
  }
  return read;
}

}  // namespace converge

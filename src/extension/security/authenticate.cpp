#include "extension/security/authenticate.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "extension/security/audit.h"
#include "extension/security/jwt_key.h"
#include "extension/security/revocation.h"
#include "extension/security/settings.h"
#include "extension/security/token.h"
#include "extension/security/token_cache.h"
#include "extension/sha256.h"

extern "C" {
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_authenticate);
}

namespace converge {
namespace {

static_assert(kMaxTenantBytes >= kMaxClaimBytes && kMaxPrincipalBytes >= kMaxClaimBytes);
static_assert(kTokenHashBytes == kSha256Bytes);

// What of a token's claims has to be looked up, in plain memory.
struct PlainClaims {
  char token_id[kMaxClaimBytes + 1];
  std::int64_t issued_at;
};

std::int64_t now_seconds() { return timestamptz_to_time_t(GetCurrentTimestamp()); }

void copy_claim(const std::string& from, char* to) { std::memcpy(to, from.c_str(), from.size() + 1); }

bool refuse(const char* message, boundary::Failure* failure) {
  boundary::describe(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, message, "", failure);
  return false;
}

// Signature and claims, by a key of the table.
bool verify_claims(std::string_view token, const JwtKey& key, std::int64_t now, VerifiedToken* verified,
                   PlainClaims* plain, boundary::Failure* failure) {
  auto check = [&]() -> Result<char*> {
    const TokenRules rules{now,        token_leeway, token_max_lifetime, key.issuer, key.audience,
                           key.tenant};
    const Result<TokenClaims> claims = verify_token(token, key.key, rules);
    if (!claims) return claims.error();
    copy_claim(claims->tenant, verified->tenant);
    copy_claim(claims->principal, verified->principal);
    copy_claim(claims->token_id, plain->token_id);
    plain->issued_at = claims->issued_at;
    verified->expires_at = claims->expires_at;
    return boundary::cstring_of(claims->permissions);
  };
  char* permissions = nullptr;
  if (!boundary::attempt(check, &permissions, failure)) return false;
  verified->permissions = permissions;
  return true;
}

// Whether the token was revoked. One that was revoked by its hash is in any form.
bool was_revoked(std::string_view token, const unsigned char* hash, TokenAlgorithm algorithm,
                 const VerifiedToken& verified, const PlainClaims& claims) {
  if (is_revoked({verified.tenant, verified.principal, claims.token_id, hash, claims.issued_at})) return true;
  const char* other = boundary::call([&]() -> Result<char*> {
    const Result<std::string> form = other_form(token, algorithm);
    if (!form) return form.error();
    return boundary::cstring_of(*form);
  });
  if (other[0] == '\0') return false;
  unsigned char other_hash[kTokenHashBytes];
  sha256({other}, other_hash);
  return is_revoked({verified.tenant, verified.principal, claims.token_id, other_hash, claims.issued_at});
}

bool verify_anew(std::string_view token, const unsigned char* hash, std::int64_t now, VerifiedToken* verified,
                 boundary::Failure* failure) {
  char* kid = nullptr;
  auto read_kid = [&]() -> Result<char*> {
    Result<std::string> id = token_key_id(token);
    if (!id) return id.error();
    return boundary::cstring_of(*id);
  };
  if (!boundary::attempt(read_kid, &kid, failure)) return false;
  JwtKey key{};
  if (!find_jwt_key(kid, &key)) return refuse("token's key is not known", failure);
  PlainClaims claims;
  if (!verify_claims(token, key, now, verified, &claims, failure)) return false;
  if (was_revoked(token, hash, key.key.algorithm, *verified, claims)) {
    return refuse("token was revoked", failure);
  }
  // Nobody is let in longer than the key would let him in again.
  verified->expires_at = std::min(verified->expires_at, key.valid_until);
  cache_token(hash, *verified, verified->expires_at);
  return true;
}

}  // namespace

bool verify(std::string_view token, VerifiedToken* verified, boundary::Failure* failure) {
  const std::int64_t now = now_seconds();
  unsigned char hash[kTokenHashBytes];
  sha256({token}, hash);
  if (find_cached_token(hash, now, verified)) return true;
  verified->tenant[0] = verified->principal[0] = '\0';
  if (verify_anew(token, hash, now, verified, failure)) return true;
  if (failure->sqlstate == ERRCODE_OUT_OF_MEMORY) return false;
  failure->sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
  // Of a token whose signature did not verify, nothing but that.
  const char* why = failure->detail[0] == '\0' ? failure->message : psprintf("%s: %s", failure->message, failure->detail);
  note_audit({verified->tenant, "authentication_failure", verified->principal, "", why});
  return false;
}

Identity identity_of(const VerifiedToken& verified) {
  return {verified.tenant, verified.principal, verified.permissions, verified.expires_at};
}

void authenticate(std::string_view token, VerifiedToken* verified) {
  boundary::Failure failure;
  if (!verify(token, verified, &failure)) boundary::raise(failure);
  set_identity(identity_of(*verified));
}

}  // namespace converge

extern "C" PGDLLEXPORT Datum converge_authenticate(PG_FUNCTION_ARGS) {
  converge::VerifiedToken verified;
  converge::authenticate(converge::boundary::view(PG_GETARG_TEXT_PP(0)), &verified);
  PG_RETURN_VOID();
}

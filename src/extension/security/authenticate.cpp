#include "extension/security/authenticate.h"

#include <cstring>
#include <string>

#include "extension/security/token.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_authenticate);
}

namespace converge {
namespace {

// converge.jwt_key's columns.
enum : AttrNumber { kKid = 1, kAlg, kSecret, kValidUntil };

struct FoundKey {
  TokenAlgorithm algorithm;
  char* secret;
  std::size_t secret_size;
};

pg_time_t now_seconds() { return timestamptz_to_time_t(GetCurrentTimestamp()); }

// The key `kid`, if there is one and it is still valid. The secret is a copy in
// CurrentMemoryContext.
bool find_key(const char* kid, FoundKey* found) {
  const Oid schema = get_namespace_oid("converge", false);
  Relation table = table_open(get_relname_relid("jwt_key", schema), AccessShareLock);
  const Oid index = get_relname_relid("jwt_key_pkey", schema);
  ScanKeyData key;
  ScanKeyInit(&key, kKid, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(kid));
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(table, index, true, snapshot, 1, &key);
  bool usable = false;
  if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
    Datum values[kValidUntil];
    bool nulls[kValidUntil];
    heap_deform_tuple(tuple, RelationGetDescr(table), values, nulls);
    const bool expired = !nulls[kValidUntil - 1] &&
                         DatumGetTimestampTz(values[kValidUntil - 1]) <= GetCurrentTimestamp();
    if (!expired) {
      struct varlena* alg = PG_DETOAST_DATUM_PACKED(values[kAlg - 1]);
      struct varlena* secret = PG_DETOAST_DATUM_PACKED(values[kSecret - 1]);
      found->algorithm = boundary::call([&]() { return token_algorithm(boundary::view(alg)); });
      found->secret_size = VARSIZE_ANY_EXHDR(secret);
      found->secret = static_cast<char*>(palloc(found->secret_size));
      std::memcpy(found->secret, VARDATA_ANY(secret), found->secret_size);
      usable = true;
    }
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(table, AccessShareLock);
  return usable;
}

void copy_claim(const std::string& from, char* to) { std::memcpy(to, from.c_str(), from.size() + 1); }

}  // namespace

bool verify(std::string_view token, VerifiedToken* verified, boundary::Failure* failure) {
  char* kid = nullptr;
  auto read_kid = [&]() -> Result<char*> {
    Result<std::string> id = token_key_id(token);
    if (!id) return id.error();
    return boundary::cstring_of(*id);
  };
  bool ok = boundary::attempt(read_kid, &kid, failure);
  FoundKey found{};
  if (ok && !find_key(kid, &found)) {
    boundary::describe(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "token's key is not known", "",
                       failure);
    return false;
  }
  if (ok) {
    const std::int64_t now = now_seconds();
    auto check = [&]() -> Result<bool> {
      const TokenKey key{found.algorithm, {found.secret, found.secret_size}};
      const Result<TokenClaims> claims = verify_token(token, key, now);
      if (!claims) return claims.error();
      copy_claim(claims->tenant, verified->tenant);
      copy_claim(claims->principal, verified->principal);
      verified->expires_at = claims->expires_at;
      return true;
    };
    bool verifies = false;
    ok = boundary::attempt(check, &verifies, failure);
  }
  if (!ok && failure->sqlstate != ERRCODE_OUT_OF_MEMORY) {
    failure->sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
  }
  return ok;
}

}  // namespace converge

extern "C" PGDLLEXPORT Datum converge_authenticate(PG_FUNCTION_ARGS) {
  text* token = PG_GETARG_TEXT_PP(0);
  converge::VerifiedToken verified;
  converge::boundary::Failure failure;
  if (!converge::verify(converge::boundary::view(token), &verified, &failure)) {
    converge::boundary::raise(failure);
  }
  converge::set_identity(verified.tenant, verified.principal);
  PG_RETURN_VOID();
}

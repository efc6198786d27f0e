#include "extension/security/revocation.h"

#include "extension/documents/owned_table.h"
#include "extension/security/token_cache.h"

extern "C" {
#include "access/htup_details.h"
#include "common/string.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// The table's columns.
enum : AttrNumber { kTenant = 1, kKind, kName, kRevokedAt };

// When this was revoked, in seconds since 1970. False: it was not.
bool find_revocation(Relation table, Oid index, const char* tenant, const char* kind, const char* name,
                     std::int64_t* revoked_at) {
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kKind, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(kind));
  ScanKeyInit(&keys[2], kName, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
  HeapTuple tuple = find_owned(table, index, 3, keys);
  if (!HeapTupleIsValid(tuple)) return false;
  bool is_null;
  const Datum value = heap_getattr(tuple, kRevokedAt, RelationGetDescr(table), &is_null);
  *revoked_at = timestamptz_to_time_t(DatumGetTimestampTz(value));
  return true;
}

}  // namespace

bool is_revoked(const TokenTraits& token) {
  OwnedTable table("revocation", AccessShareLock);
  const Oid index = owned_oid("revocation_pkey");
  char hash[2 * kTokenHashBytes + 1];
  (void)hex_encode(reinterpret_cast<const char*>(token.hash), kTokenHashBytes, hash);
  hash[2 * kTokenHashBytes] = '\0';
  std::int64_t at = 0;
  const auto found = [&](const char* kind, const char* name) {
    return find_revocation(table.relation, index, token.tenant, kind, name, &at);
  };
  const bool revoked = found("token_hash", hash) || (token.token_id[0] != '\0' && found("token_id", token.token_id)) ||
                       (found("principal", token.principal) && token.issued_at <= at) ||
                       (found("tenant", "") && token.issued_at <= at);
  table.close();
  return revoked;
}

}  // namespace converge

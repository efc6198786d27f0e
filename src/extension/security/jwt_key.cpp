#include "extension/security/jwt_key.h"

#include "extension/boundary.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_check_jwt_key);
}

namespace converge {
namespace {

// The table's columns.
enum : AttrNumber { kKid = 1, kAlg, kSecret, kValidUntil, kPublicKey, kValidFrom, kIssuer, kAudience, kTenant };
constexpr int kColumns = kTenant;

struct KeyRow {
  Datum values[kColumns];
  bool nulls[kColumns];

  bool has(AttrNumber column) const { return !nulls[column - 1]; }
  // Empty for NULL.
  std::string_view bytes(AttrNumber column) const {
    if (!has(column)) return {};
    return boundary::view(PG_DETOAST_DATUM_PACKED(values[column - 1]));
  }
  TimestampTz time(AttrNumber column) const { return DatumGetTimestampTz(values[column - 1]); }
};

void read_row(Relation table, HeapTuple tuple, KeyRow* row) {
  for (bool& is_null : row->nulls) is_null = true;
  // A table of 0.1 has fewer columns.
  if (RelationGetDescr(table)->natts <= kColumns) {
    heap_deform_tuple(tuple, RelationGetDescr(table), row->values, row->nulls);
  }
}

std::string_view material_of(const KeyRow& row, TokenAlgorithm algorithm) {
  return row.bytes(algorithm == TokenAlgorithm::hs256 ? kSecret : kPublicKey);
}

// Raises where no token could be verified with the row's key. What the table's
// constraints say besides is said here first: their errors quote the row, secret
// and all.
void check_row(const KeyRow& row) {
  for (const AttrNumber column : {kKid, kAlg}) {
    if (row.bytes(column).empty()) {
      ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION), errmsg("key has no %s", column == kKid ? "kid" : "alg")));
    }
  }
  const std::string_view name = row.bytes(kAlg);
  const TokenAlgorithm algorithm = boundary::call([&]() { return token_algorithm(name); });
  const bool has_secret = algorithm == TokenAlgorithm::hs256;
  if (row.has(kSecret) != has_secret || row.has(kPublicKey) == has_secret) {
    ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
                    errmsg("a key for %s has a %s and no %s", algorithm_name(algorithm),
                           has_secret ? "secret" : "public_key", has_secret ? "public_key" : "secret")));
  }
  for (const AttrNumber column : {kIssuer, kAudience, kTenant}) {
    if (row.has(column) && row.bytes(column).empty()) {
      ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("issuer, audience or tenant of the key is empty"),
                      errhint("NULL stands for anything.")));
    }
  }
  const TokenKey key{algorithm, material_of(row, algorithm)};
  boundary::call([&]() { return check_key(key); });
}

}  // namespace

bool find_jwt_key(const char* kid, JwtKey* found) {
  OwnedTable table("jwt_key", AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, kKid, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(kid));
  HeapTuple tuple = find_owned(table.relation, owned_oid("jwt_key_pkey"), 1, &key);
  bool usable = false;
  if (HeapTupleIsValid(tuple)) {
    KeyRow row;
    read_row(table.relation, tuple, &row);
    const TimestampTz now = GetCurrentTimestamp();
    usable = (!row.has(kValidFrom) || row.time(kValidFrom) <= now) &&
             (!row.has(kValidUntil) || row.time(kValidUntil) > now);
    if (usable) {
      const std::string_view name = row.bytes(kAlg);
      found->key.algorithm = boundary::call([&]() { return token_algorithm(name); });
      found->key.material = material_of(row, found->key.algorithm);
      found->issuer = row.bytes(kIssuer);
      found->audience = row.bytes(kAudience);
      found->tenant = row.bytes(kTenant);
      found->valid_until = PG_INT64_MAX;
      if (row.has(kValidUntil) && !TIMESTAMP_NOT_FINITE(row.time(kValidUntil))) {
        found->valid_until = timestamptz_to_time_t(row.time(kValidUntil));
      }
    }
  }
  table.close();
  return usable;
}

}  // namespace converge

using namespace converge;

// BEFORE INSERT OR UPDATE: refuses a key that no token could be verified with.
extern "C" PGDLLEXPORT Datum converge_check_jwt_key(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("check_jwt_key() was not called by a trigger")));
  }
  const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  // Of another table's rows the columns are of other types.
  if (RelationGetRelid(trigger->tg_relation) != owned_oid("jwt_key") || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
      !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("check_jwt_key() was not called by the trigger of converge.jwt_key")));
  }
  HeapTuple tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
  KeyRow row;
  read_row(trigger->tg_relation, tuple, &row);
  check_row(row);
  return PointerGetDatum(tuple);
}

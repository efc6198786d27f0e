#include "extension/security/limits.h"

#include <cstring>

#include "extension/documents/owned_table.h"
#include "extension/documents/relation_news.h"
#include "extension/security/identity.h"
#include "extension/security/settings.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_forget_limits);
PG_FUNCTION_INFO_V1(converge_current_limits);
}

namespace converge {
namespace {

// converge.tenant_limit's columns, after the tenant, in the order of Limits' members.
enum : AttrNumber { kTenant = 1, kFirstLimit };
constexpr int kLimits = 11;
constexpr int kColumns = 1 + kLimits;
constexpr std::int64_t kNone = -1;
// converge.tenant_usage's.
enum : AttrNumber { kUsageTenant = 1, kBytes };

// The tables that are counted, each with an index that begins with the tenant.
struct CountedTable {
  const char* name;
  const char* index;
};
constexpr CountedTable kCounted[] = {{"document", "document_pkey"},
                                     {"permission", "permission_tenant_grantee_collection_key_key"},
                                     {"member", "member_pkey"}};

constexpr long kMaxTenants = 256;       // beyond it the cache begins anew
constexpr int kCountMilliseconds = 10000;  // for which a count holds

struct Count {
  bool made;
  std::int64_t number;
  std::int64_t counted_to;
  TimestampTz at;
  // Since some were removed: the transaction that did, in which the number holds for
  // one subtransaction.
  LocalTransactionId removed_in;
  SubTransactionId holds_in;
};

struct KnownTenant {
  char tenant[kMaxTenantBytes + 1];  // the key
  std::int64_t own[kLimits];  // as the table has them; kNone: as the settings have it
  Count counts[lengthof(kCounted)];
};

HTAB* cache = nullptr;
MemoryContext cache_context = nullptr;
Oid limit_table = InvalidOid;
bool stale = false;

void note_invalidation(Oid table) {
  if (!OidIsValid(table) || table == limit_table) stale = true;
}

void begin_anew() {
  if (cache_context == nullptr) {
    watch_relations(note_invalidation);
    cache_context = AllocSetContextCreate(TopMemoryContext, "converge limits", ALLOCSET_DEFAULT_SIZES);
  }
  cache = nullptr;
  MemoryContextReset(cache_context);
  HASHCTL control{};
  control.keysize = kMaxTenantBytes + 1;
  control.entrysize = sizeof(KnownTenant);
  control.hcxt = cache_context;
  HTAB* made = hash_create("converge limits", 16, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
  limit_table = owned_oid("tenant_limit");
  stale = false;
  // Last: what raises before that leaves no cache that would not hear of its table.
  cache = made;
}

HeapTuple find_tenant(const OwnedTable& table, const char* index, const char* tenant) {
  ScanKeyData key;
  ScanKeyInit(&key, kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  return find_owned(table.relation, owned_oid(index), 1, &key);
}

void read_own_limits(const char* tenant, std::int64_t* own) {
  for (int i = 0; i < kLimits; i++) own[i] = kNone;
  OwnedTable table("tenant_limit", AccessShareLock);
  HeapTuple row = find_tenant(table, "tenant_limit_pkey", tenant);
  if (HeapTupleIsValid(row)) {
    Datum values[kColumns];
    bool nulls[kColumns];
    heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
    for (int i = 0; i < kLimits; i++) {
      if (!nulls[kFirstLimit - 1 + i]) own[i] = DatumGetInt64(values[kFirstLimit - 1 + i]);
    }
  }
  table.close();
}

KnownTenant* known_tenant(const char* tenant) {
  AcceptInvalidationMessages();
  if (cache == nullptr || stale || hash_get_num_entries(cache) >= kMaxTenants) begin_anew();
  bool found;
  auto* known = static_cast<KnownTenant*>(hash_search(cache, tenant, HASH_FIND, &found));
  if (known != nullptr) return known;
  std::int64_t own[kLimits];
  read_own_limits(tenant, own);
  known = static_cast<KnownTenant*>(hash_search(cache, tenant, HASH_ENTER, &found));
  std::memcpy(known->own, own, sizeof own);
  for (Count& count : known->counts) count = Count{};
  return known;
}

std::int64_t count_rows(const CountedTable& counted, const char* tenant, std::int64_t most) {
  OwnedTable table(counted.name, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, owned_oid(counted.index), true, snapshot, 1, &key);
  std::int64_t count = 0;
  while (count < most && HeapTupleIsValid(systable_getnext(scan))) {
    count++;
    CHECK_FOR_INTERRUPTS();
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  return count;
}

}  // namespace

Limits limits_of(const char* tenant) {
  const std::int64_t* own = known_tenant(tenant)->own;
  const auto limit = [&](int which, std::int64_t setting) { return own[which] != kNone ? own[which] : setting; };
  return {limit(0, max_tenant_documents),
          limit(1, std::int64_t{1024} * max_tenant_kilobytes),
          limit(2, std::int64_t{1024} * max_document_kilobytes),
          limit(3, max_replicas),
          limit(4, max_tombstone_share),
          limit(5, principal_requests),
          limit(6, principal_changes),
          limit(7, tenant_requests),
          limit(8, tenant_changes),
          limit(9, max_tenant_grants),
          limit(10, max_tenant_members)};
}

std::int64_t number_of(Counted what, const char* tenant, std::int64_t most) {
  const auto place = static_cast<std::size_t>(what);
  Count* count = &known_tenant(tenant)->counts[place];
  const TimestampTz now = GetCurrentTimestamp();
  const LocalTransactionId transaction = MY_LOCAL_TRANSACTION;
  const bool holds = count->removed_in == InvalidLocalTransactionId ||
                     (count->removed_in == transaction && count->holds_in == GetCurrentSubTransactionId());
  if (!count->made || !holds || count->counted_to != most ||
      TimestampDifferenceExceeds(count->at, now, kCountMilliseconds)) {
    const bool removed = count->removed_in == transaction;
    const std::int64_t number = count_rows(kCounted[place], tenant, most);
    count = &known_tenant(tenant)->counts[place];  // which the scan may have had forgotten
    *count = {true, number, most, now, removed ? transaction : InvalidLocalTransactionId, GetCurrentSubTransactionId()};
  }
  return count->number;
}

void count_added(Counted what, const char* tenant) {
  known_tenant(tenant)->counts[static_cast<std::size_t>(what)].number++;
}

void count_removed(Counted what, const char* tenant) {
  Count* count = &known_tenant(tenant)->counts[static_cast<std::size_t>(what)];
  count->made = false;
  count->removed_in = MY_LOCAL_TRANSACTION;
}

std::int64_t bytes_of(const char* tenant) {
  OwnedTable table("tenant_usage", AccessShareLock);
  HeapTuple row = find_tenant(table, "tenant_usage_pkey", tenant);
  bool is_null;
  const std::int64_t bytes =
      HeapTupleIsValid(row) ? DatumGetInt64(heap_getattr(row, kBytes, RelationGetDescr(table.relation), &is_null)) : 0;
  table.close();
  return bytes;
}

void measure_bytes() {
  // A log row's other columns and its index entries are about as much as is added.
  static const char* const kStatement =
      "INSERT INTO converge.tenant_usage AS u (tenant, bytes, measured_at) "
      "SELECT tenant, pg_catalog.sum(bytes), pg_catalog.clock_timestamp() FROM ("
      "  SELECT tenant, coalesce(pg_catalog.octet_length(payload), 0) OPERATOR(pg_catalog.+) 200 FROM converge.change"
      "  UNION ALL SELECT tenant, pg_catalog.octet_length(state) FROM converge.snapshot) part (tenant, bytes) "
      "WHERE $1 OR tenant OPERATOR(pg_catalog.=) ANY (ARRAY("
      "  SELECT tenant FROM converge.tenant_limit WHERE max_tenant_bytes OPERATOR(pg_catalog.>) 0)) "
      "GROUP BY tenant "
      "ON CONFLICT (tenant) DO UPDATE SET bytes = EXCLUDED.bytes, measured_at = EXCLUDED.measured_at";
  Oid types[1] = {BOOLOID};
  Datum all[1] = {BoolGetDatum(max_tenant_kilobytes > 0)};
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  if (SPI_execute_with_args(kStatement, 1, types, all, nullptr, false, 0) != SPI_OK_INSERT) {
    elog(ERROR, "could not measure what tenants use");
  }
  SPI_finish();
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_forget_limits(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("forget_limits() was not called by a trigger")));
  }
  CacheInvalidateRelcacheByRelid(RelationGetRelid(reinterpret_cast<TriggerData*>(fcinfo->context)->tg_relation));
  return Datum{0};
}

extern "C" PGDLLEXPORT Datum converge_current_limits(PG_FUNCTION_ARGS) {
  TupleDesc description;
  if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  const Limits limits = limits_of(require_identity().tenant);
  Datum values[4] = {Int64GetDatum(limits.principal_requests), Int64GetDatum(limits.principal_changes),
                     Int64GetDatum(limits.tenant_requests), Int64GetDatum(limits.tenant_changes)};
  bool nulls[4] = {};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

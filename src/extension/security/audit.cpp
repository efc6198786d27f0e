#include "extension/security/audit.h"

#include <cstring>

#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_audit_retention);
}

namespace converge {
namespace {

// converge.audit's columns.
enum : AttrNumber { kTenant = 1, kId, kRecordedAt, kEvent, kPrincipal, kRole, kObject, kDetail, kCount };
constexpr int kColumns = kCount;

Datum cut_text(const char* text) {
  const int size = static_cast<int>(std::strlen(text));
  return PointerGetDatum(cstring_to_text_with_len(text, pg_mbcliplen(text, size, kMaxAuditBytes)));
}

// The sequence's next number that the tenant does not have: while a dump is restored
// it has rows from before.
std::int64_t free_id(Relation audit, Datum tenant) {
  while (true) {
    CHECK_FOR_INTERRUPTS();
    const std::int64_t id = nextval_internal(owned_oid("audit_id_seq"), false);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, tenant);
    ScanKeyInit(&keys[1], kId, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
    if (!HeapTupleIsValid(find_owned(audit, owned_oid("audit_pkey"), lengthof(keys), keys))) return id;
  }
}

}  // namespace

void record_audit(const AuditEntry& entry, const char* role, std::int64_t count) {
  OwnedTable table("audit", RowExclusiveLock);
  NameData role_name;
  namestrcpy(&role_name, role);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = cut_text(entry.tenant);
  values[kId - 1] = Int64GetDatum(free_id(table.relation, values[kTenant - 1]));
  values[kRecordedAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  values[kEvent - 1] = CStringGetTextDatum(entry.event);
  values[kPrincipal - 1] = cut_text(entry.principal);
  values[kRole - 1] = NameGetDatum(&role_name);
  values[kObject - 1] = cut_text(entry.object);
  values[kDetail - 1] = cut_text(entry.detail);
  values[kCount - 1] = Int64GetDatum(count);
  table.insert(values, nulls);
  table.close();
}

void record_audit(const AuditEntry& entry) {
  record_audit(entry, GetUserNameFromId(GetSessionUserId(), false), 1);
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_audit_retention(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("interval to keep the audit must not be null")));
  }
  const TimestampTz now = GetCurrentTimestamp();
  const TimestampTz before = DatumGetTimestampTz(
      DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(0)));
  if (before > now) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("interval to keep the audit is negative")));
  }
  // Alone, but beside those who add rows.
  OwnedTable table("audit", ShareUpdateExclusiveLock);
  ScanKeyData key;
  const int keys = PG_ARGISNULL(1) ? 0 : 1;
  if (keys == 1) ScanKeyInit(&key, kTenant, BTEqualStrategyNumber, F_TEXTEQ, PG_GETARG_DATUM(1));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, owned_oid("audit_pkey"), keys == 1, snapshot, keys, &key);
  std::int64_t deleted = 0;
  while (true) {
    HeapTuple row = systable_getnext(scan);
    if (!HeapTupleIsValid(row)) break;
    bool is_null;
    const Datum recorded = heap_getattr(row, kRecordedAt, RelationGetDescr(table.relation), &is_null);
    if (DatumGetTimestampTz(recorded) >= before) continue;
    table.remove(row->t_self);
    deleted++;
    CHECK_FOR_INTERRUPTS();
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  if (deleted > 0) {
    char* tenant = keys == 1 ? text_to_cstring(PG_GETARG_TEXT_PP(1)) : pstrdup("");
    record_audit({tenant, "retention", "", "audit", psprintf("%lld rows", static_cast<long long>(deleted))});
  }
  PG_RETURN_INT64(deleted);
}

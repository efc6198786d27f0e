// can(), set_permission(), add_member(), remove_member(), and the trigger that says
// when permissions change by other ways.
#include <cstring>

#include "extension/boundary.h"
#include "extension/documents/access.h"
#include "extension/documents/collection.h"
#include "extension/documents/owned_table.h"
#include "extension/security/access_audit.h"
#include "extension/security/administration.h"
#include "extension/security/limits.h"
#include "extension/security/permission.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_can);
PG_FUNCTION_INFO_V1(converge_set_permission);
PG_FUNCTION_INFO_V1(converge_add_member);
PG_FUNCTION_INFO_V1(converge_remove_member);
PG_FUNCTION_INFO_V1(converge_recheck);
}

namespace converge {
namespace {

// What a call site of can() asks about, as it was the last time.
struct Question {
  Oid level_value;  // 0: none yet
  AccessLevel level;
  Oid table;  // 0: none yet
  std::int32_t collection;
};

Question* question_of(FmgrInfo* call_site) {
  if (call_site->fn_extra == nullptr) {
    call_site->fn_extra = MemoryContextAllocZero(call_site->fn_mcxt, sizeof(Question));
  }
  return static_cast<Question*>(call_site->fn_extra);
}

char* text_argument(Datum value, const char* what, int limit) {
  const std::string_view bytes = boundary::view(PG_DETOAST_DATUM_PACKED(value));
  if (bytes.empty() || bytes.size() > static_cast<std::size_t>(limit)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is empty or too long", what),
                    errdetail("It has %zu bytes; the limit is %d.", bytes.size(), limit)));
  }
  return pnstrdup(bytes.data(), bytes.size());
}

void check_role_name(const char* role) {
  if (std::strcmp(role, kEveryone) == 0) {
    ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME), errmsg("members of role \"%s\" cannot be changed", kEveryone),
                    errdetail("Every principal of the tenant is one.")));
  }
}

std::int32_t tracked_number(Oid table) {
  const std::int32_t number = collection_number(table);
  if (number == 0) {
    const char* name = get_rel_name(table);
    no_such_collection(name != nullptr ? name : psprintf("%u", table));
  }
  return number;
}

// Whether the tenant may have one more: otherwise raises.
void check_number(Counted what, const char* tenant, std::int64_t most, const char* noun) {
  if (most == 0 || number_of(what, tenant, most) < most) return;
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("tenant \"%s\" has too many %s", tenant, noun),
                  errdetail("The limit is %lld.", static_cast<long long>(most))));
}

// ------------------------------------------------------------- permissions

struct Grant {
  const char* tenant;
  const char* grantee;
  Scope scope;
  AccessLevel level;
};

HeapTuple find_grant(Relation table, const Grant& grant) {
  using namespace permission_table;
  ScanKeyData keys[4];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(grant.tenant));
  ScanKeyInit(&keys[1], kGrantee, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(grant.grantee));
  const bool nulls[] = {grant.scope.collection == 0, grant.scope.key == nullptr};
  for (int i = 0; i < 2; i++) {
    if (nulls[i]) {
      ScanKeyEntryInitialize(&keys[2 + i], SK_ISNULL | SK_SEARCHNULL, static_cast<AttrNumber>(kCollection + i),
                             InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, static_cast<Datum>(0));
    }
  }
  if (!nulls[0]) {
    ScanKeyInit(&keys[2], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(grant.scope.collection));
  }
  if (!nulls[1]) {
    ScanKeyInit(&keys[3], kKey, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(grant.scope.key));
  }
  return find_owned(table, owned_oid("permission_tenant_grantee_collection_key_key"), lengthof(keys), keys);
}

// The caller holds the tenant's exclusive policy lock. Gives the level that the grant
// was of before.
AccessLevel write_grant(const Grant& grant) {
  using namespace permission_table;
  OwnedTable table("permission", RowExclusiveLock);
  HeapTuple row = find_grant(table.relation, grant);
  AccessLevel before = AccessLevel::none;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    before = access_level_of(DatumGetObjectId(heap_getattr(row, kLevel, RelationGetDescr(table.relation), &is_null)));
  }
  if (grant.level == AccessLevel::none) {
    if (HeapTupleIsValid(row)) {
      table.remove(row->t_self);
      count_removed(Counted::grants, grant.tenant);
    }
    table.close();
    CommandCounterIncrement();  // one statement may call twice
    return before;
  }
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(grant.tenant);
  values[kGrantee - 1] = CStringGetTextDatum(grant.grantee);
  nulls[kCollection - 1] = grant.scope.collection == 0;
  values[kCollection - 1] = Int32GetDatum(grant.scope.collection);
  nulls[kKey - 1] = grant.scope.key == nullptr;
  values[kKey - 1] = grant.scope.key != nullptr ? CStringGetTextDatum(grant.scope.key) : static_cast<Datum>(0);
  values[kLevel - 1] = ObjectIdGetDatum(access_level_value(grant.level));
  values[kGrantor - 1] = CStringGetTextDatum(current_identity().principal);
  values[kGrantedAt - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
  if (HeapTupleIsValid(row)) {
    table.update(row, values, nulls);
  } else {
    check_number(Counted::grants, grant.tenant, limits_of(grant.tenant).tenant_grants, "grants");
    table.insert(values, nulls);
    count_added(Counted::grants, grant.tenant);
  }
  table.close();
  CommandCounterIncrement();
  return before;
}

// Whose subscriptions a grant concerns: a principal's, or of a role anybody's.
const char* concerned(const char* grantee) {
  return std::strncmp(grantee, kRolePrefix, std::strlen(kRolePrefix)) == 0 ? nullptr : grantee;
}

// ----------------------------------------------------------------- members

// The member's row, or null; `count` is of how many roles the principal is one.
HeapTuple find_member(Relation table, const char* tenant, const char* principal, const char* role, int* count) {
  using namespace member_table;
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kPrincipal, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(principal));
  SysScanDesc scan = systable_beginscan(table, owned_oid("member_pkey"), true, nullptr, lengthof(keys), keys);
  HeapTuple found = nullptr;
  HeapTuple row;
  *count = 0;
  while (HeapTupleIsValid(row = systable_getnext(scan))) {
    bool is_null;
    const Datum name = heap_getattr(row, kRole, RelationGetDescr(table), &is_null);
    if (std::strcmp(TextDatumGetCString(name), role) == 0) found = heap_copytuple(row);
    (*count)++;
  }
  systable_endscan(scan);
  return found;
}

struct Membership {
  char* tenant;
  char* principal;
  char* role;
};

Membership membership_arguments(FunctionCallInfo fcinfo, const char* what) {
  const Membership made{tenant_argument(PG_GETARG_TEXT_PP(0)),
                        text_argument(PG_GETARG_DATUM(1), "principal", kMaxPrincipalBytes),
                        text_argument(PG_GETARG_DATUM(2), "role", kMaxRoleBytes)};
  require_administration(made.tenant, {0, nullptr}, psprintf("%s of tenant \"%s\"", what, made.tenant), true);
  check_role_name(made.role);
  return made;
}

// ----------------------------------------------------------------- trigger

// The text of a row's column; null for NULL or where no column is named.
char* column_text(const TriggerData* trigger, HeapTuple row, const char* column) {
  if (column[0] == '\0') return nullptr;
  TupleDesc description = RelationGetDescr(trigger->tg_relation);
  const int number = SPI_fnumber(description, column);
  if (number <= 0) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of table \"%s\" does not exist", column,
                           RelationGetRelationName(trigger->tg_relation)),
                    errhint("Call converge.recheck_on() again.")));
  }
  return SPI_getvalue(row, description, number);
}

void tell_of(const TriggerData* trigger, HeapTuple row) {
  const char* tenant = column_text(trigger, row, trigger->tg_trigger->tgargs[0]);
  const char* grantee = column_text(trigger, row, trigger->tg_trigger->tgargs[1]);
  // No tenant's, or one that nobody can be of.
  if (tenant == nullptr || std::strlen(tenant) > kMaxTenantBytes) tenant = "";
  if (grantee != nullptr && (std::strlen(grantee) > kMaxPrincipalBytes || tenant[0] == '\0')) grantee = nullptr;
  change_policies(tenant, grantee != nullptr ? concerned(grantee) : nullptr);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_can(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(2)) PG_RETURN_NULL();
  Question* question = question_of(fcinfo->flinfo);
  const Oid level_value = PG_GETARG_OID(2);
  if (question->level_value != level_value) {
    question->level = access_level_of(level_value);
    question->level_value = level_value;
  }
  Scope scope{};
  if (!PG_ARGISNULL(0)) {
    const Oid table = PG_GETARG_OID(0);
    if (question->table != table) {
      question->collection = known_collection_number(table);
      question->table = table;
    }
    // Of what is not tracked nobody has any level.
    if (question->collection == 0) PG_RETURN_BOOL(false);
    scope.collection = question->collection;
    if (!PG_ARGISNULL(1)) scope.key = text_to_cstring(PG_GETARG_TEXT_PP(1));
  }
  PG_RETURN_BOOL(has_level(scope, question->level, question->level >= AccessLevel::write));
}

extern "C" PGDLLEXPORT Datum converge_set_permission(PG_FUNCTION_ARGS) {
  for (int i = 0; i < 3; i++) {
    if (PG_ARGISNULL(i)) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("only collection and key may be null in a call of set_permission()")));
    }
  }
  Grant grant{};
  grant.tenant = tenant_argument(PG_GETARG_TEXT_PP(0));
  grant.grantee = text_argument(PG_GETARG_DATUM(1), "grantee", kMaxPrincipalBytes);
  grant.level = access_level_of(PG_GETARG_OID(2));
  if (std::strcmp(grant.grantee, kRolePrefix) == 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("grantee \"%s\" names no role", kRolePrefix)));
  }
  if (!PG_ARGISNULL(3)) grant.scope.collection = tracked_number(PG_GETARG_OID(3));
  if (!PG_ARGISNULL(4)) {
    if (grant.scope.collection == 0) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a key without its collection"),
                      errhint("Name the collection that the document is of.")));
    }
    grant.scope.key = text_argument(PG_GETARG_DATUM(4), "key", kMaxKeyBytes);
  }
  require_administration(grant.tenant, grant.scope,
                         psprintf("change permissions of tenant \"%s\"", grant.tenant), true);
  change_policies(grant.tenant, concerned(grant.grantee));
  const AccessLevel before = write_grant(grant);
  if (before != grant.level) {
    record_permission(grant.tenant, grant.grantee, grant.scope, access_level_name(before),
                      access_level_name(grant.level));
  }
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_add_member(PG_FUNCTION_ARGS) {
  using namespace member_table;
  const Membership made = membership_arguments(fcinfo, "change members");
  OwnedTable table("member", RowExclusiveLock);
  int count;
  if (find_member(table.relation, made.tenant, made.principal, made.role, &count) == nullptr) {
    if (count >= kMaxRoles) {
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("principal \"%s\" has too many roles", made.principal),
                      errdetail("The limit is %d.", kMaxRoles)));
    }
    check_number(Counted::members, made.tenant, limits_of(made.tenant).tenant_members, "members of roles");
    change_policies(made.tenant, made.principal);
    Datum values[kColumns] = {CStringGetTextDatum(made.tenant), CStringGetTextDatum(made.principal),
                              CStringGetTextDatum(made.role)};
    bool nulls[kColumns] = {};
    table.insert(values, nulls);
    count_added(Counted::members, made.tenant);
    CommandCounterIncrement();
    record_member(made.tenant, made.principal, made.role, true);
  }
  table.close();
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_remove_member(PG_FUNCTION_ARGS) {
  const Membership made = membership_arguments(fcinfo, "change members");
  OwnedTable table("member", RowExclusiveLock);
  int count;
  HeapTuple row = find_member(table.relation, made.tenant, made.principal, made.role, &count);
  if (HeapTupleIsValid(row)) {
    change_policies(made.tenant, made.principal);
    table.remove(row->t_self);
    count_removed(Counted::members, made.tenant);
    CommandCounterIncrement();
    record_member(made.tenant, made.principal, made.role, false);
  }
  table.close();
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_recheck(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function converge.recheck was not called by a trigger")));
  }
  auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function converge.recheck was not called by the trigger that recheck_on() makes")));
  }
  if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) {  // TRUNCATE
    if (RelationGetNamespace(trigger->tg_relation) == get_namespace_oid("converge", false)) {
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                      errmsg("cannot truncate table \"%s\"", RelationGetRelationName(trigger->tg_relation)),
                      errhint("Use DELETE, which tells whose permissions change.")));
    }
    change_policies("", nullptr);
    PG_RETURN_POINTER(nullptr);
  }
  tell_of(trigger, trigger->tg_trigtuple);
  if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) tell_of(trigger, trigger->tg_newtuple);
  PG_RETURN_POINTER(nullptr);
}

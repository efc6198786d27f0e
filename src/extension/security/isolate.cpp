// isolate(): the standard policies of a tracked table. recheck_on(): which other
// tables a table's own policies look at.
#include <cstring>

#include "extension/documents/access.h"
#include "extension/documents/collection.h"
#include "extension/security/access_audit.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(converge_isolate);
PG_FUNCTION_INFO_V1(converge_recheck_on);
}

namespace converge {
namespace {

constexpr const char* kRecheckTrigger = "converge_recheck";
constexpr const char* kRecheckTruncateTrigger = "converge_recheck_truncate";

Collection* owned_collection(Oid table) {
  check_table_owner(table);
  Relation relation = relation_open(table, AccessShareLock);
  Collection* collection = collection_of(relation);
  if (collection == nullptr) no_such_collection(RelationGetRelationName(relation));
  relation_close(relation, NoLock);
  return collection;
}

void execute(const char* sql) {
  if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY) elog(ERROR, "could not execute \"%s\"", sql);
}

// -------------------------------------------------------------- the policies

// `column = current_tenant()`, so that an index on the column serves it.
char* tenant_condition(const Collection& collection) {
  const char* column = quote_identifier(NameStr(collection.tenant.name));
  switch (getBaseType(collection.tenant.type)) {
    case TEXTOID:
    case VARCHAROID:
    case NAMEOID:
      return psprintf("%s OPERATOR(pg_catalog.=) converge.current_tenant()", column);
    default:
      return psprintf("%s OPERATOR(%s) CAST(converge.current_tenant() AS %s)", column, collection.tenant.equals,
                      format_type_be_qualified(collection.tenant.type));
  }
}

// A column as its type's output function writes it, which is how keys are written.
char* column_text(const KeyColumn& column) {
  const char* name = quote_identifier(NameStr(column.name));
  switch (getBaseType(column.type)) {
    case BOOLOID:    // whose casts to text write otherwise
    case BPCHAROID:
      return psprintf("pg_catalog.concat(%s)", name);
    default:
      return psprintf("CAST(%s AS pg_catalog.text)", name);
  }
}

// The document's key, as converge.document.key has it.
char* key_expression(const Collection& collection) {
  if (collection.key_count == 1) return column_text(collection.keys[0]);
  StringInfoData expression;
  initStringInfo(&expression);
  appendStringInfoString(&expression, "pg_catalog.concat('['");
  for (int i = 0; i < collection.key_count; i++) {
    appendStringInfo(&expression, "%s, pg_catalog.to_json(%s)", i == 0 ? "" : ", ', '",
                     column_text(collection.keys[i]));
  }
  appendStringInfoString(&expression, ", ']')");
  return expression.data;
}

// Every unique index has to begin with the tenant: another would tell one tenant
// which keys another has. Of which follows that one serves the policies: the
// primary key's.
void check_indexes(Relation relation, const KeyColumn& tenant) {
  ListCell* cell;
  foreach (cell, RelationGetIndexList(relation)) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    const Form_pg_index form = index->rd_index;
    if (form->indisunique && form->indkey.values[0] != tenant.attribute) {
      ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("unique index \"%s\" of table \"%s\" does not begin with the tenant's column",
                             RelationGetRelationName(index), RelationGetRelationName(relation)),
                      errdetail("A violation of it would tell one tenant what another holds."),
                      errhint("Make it on (%s, …).", quote_identifier(NameStr(tenant.name)))));
    }
    index_close(index, NoLock);
  }
}

void make_policy(const Collection& collection, const char* name, const char* command, const char* clause,
                 const char* condition) {
  if (OidIsValid(get_relation_policy_oid(collection.tracked, name, true))) {
    execute(psprintf("DROP POLICY %s ON %s", name, collection.sql_name));
  }
  execute(psprintf("CREATE POLICY %s ON %s FOR %s %s (%s)", name, collection.sql_name, command, clause, condition));
}

// What stood there before, for the audit.
const char* policies_of(Oid table) {
  StringInfoData text;
  initStringInfo(&text);
  Relation relation = relation_open(table, NoLock);
  appendStringInfo(&text, "before: row-level security %s", relation->rd_rel->relrowsecurity ? "on" : "off");
  relation_close(relation, NoLock);
  Relation policies = table_open(PolicyRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
  SysScanDesc scan = systable_beginscan(policies, PolicyPolrelidPolnameIndexId, true, nullptr, 1, &key);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    appendStringInfo(&text, ", %s", NameStr(reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->polname));
  }
  systable_endscan(scan);
  table_close(policies, AccessShareLock);
  return text.data;
}

char* condition_for(const Collection& collection, const char* level) {
  return psprintf("%s AND converge.can(%s::pg_catalog.regclass, %s, '%s'::converge.access_level)",
                  tenant_condition(collection), quote_literal_cstr(collection.sql_name), key_expression(collection),
                  level);
}

// ------------------------------------------------------------- recheck_on()

void make_trigger(const char* table, const char* name, const char* event, const char* each, const char* tenant_column,
                  const char* principal_column) {
  execute(psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION converge.recheck(%s, %s)",
                   name, event, table, each, quote_literal_cstr(tenant_column), quote_literal_cstr(principal_column)));
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_isolate(PG_FUNCTION_ARGS) {
  const Oid table = PG_GETARG_OID(0);
  Collection* collection = owned_collection(table);
  // As CREATE POLICY will: no other lock first, that somebody else could hold too.
  Relation relation = relation_open(table, AccessExclusiveLock);
  check_indexes(relation, collection->tenant);
  relation_close(relation, NoLock);

  record_table_event("isolate", table, policies_of(table));
  SPI_connect();
  make_policy(*collection, "converge_read", "SELECT", "USING", condition_for(*collection, "read"));
  make_policy(*collection, "converge_insert", "INSERT", "WITH CHECK", condition_for(*collection, "write"));
  make_policy(*collection, "converge_update", "UPDATE", "USING", condition_for(*collection, "write"));
  make_policy(*collection, "converge_delete", "DELETE", "USING", condition_for(*collection, "write"));
  execute(psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", collection->sql_name));
  SPI_finish();
  PG_RETURN_VOID();
}

extern "C" PGDLLEXPORT Datum converge_recheck_on(PG_FUNCTION_ARGS) {
  const Collection* collection = owned_collection(PG_GETARG_OID(0));
  const Oid membership = PG_GETARG_OID(1);
  check_table_owner(membership);
  // As CREATE TRIGGER will; and it may have become somebody else's.
  LockRelationOid(membership, ShareRowExclusiveLock);
  check_table_owner(membership);
  const char relkind = get_rel_relkind(membership);
  if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", get_rel_name(membership))));
  }
  const char* tenant = NameStr(collection->tenant.name);
  const bool has_tenant = get_attnum(membership, tenant) != InvalidAttrNumber;
  const char* name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(membership)),
                                                get_rel_name(membership));

  // Nobody else may attach the trigger: it locks whatever tenant a row names.
  Oid caller;
  int context;
  GetUserIdAndSecContext(&caller, &context);
  SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
  SPI_connect();
  make_trigger(name, kRecheckTrigger, "INSERT OR UPDATE OR DELETE", "ROW", has_tenant ? tenant : "", "");
  make_trigger(name, kRecheckTruncateTrigger, "TRUNCATE", "STATEMENT", "", "");
  SPI_finish();
  SetUserIdAndSecContext(caller, context);
  record_table_event("recheck_on", collection->tracked, name);
  PG_RETURN_VOID();
}

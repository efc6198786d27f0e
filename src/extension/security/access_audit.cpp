#include "extension/security/access_audit.h"

#include <cstring>
#include <utility>

#include "extension/boundary.h"
#include "extension/documents/collection.h"
#include "extension/documents/owned_table.h"
#include "extension/security/audit.h"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(converge_record_change);
}

namespace converge {
namespace {

// A row before a statement and after it: null where it comes or goes.
struct ChangedRow {
  Relation relation;
  HeapTuple before;
  HeapTuple after;
};

// A column as text: empty for NULL, and where there is no row.
const char* text_of(Relation relation, HeapTuple row, AttrNumber column) {
  if (!HeapTupleIsValid(row)) return "";
  const char* text = SPI_getvalue(row, RelationGetDescr(relation), column);
  return text != nullptr ? text : "";
}

const char* shown(const char* text) { return text[0] != '\0' ? text : "none"; }

// Whether the trigger names the column as one that says which row it is.
bool names_row(const Trigger* trigger, const char* column) {
  for (int i = 1; i < trigger->tgnargs; i++) {
    if (std::strcmp(trigger->tgargs[i], column) == 0) return true;
  }
  return false;
}

// Every column that is another, "max_replicas: none -> 100". Of secrets only that they are.
const char* differences(const ChangedRow& row, const Trigger* trigger) {
  StringInfoData text;
  initStringInfo(&text);
  TupleDesc description = RelationGetDescr(row.relation);
  const bool stays = HeapTupleIsValid(row.before) && HeapTupleIsValid(row.after);
  for (AttrNumber column = 1; column <= description->natts; column++) {
    const Form_pg_attribute attribute = TupleDescAttr(description, column - 1);
    const char* name = NameStr(attribute->attname);
    if (attribute->attisdropped) continue;
    // Which row comes or goes, is said already.
    if (!stays && (names_row(trigger, name) || std::strcmp(name, "tenant") == 0)) continue;
    const char* before = text_of(row.relation, row.before, column);
    const char* after = text_of(row.relation, row.after, column);
    if (std::strcmp(before, after) == 0) continue;
    if (text.len > 0) appendStringInfoString(&text, ", ");
    const bool secret = std::strcmp(name, "secret") == 0;
    appendStringInfo(&text, "%s: %s -> %s", name, secret && before[0] != '\0' ? "(not shown)" : shown(before),
                     secret && after[0] != '\0' ? "(not shown)" : shown(after));
  }
  return text.data;
}

void record_grant(const ChangedRow& row) {
  using namespace permission_table;
  auto record = [&](HeapTuple named, const char* before, const char* after) {
    const char* collection = text_of(row.relation, named, kCollection);
    const char* key = text_of(row.relation, named, kKey);
    const Scope scope{collection[0] != '\0' ? pg_strtoint32(collection) : 0, key[0] != '\0' ? key : nullptr};
    record_permission(text_of(row.relation, named, kTenant), text_of(row.relation, named, kGrantee), scope,
                      shown(before), shown(after));
  };
  const char* before = text_of(row.relation, row.before, kLevel);
  const char* after = text_of(row.relation, row.after, kLevel);
  bool same = HeapTupleIsValid(row.before) && HeapTupleIsValid(row.after);
  for (const AttrNumber column : {kTenant, kGrantee, kCollection, kKey}) {
    same = same && std::strcmp(text_of(row.relation, row.before, column), text_of(row.relation, row.after, column)) == 0;
  }
  if (same) {
    if (std::strcmp(before, after) != 0) record(row.after, before, after);
    return;
  }
  if (HeapTupleIsValid(row.before)) record(row.before, before, "");
  if (HeapTupleIsValid(row.after)) record(row.after, "", after);
}

void record_membership(const ChangedRow& row) {
  using namespace member_table;
  for (HeapTuple one : {row.before, row.after}) {
    if (!HeapTupleIsValid(one)) continue;
    record_member(text_of(row.relation, one, kTenant), text_of(row.relation, one, kPrincipal),
                  text_of(row.relation, one, kRole), one == row.after);
  }
}

// Any other table.
void record_row(const ChangedRow& row, const Trigger* trigger) {
  HeapTuple named = HeapTupleIsValid(row.after) ? row.after : row.before;
  auto column = [&](const char* name) {
    return text_of(row.relation, named, static_cast<AttrNumber>(SPI_fnumber(RelationGetDescr(row.relation), name)));
  };
  const char* object = "";
  for (int i = 1; i < trigger->tgnargs; i++) {
    object = psprintf("%s%s%s", object, i > 1 ? " " : "", column(trigger->tgargs[i]));
  }
  record_audit({column("tenant"), trigger->tgargs[0], current_identity().principal, object, differences(row, trigger)});
}

// COPY brings what a dump has: it was recorded where it was made.
bool is_restored() { return ActivePortal != nullptr && ActivePortal->commandTag == CMDTAG_COPY; }

}  // namespace

void record_permission(const char* tenant, const char* grantee, const Scope& scope, const char* before,
                       const char* after) {
  const char* object = grantee;
  if (scope.collection != 0) {
    const Collection* collection = collection_numbered(scope.collection);
    const char* name = collection != nullptr ? collection->name : psprintf("%d", scope.collection);
    object = psprintf("%s on %s%s%s", grantee, name, scope.key != nullptr ? "/" : "",
                      scope.key != nullptr ? scope.key : "");
  }
  record_audit({tenant, "permission", current_identity().principal, object, psprintf("%s -> %s", before, after)});
}

void record_member(const char* tenant, const char* principal, const char* role, bool given) {
  record_audit({tenant, "member", current_identity().principal, principal,
                given ? psprintf("none -> %s%s", kRolePrefix, role) : psprintf("%s%s -> none", kRolePrefix, role)});
}

void record_table_event(const char* event, Oid table, const char* detail) {
  const char* name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table));
  record_audit({"", event, current_identity().principal, name, detail});
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_record_change(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("record_change() was not called by a trigger")));
  }
  const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  Relation relation = trigger->tg_relation;
  if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
      trigger->tg_trigger->tgnargs < 1 || RelationGetNamespace(relation) != get_rel_namespace(owned_oid("audit"))) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("record_change() was not called by a trigger of one of converge's own tables")));
  }
  if (is_restored()) PG_RETURN_POINTER(nullptr);
  ChangedRow row{relation, trigger->tg_trigtuple, nullptr};
  if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) std::swap(row.before, row.after);
  if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) row.after = trigger->tg_newtuple;
  const Oid table = RelationGetRelid(relation);
  if (table == owned_oid("permission")) {
    record_grant(row);
  } else if (table == owned_oid("member")) {
    record_membership(row);
  } else {
    record_row(row, trigger->tg_trigger);
  }
  PG_RETURN_POINTER(nullptr);
}

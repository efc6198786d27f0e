// What ALTER TABLE does to a collection's fields: an event trigger keeps
// converge.collection and converge.field at the columns that they mean.
#include "extension/documents/collection.h"
#include "extension/documents/field_name.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(converge_follow_schema_change);
}

namespace converge {
namespace {

struct Change {
  RangeVar* relation;    // null: nothing of a table's columns
  const char* old_name;  // null: no column was renamed
  const char* new_name;
};

Change change_of(Node* statement) {
  switch (nodeTag(statement)) {
    case T_AlterTableStmt:
      return {castNode(AlterTableStmt, statement)->relation, nullptr, nullptr};
    case T_RenameStmt: {
      const auto* rename = castNode(RenameStmt, statement);
      if (rename->renameType != OBJECT_COLUMN && rename->renameType != OBJECT_ATTRIBUTE) return {};
      return {rename->relation, rename->subname, rename->newname};
    }
    default:
      return {};
  }
}

void follow(Oid table, const Change& change) {
  Relation relation = try_relation_open(table, AccessShareLock);
  if (relation == nullptr) return;
  const char kind = relation->rd_rel->relkind;
  std::int32_t number = 0;
  if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) number = collection_number(table);
  if (number != 0) {
    if (change.old_name != nullptr) rename_collection_column(table, change.old_name, change.new_name);
    record_fields(relation, number);
    forget_collection(table);
    // Bridges may have copies of a field that is gone.
    change_document_access("", 0);
  }
  relation_close(relation, NoLock);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_follow_schema_change(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function converge.follow_schema_change was not called by an event trigger")));
  }
  const Change change = change_of(reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree);
  if (change.relation == nullptr) PG_RETURN_NULL();
  const Oid relation = RangeVarGetRelid(change.relation, NoLock, true);
  if (!OidIsValid(relation)) PG_RETURN_NULL();
  CommandCounterIncrement();
  if (get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE) {
    int count;
    const Oid* tables = tables_of_type(get_rel_type_id(relation), &count);
    for (int i = 0; i < count; i++) follow(tables[i], change);
  } else {
    follow(relation, change);
  }
  PG_RETURN_NULL();
}

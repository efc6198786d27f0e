// What ALTER TABLE does to a collection: an event trigger keeps converge.collection and
// converge.field at the columns that they mean, and the rows at their documents.
#include <cstring>

#include "extension/documents/capture.h"
#include "extension/documents/collection.h"
#include "extension/documents/document.h"
#include "extension/documents/field_name.h"
#include "extension/security/policy_state.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/event_trigger.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(converge_follow_schema_change);
}

namespace converge {
namespace {

struct Change {
  RangeVar* relation;    // null: nothing of a table's columns
  const char* old_name;  // null: no column was renamed
  const char* new_name;
  List* commands;        // of ALTER TABLE
};

Change change_of(Node* statement) {
  switch (nodeTag(statement)) {
    case T_AlterTableStmt:
      return {castNode(AlterTableStmt, statement)->relation, nullptr, nullptr, castNode(AlterTableStmt, statement)->cmds};
    case T_RenameStmt: {
      const auto* rename = castNode(RenameStmt, statement);
      if (rename->renameType != OBJECT_COLUMN && rename->renameType != OBJECT_ATTRIBUTE) return {};
      return {rename->relation, rename->subname, rename->newname, NIL};
    }
    default:
      return {};
  }
}

// The composite type that a table was made of (CREATE TABLE … OF), or InvalidOid.
Oid type_of_table(Oid table) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  const Oid type = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->reloftype;
  ReleaseSysCache(tuple);
  return type;
}

// Raises where the row's tenant and key are no document's.
void require_document(const Collection* collection, HeapTuple row, TupleDesc description) {
  const RowRef ref = ref_of(collection, row, description);
  if (find_document(collection, ref) != 0) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot change the text of a key of tracked table \"%s\"", get_rel_name(collection->tracked)),
                  // (Not which: an enum's owner may not be let to read the table.)
                  errdetail("Tenant and key name the document, and a row would have none."),
                  errhint("Call converge.untrack() first: all rows will be new documents.")));
}

template <typename Test>
bool has_key_column(const Collection& collection, Test test) {
  if (test(collection.tenant)) return true;
  for (int i = 0; i < collection.key_count; i++) {
    if (test(collection.keys[i])) return true;
  }
  return false;
}

// Where a column that names documents has another type now, the rows' texts may have changed.
void check_retyped_keys(Relation relation, const List* commands) {
  ListCell* cell;
  foreach (cell, commands) {
    const auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype != AT_AlterColumnType) continue;
    const auto is_it = [&](const KeyColumn& column) { return std::strcmp(NameStr(column.name), command->name) == 0; };
    if (!has_key_column(*collection_of(relation), is_it)) continue;
    for_each_row(RelationGetRelid(relation), require_document);
    return;
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
    CommandCounterIncrement();
    check_retyped_keys(relation, change.commands);
    // Bridges may have copies of a field that is gone.
    change_document_access("", 0);
  }
  relation_close(relation, NoLock);
}

// A value of an enum was renamed, which may be a key's.
void check_enum(Oid type) {
  int count;
  const Oid* tables = tracked_tables(&count);
  for (int i = 0; i < count; i++) {
    Relation relation = try_relation_open(tables[i], AccessShareLock);
    if (relation == nullptr) continue;
    const auto is_of_type = [&](const KeyColumn& column) { return getBaseType(column.type) == type; };
    if (has_key_column(*collection_of(relation), is_of_type)) for_each_row(tables[i], require_document);
    relation_close(relation, NoLock);
  }
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_follow_schema_change(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("function converge.follow_schema_change was not called by an event trigger")));
  }
  Node* statement = reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree;
  if (IsA(statement, AlterEnumStmt)) {
    const auto* alter = castNode(AlterEnumStmt, statement);
    if (alter->oldVal == nullptr) PG_RETURN_NULL();
    CommandCounterIncrement();
    check_enum(typenameTypeId(nullptr, makeTypeNameFromNameList(alter->typeName)));
    PG_RETURN_NULL();
  }
  const Change change = change_of(statement);
  if (change.relation == nullptr) PG_RETURN_NULL();
  const Oid relation = RangeVarGetRelid(change.relation, NoLock, true);
  if (!OidIsValid(relation)) PG_RETURN_NULL();
  CommandCounterIncrement();
  if (get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE) {
    int count;
    const Oid* tables = tracked_tables(&count);
    for (int i = 0; i < count; i++) {
      if (type_of_table(tables[i]) == get_rel_type_id(relation)) follow(tables[i], change);
    }
  } else {
    // A tracked table may inherit from the one that was named, since it was tracked.
    ListCell* cell;
    foreach (cell, find_all_inheritors(relation, NoLock, nullptr)) follow(lfirst_oid(cell), change);
  }
  PG_RETURN_NULL();
}

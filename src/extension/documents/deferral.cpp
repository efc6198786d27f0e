#include "extension/documents/deferral.h"

#include "extension/documents/collection.h"
#include "extension/documents/fold.h"
#include "extension/documents/owned_table.h"
#include "extension/module.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(converge_defer);
}

namespace converge {
namespace {

[[noreturn]] void cannot_defer(const char* column, const char* why) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot defer column \"%s\"", column),
                  errdetail_internal("%s", why),
                  errhint("A change to a deferred field is acknowledged before the row is written: nothing may be "
                          "able to refuse it then.")));
}

// Whether an expression reads a column of the table; system columns aside.
bool reads_column(Node* expression, AttrNumber column) {
  if (expression == nullptr) return false;
  Bitmapset* columns = nullptr;
  pull_varattnos(expression, 1, &columns);
  // A Var of attribute 0 is the whole row.
  return bms_is_member(column - FirstLowInvalidHeapAttributeNumber, columns) ||
         bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, columns);
}

void check_constraints(Relation relation, AttrNumber column, const char* name) {
  Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationGetRelid(relation)));
  SysScanDesc scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &key);
  while (true) {
    HeapTuple row = systable_getnext(scan);
    if (!HeapTupleIsValid(row)) break;
    auto* constraint = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row));
    // NOT NULL, which is listed here from 18 on: a merge of states is never null.
    if (constraint->contype == 'n') continue;
    bool is_null;
    const Datum columns = heap_getattr(row, Anum_pg_constraint_conkey, RelationGetDescr(constraints), &is_null);
    if (is_null) continue;
    ArrayType* array = DatumGetArrayTypeP(columns);
    const auto* numbers = reinterpret_cast<const int16*>(ARR_DATA_PTR(array));
    for (int i = 0; i < ARR_DIMS(array)[0]; i++) {
      // 0 is the whole row.
      if (numbers[i] == column || numbers[i] == 0) cannot_defer(name, psprintf("Constraint \"%s\" looks at it.", NameStr(constraint->conname)));
    }
  }
  systable_endscan(scan);
  table_close(constraints, AccessShareLock);
}

void check_indexes(Relation relation, AttrNumber column, const char* name) {
  ListCell* cell;
  foreach (cell, RelationGetIndexList(relation)) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    const Form_pg_index form = index->rd_index;
    bool computes = reads_column(reinterpret_cast<Node*>(RelationGetIndexExpressions(index)), column) ||
                    reads_column(reinterpret_cast<Node*>(RelationGetIndexPredicate(index)), column);
    bool holds = false;
    for (int i = 0; i < form->indnkeyatts; i++) holds = holds || form->indkey.values[i] == column;
    // A GIN index on the column itself holds single keys, whose length the types bound.
    if (holds && (form->indisunique || index->rd_rel->relam != GIN_AM_OID)) computes = true;
    if (computes) cannot_defer(name, psprintf("Index \"%s\" looks at it.", RelationGetRelationName(index)));
    index_close(index, AccessShareLock);
  }
}

void check_generated(Relation relation, AttrNumber column, const char* name) {
  TupleDesc description = RelationGetDescr(relation);
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* other = TupleDescAttr(description, i);
    if (other->attisdropped || other->attgenerated == '\0') continue;
    Node* expression = nullptr;
    for (int j = 0; j < description->constr->num_defval; j++) {
      const AttrDefault& value = description->constr->defval[j];
      if (value.adnum == other->attnum) expression = static_cast<Node*>(stringToNode(value.adbin));
    }
    if (reads_column(expression, column)) {
      cannot_defer(name, psprintf("Generated column \"%s\" looks at it.", NameStr(other->attname)));
    }
  }
}

void check_column(Relation relation, const char* name) {
  const FormData_pg_attribute* column = column_named(relation, name);
  FieldType type;
  if (!is_field(column, &type)) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("column \"%s\" is not of a CRDT type and cannot be deferred", name)));
  }
  if (getBaseType(column->atttypid) != column->atttypid) cannot_defer(name, "Its type is a domain.");
  check_constraints(relation, column->attnum, name);
  check_indexes(relation, column->attnum, name);
  check_generated(relation, column->attnum, name);
}

// Whether an expression reads the column from the row that a policy is about, at
// whatever depth of subqueries.
struct WatchedColumn {
  AttrNumber column;
  int level;
};

bool walk(Node* node, void* argument) {
  auto* watched = static_cast<WatchedColumn*>(argument);
  if (node == nullptr) return false;
  if (IsA(node, Var)) {
    const auto* var = reinterpret_cast<const Var*>(node);
    return static_cast<int>(var->varlevelsup) == watched->level &&
           (var->varattno == watched->column || var->varattno == 0);
  }
  // Declared in C as a function of any arguments.
  auto* walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk));
  if (IsA(node, Query)) {
    watched->level++;
    const bool reads = query_tree_walker(reinterpret_cast<Query*>(node), walker, argument, 0);
    watched->level--;
    return reads;
  }
  return expression_tree_walker(node, walker, argument);
}

bool policy_reads(Expr* expression, AttrNumber column) {
  WatchedColumn watched{column, 0};
  return walk(reinterpret_cast<Node*>(expression), &watched);
}

}  // namespace

void check_deferrable(Relation relation, ArrayType* deferred) {
  Datum* names;
  bool* nulls;
  int count;
  deconstruct_array(deferred, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names, &nulls, &count);
  for (int i = 0; i < count; i++) {
    if (nulls[i]) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name of a deferred field is null")));
    }
    const char* name = NameStr(*DatumGetName(names[i]));
    ListCell* cell;
    foreach (cell, find_all_inheritors(RelationGetRelid(relation), AccessShareLock, nullptr)) {
      Relation part = relation_open(lfirst_oid(cell), NoLock);
      check_column(part, name);
      relation_close(part, NoLock);
    }
  }
  if (count > 0 && !converge_is_preloaded()) {
    ereport(WARNING, (errmsg("nothing folds deferred fields on this server"),
                      errdetail("converge is not in shared_preload_libraries, so that there is no maintenance worker."),
                      errhint("Add it and restart the server, or call converge.fold().")));
  }
}

bool policies_watch(Relation relation, AttrNumber column) {
  if (!relation->rd_rel->relrowsecurity || relation->rd_rsdesc == nullptr) return false;
  ListCell* cell;
  foreach (cell, relation->rd_rsdesc->policies) {
    const auto* policy = static_cast<const RowSecurityPolicy*>(lfirst(cell));
    if (policy->polcmd != '*' && policy->polcmd != ACL_UPDATE_CHR) continue;
    if (policy->with_check_qual != nullptr && !equal(policy->qual, policy->with_check_qual)) return true;
    if (policy_reads(policy->qual, column)) return true;
  }
  return false;
}

}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_defer(PG_FUNCTION_ARGS) {
  const Oid id = PG_GETARG_OID(0);
  ArrayType* fields = PG_GETARG_ARRAYTYPE_P(1);
  check_table_owner(id);
  // Pushes, which lock rows at least, wait until this commits, and those that
  // are under way are waited for.
  Relation relation = relation_open(id, ExclusiveLock);
  Collection* collection = collection_of(relation);
  if (collection == nullptr || collection->tracked != id) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("table \"%s\" is not tracked", RelationGetRelationName(relation))));
  }
  check_deferrable(relation, fields);
  // An immediate field's row is always up to date.
  fold_collection(collection);
  set_deferred(id, fields);
  relation_close(relation, NoLock);
  PG_RETURN_VOID();
}

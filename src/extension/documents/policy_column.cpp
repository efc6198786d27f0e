#include "extension/documents/policy_column.h"

#include "extension/documents/collection.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_policy.h"
#include "nodes/bitmapset.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace converge {
namespace {

// Adds the columns of `tracked` that a policy of it depends on; false: on any of them.
bool add_columns(Relation dependencies, Oid policy, Oid tracked, Bitmapset** columns) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(PolicyRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(policy));
  SysScanDesc scan =
      systable_beginscan(dependencies, DependDependerIndexId, true, nullptr, lengthof(keys), keys);
  bool known = true;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (form->refclassid != RelationRelationId || form->refobjid != tracked) continue;
    if (form->refobjsubid > 0) {
      *columns = bms_add_member(*columns, form->refobjsubid);
    } else if (form->deptype == DEPENDENCY_NORMAL) {
      known = false;  // the whole row
    }
  }
  systable_endscan(scan);
  return known;
}

}  // namespace

AttrNumber* policy_columns(Relation relation, Oid tracked, int* count) {
  Bitmapset* columns = nullptr;  // of the tracked table
  bool all = false;
  Relation policies = table_open(PolicyRelationId, AccessShareLock);
  Relation dependencies = table_open(DependRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(tracked));
  SysScanDesc scan = systable_beginscan(policies, PolicyPolrelidPolnameIndexId, true, nullptr, 1, &key);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const Oid policy = reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->oid;
    all = !add_columns(dependencies, policy, tracked, &columns) || all;
  }
  systable_endscan(scan);
  table_close(dependencies, AccessShareLock);
  table_close(policies, AccessShareLock);

  TupleDesc description = RelationGetDescr(relation);
  auto* numbers = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(description->natts + 1)));
  *count = 0;
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    if (attribute->attisdropped) continue;
    if (all || bms_is_member(get_attnum(tracked, NameStr(attribute->attname)), columns)) {
      numbers[(*count)++] = attribute->attnum;
    }
  }
  return numbers;
}

bool changed_policy_column(const Collection* collection, HeapTuple old_row, HeapTuple new_row, TupleDesc description) {
  for (int i = 0; i < collection->policy_column_count; i++) {
    const AttrNumber column = collection->policy_columns[i];
    const FormData_pg_attribute* attribute = TupleDescAttr(description, column - 1);
    bool old_null, new_null;
    const Datum before = heap_getattr(old_row, column, description, &old_null);
    const Datum after = heap_getattr(new_row, column, description, &new_null);
    if (old_null != new_null) return true;
    if (!old_null && !datum_image_eq(before, after, attribute->attbyval, attribute->attlen)) return true;
  }
  return false;
}

}  // namespace converge

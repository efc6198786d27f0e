// current(): a row of a tracked table with what is not folded into it yet.
#include "extension/documents/collection.h"
#include "extension/documents/document.h"
#include "extension/documents/replay.h"
#include "extension/documents/row.h"
#include "extension/documents/unfolded.h"

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(converge_current);
}

namespace converge {
namespace {

[[noreturn]] void no_tracked_row(Oid type) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("value of type %s is not a row of a tracked table", format_type_be(type)),
                  errhint("Pass the table's name or alias: SELECT (converge.current(n)).* FROM note n.")));
}

// A row can be made up, and what is unfolded is not the caller's to have for
// that: the document's row and these columns have to be readable.
bool may_read(Collection* collection, const RowRef& ref) {
  if (!row_is_visible(collection, ref, true)) return false;
  if (pg_class_aclcheck(collection->tracked, GetUserId(), ACL_SELECT) == ACLCHECK_OK) return true;
  for (int i = 0; i < collection->field_count; i++) {
    const AttrNumber column = get_attnum(collection->tracked, NameStr(collection->fields[i].column));
    const AclResult result = pg_attribute_aclcheck(collection->tracked, column, GetUserId(), ACL_SELECT);
    if (result != ACLCHECK_OK) {
      aclcheck_error_col(result, OBJECT_COLUMN, get_rel_name(collection->tracked),
                         NameStr(collection->fields[i].column));
    }
  }
  return true;
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_current(PG_FUNCTION_ARGS) {
  const Oid argument_type = get_fn_expr_argtype(fcinfo->flinfo, 0);
  if (!OidIsValid(argument_type) || !type_is_rowtype(argument_type)) no_tracked_row(argument_type);
  HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
  const Oid type = HeapTupleHeaderGetTypeId(header);
  const Oid relation_id = get_typ_typrelid(type);
  if (!OidIsValid(relation_id) || get_rel_relkind(relation_id) == RELKIND_COMPOSITE_TYPE) no_tracked_row(type);
  Relation relation = relation_open(relation_id, AccessShareLock);
  Collection* collection = collection_of(relation);
  if (collection == nullptr) no_tracked_row(type);

  TupleDesc description = lookup_rowtype_tupdesc(type, HeapTupleHeaderGetTypMod(header));
  HeapTupleData row;
  row.t_len = HeapTupleHeaderGetDatumLength(header);
  ItemPointerSetInvalid(&row.t_self);
  row.t_tableOid = InvalidOid;
  row.t_data = header;
  const RowRef ref = ref_of(collection, &row, description);
  Snapshot snapshot = GetActiveSnapshot();
  const std::int64_t document = find_document(collection, ref, snapshot);
  int unfolded = 0;
  if (document != 0) (void)unfolded_replicas(ref.tenant, document, snapshot, &unfolded);

  HeapTuple made = &row;
  if (unfolded > 0 && may_read(collection, ref)) {
    struct varlena* states[kMaxFields];
    int columns[kMaxFields];
    Datum values[kMaxFields];
    bool nulls[kMaxFields];
    for (int i = 0; i < collection->field_count; i++) {
      bool is_null;
      const Datum value = heap_getattr(&row, collection->fields[i].attribute, description, &is_null);
      states[i] = is_null ? nullptr : reinterpret_cast<struct varlena*>(DatumGetPointer(value));
    }
    add_unfolded(collection, ref.tenant, document, snapshot, states);
    for (int i = 0; i < collection->field_count; i++) {
      columns[i] = collection->fields[i].attribute;
      values[i] = PointerGetDatum(states[i]);
      nulls[i] = states[i] == nullptr;
    }
    made = heap_modify_tuple_by_cols(&row, description, collection->field_count, columns, values, nulls);
  }
  const Datum result = heap_copy_tuple_as_datum(made, description);
  ReleaseTupleDesc(description);
  relation_close(relation, NoLock);
  PG_RETURN_DATUM(result);
}

#include "extension/documents/plain_column.h"

#include <cstring>

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace converge {
namespace {

// A value as to_json() writes it.
std::string_view json_of(Oid type, Datum value, bool is_null) {
  if (is_null) return "null";
  FmgrInfo to_json;
  fmgr_info(F_TO_JSON, &to_json);
  // It is polymorphic, and finds its argument's type in the expression it is called by.
  Const* argument = makeNullConst(type, -1, InvalidOid);
  fmgr_info_set_expr(reinterpret_cast<Node*>(makeFuncExpr(F_TO_JSON, JSONOID, list_make1(argument), InvalidOid,
                                                         InvalidOid, COERCE_EXPLICIT_CALL)),
                     &to_json);
  return boundary::view(DatumGetTextPP(FunctionCall1(&to_json, value)));
}

bool same_value(const FormData_pg_attribute* attribute, Datum a, bool a_null, Datum b, bool b_null) {
  if (a_null || b_null) return a_null && b_null;
  return datum_image_eq(a, b, attribute->attbyval, attribute->attlen);
}

}  // namespace

void check_included(Relation relation, ArrayType* names) {
  Datum* elements;
  bool* nulls;
  int count;
  deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, &nulls, &count);
  if (count > kMaxIncluded) {
    ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS), errmsg("too many columns are included"),
                    errdetail("There are %d; the limit is %d.", count, kMaxIncluded)));
  }
  for (int i = 0; i < count; i++) {
    if (nulls[i]) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name of an included column is null")));
    }
    const char* name = NameStr(*DatumGetName(elements[i]));
    const FormData_pg_attribute* column = column_named(relation, name);
    FieldType type;
    if (field_type_of(column->atttypid, &type)) {
      ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                      errmsg("column \"%s\" is of a CRDT type and cannot be included", name),
                      errdetail("Clients have it as a field.")));
    }
    for (int j = 0; j < i; j++) {
      if (std::strcmp(NameStr(*DatumGetName(elements[j])), name) == 0) {
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("column \"%s\" is included twice", name)));
      }
    }
  }
}

void check_deletion_column(Relation relation, const char* name) {
  const FormData_pg_attribute* column = column_named(relation, name);
  if (column->atttypid != TIMESTAMPTZOID || column->attnotnull || column->attgenerated != '\0') {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("column \"%s\" cannot say when a row was deleted", name),
                    errdetail("It must be of type timestamp with time zone, may be null, and not generated.")));
  }
}

void add_included(const Collection* collection, HeapTuple old_row, HeapTuple row, TupleDesc description,
                  Payload* payload) {
  for (int i = 0; i < collection->included_count; i++) {
    const IncludedColumn& column = collection->included[i];
    const FormData_pg_attribute* attribute = TupleDescAttr(description, column.attribute - 1);
    bool is_null;
    const Datum value = heap_getattr(row, column.attribute, description, &is_null);
    if (old_row != nullptr) {
      bool old_null;
      const Datum before = heap_getattr(old_row, column.attribute, description, &old_null);
      if (same_value(attribute, before, old_null, value, is_null)) continue;
    }
    payload->columns[payload->column_count++] = {NameStr(column.name), json_of(attribute->atttypid, value, is_null)};
  }
}

bool is_softly_deleted(const Collection* collection, HeapTuple row, TupleDesc description) {
  return collection->deletion.attribute != InvalidAttrNumber &&
         !heap_attisnull(row, collection->deletion.attribute, description);
}

}  // namespace converge

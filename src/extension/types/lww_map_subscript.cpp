// m['key'] of a lww_map, as jsonb has it: a fetch gives the key's value, an
// assignment writes the key. Further subscripts lead into the value:
// m['key']['a'][0]. An assignment there writes the whole value of the key, the
// unit in which a lww_map merges.
#include "extension/types/state.h"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
}

#include "extension/types/lww_map_entries.h"

using namespace converge;

namespace {

// ---- parsing

// PostgreSQL takes subscripting for immutable: an assignment to a constant map
// (INSERT INTO t (m['key']) …) would run once for the plan, and the identifiers
// it makes be used again by every execution. So the key of an assignment passes
// through a volatile function that gives it back.
Node* volatile_key(Node* key) {
  const Oid argument = TEXTOID;
  List* name = list_make2(makeString(pstrdup("converge")), makeString(pstrdup("assigned_key")));
  const Oid function = LookupFuncName(name, 1, &argument, false);
  return reinterpret_cast<Node*>(makeFuncExpr(function, TEXTOID, list_make1(key), InvalidOid,
                                              InvalidOid, COERCE_IMPLICIT_CAST));
}

// The first subscript is a key; those behind it may also be array positions.
Node* as_text(ParseState* pstate, Node* subscript, bool first) {
  const Oid type = exprType(subscript);
  const bool position = !first && (type == INT2OID || type == INT4OID || type == INT8OID);
  Node* text = coerce_to_target_type(pstate, subscript, type, TEXTOID, -1,
                                     position ? COERCION_EXPLICIT : COERCION_IMPLICIT,
                                     COERCE_IMPLICIT_CAST, -1);
  if (text == nullptr)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("subscript type %s is not supported", format_type_be(type)),
                    first ? errhint("A key of a lww_map is text.")
                          : errhint("A subscript within a value must be coercible to either integer or text."),
                    parser_errposition(pstate, exprLocation(subscript))));
  return text;
}

void transform(SubscriptingRef* sbsref, List* indirection, ParseState* pstate, bool is_slice,
               bool is_assignment) {
  List* subscripts = NIL;
  ListCell* cell;
  foreach (cell, indirection) {
    A_Indices* indices = lfirst_node(A_Indices, cell);
    if (is_slice) {
      Node* expression = indices->uidx != nullptr ? indices->uidx : indices->lidx;
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                      errmsg("lww_map subscript does not support slices"),
                      parser_errposition(pstate, exprLocation(expression))));
    }
    const bool first = subscripts == NIL;
    Node* subscript = transformExpr(pstate, indices->uidx, pstate->p_expr_kind);
    subscript = as_text(pstate, subscript, first);
    if (is_assignment && first) subscript = volatile_key(subscript);
    subscripts = lappend(subscripts, subscript);
  }
  sbsref->refupperindexpr = subscripts;
  sbsref->reflowerindexpr = NIL;
  sbsref->refrestype = JSONBOID;
  sbsref->reftypmod = -1;
}

// ---- execution

std::string_view key_of(const SubscriptingRefState* state) {
  return boundary::view(PG_DETOAST_DATUM_PACKED(state->upperindex[0]));
}

bool check_subscripts(ExprState*, ExprEvalStep* op, ExprContext*) {
  const SubscriptingRefState* state = op->d.sbsref_subscript.state;
  for (int i = 0; i < state->numupper; ++i) {
    if (!state->upperindexnull[i]) continue;
    if (state->isassignment)
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("lww_map subscript in assignment must not be null")));
    *op->resnull = true;
    return false;
  }
  return true;
}

void fetch_value(const SubscriptingRefState* state, Datum map, Datum* value, bool* is_null) {
  *is_null = !map_value(map, key_of(state), value);
  if (*is_null || state->numupper == 1) return;
  *value = jsonb_get_element(DatumGetJsonbP(*value), state->upperindex + 1, state->numupper - 1,
                             is_null, false);
}

// Strict: the map is not null.
void fetch(ExprState*, ExprEvalStep* op, ExprContext*) {
  const Datum map = *op->resvalue;
  fetch_value(op->d.sbsref.state, map, op->resvalue, op->resnull);
}

void fetch_old(ExprState*, ExprEvalStep* op, ExprContext*) {
  SubscriptingRefState* state = op->d.sbsref.state;
  state->prevnull = true;
  if (!*op->resnull) fetch_value(state, *op->resvalue, &state->prevvalue, &state->prevnull);
}

// {"key": value}, or {} where the key is not set: for jsonb's own functions.
Jsonb* object_of(const SubscriptingRefState* state, bool map_is_null, Datum map) {
  Datum value;
  const bool set = !map_is_null && map_value(map, key_of(state), &value);
  JsonbParseState* parse = nullptr;
  pushJsonbValue(&parse, WJB_BEGIN_OBJECT, nullptr);
  if (set) {
    const std::string_view key = key_of(state);
    JsonbValue name;
    name.type = jbvString;
    name.val.string.val = const_cast<char*>(key.data());
    name.val.string.len = static_cast<int>(key.size());
    pushJsonbValue(&parse, WJB_KEY, &name);
    JsonbValue held;
    JsonbToJsonbValue(DatumGetJsonbP(value), &held);
    pushJsonbValue(&parse, WJB_VALUE, &held);
  }
  return JsonbValueToJsonb(pushJsonbValue(&parse, WJB_END_OBJECT, nullptr));
}

// SQL's null is JSON's, as in a jsonb.
Jsonb* replacement(const SubscriptingRefState* state) {
  if (!state->replacenull) return DatumGetJsonbP(state->replacevalue);
  JsonbValue null;
  null.type = jbvNull;
  return JsonbValueToJsonb(&null);
}

Datum empty_map() {
  return boundary::call([]() -> converge::Result<Datum> {  // PostgreSQL has a Result of its own
    return boundary::datum(empty_state(FieldType::lww_map));
  });
}

void assign(ExprState*, ExprEvalStep* op, ExprContext*) {
  const SubscriptingRefState* state = op->d.sbsref.state;
  const bool map_is_null = *op->resnull;
  const Datum map = map_is_null ? empty_map() : *op->resvalue;
  Jsonb* value = replacement(state);
  if (state->numupper > 1) {
    JsonbValue held;
    JsonbToJsonbValue(value, &held);
    Jsonb* object = object_of(state, map_is_null, map);
    value = DatumGetJsonbP(jsonb_set_element(object, state->upperindex, state->numupper, &held));
    *op->resvalue = map_with_members(map, json_members(value, "entries of a map"), CurrentMemoryContext);
  } else {
    const JsonMember member{key_of(state), json_text(value)};
    *op->resvalue = map_with_members(map, {&member, 1}, CurrentMemoryContext);
  }
  *op->resnull = false;
}

void exec_setup(const SubscriptingRef*, SubscriptingRefState*, SubscriptExecSteps* methods) {
  methods->sbs_check_subscripts = check_subscripts;
  methods->sbs_fetch = fetch;
  methods->sbs_assign = assign;
  methods->sbs_fetch_old = fetch_old;
}

const SubscriptRoutines routines = {
    .transform = transform,
    .exec_setup = exec_setup,
    .fetch_strict = true,
    .fetch_leakproof = true,  // a key that is not set gives null
    .store_leakproof = false,
};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(lww_map_subscript);
PG_FUNCTION_INFO_V1(lww_map_assigned_key);

Datum lww_map_subscript(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_POINTER(&routines);
}

Datum lww_map_assigned_key(PG_FUNCTION_ARGS) { PG_RETURN_DATUM(PG_GETARG_DATUM(0)); }
}

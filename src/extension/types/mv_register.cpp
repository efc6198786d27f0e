// mv_register as an SQL type: what state.sql.in and mv_register.sql declare.
#include "extension/types/state.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

#include <string>

#include "core/register/mv_register.h"
#include "extension/types/edit.h"
#include "extension/types/json.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(mv_register, MvRegister)
CONVERGE_MERGE_AGG(mv_register, MvRegister)

namespace {

// JSON texts in CurrentMemoryContext.
struct Texts {
  char** begin;
  int count;
};

Texts values_of(Datum state) {
  const StateArgument argument = state_argument(FieldType::mv_register, state);
  return boundary::call([&] {
    return with_state<MvRegister>(argument, [](const MvRegister& held) -> Result<Texts> {
      const std::vector<std::string_view> values = held.values();
      Texts texts{static_cast<char**>(boundary::allocate(sizeof(char*) * (values.size() + 1))), 0};
      for (const std::string_view value : values)
        texts.begin[texts.count++] = boundary::cstring_of(value);
      return texts;
    });
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(mv_register_new);
PG_FUNCTION_INFO_V1(mv_register_assign);
PG_FUNCTION_INFO_V1(mv_register_three_way);
PG_FUNCTION_INFO_V1(mv_register_to_array);
PG_FUNCTION_INFO_V1(mv_register_cardinality);

Datum mv_register_new(PG_FUNCTION_ARGS) {
  const std::string_view json = json_text(PG_GETARG_JSONB_P(0));
  prepare_edit();
  return make_state<MvRegister>(
      FieldType::mv_register,
      [&](MvRegister& held, ReplicaId replica) { return held.assign(replica, json); });
}

Datum mv_register_assign(PG_FUNCTION_ARGS) {
  const std::string_view json = json_text(PG_GETARG_JSONB_P(1));
  prepare_edit();
  return edit_argument<MvRegister>(
      FieldType::mv_register, fcinfo,
      [&](MvRegister& held, ReplicaId replica) { return held.assign(replica, json); });
}

// The one value that stands in base, if it is mine, is no edit.
Datum mv_register_three_way(PG_FUNCTION_ARGS) {
  const std::string_view json = json_text(PG_GETARG_JSONB_P(1));
  const Texts standing = values_of(PG_GETARG_DATUM(0));
  const bool same = standing.count == 1 && json_text(DatumGetJsonbP(jsonb_of(standing.begin[0]))) == json;
  prepare_edit();
  return three_way<MvRegister>(
      FieldType::mv_register, fcinfo, [&](MvRegister& held, ReplicaId replica) -> Result<void> {
        if (same) return {};
        return held.assign(replica, json);
      });
}

Datum mv_register_to_array(PG_FUNCTION_ARGS) {
  const Texts texts = values_of(PG_GETARG_DATUM(0));
  if (texts.count == 0) PG_RETURN_ARRAYTYPE_P(construct_empty_array(JSONBOID));
  auto* datums = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(texts.count)));
  for (int i = 0; i < texts.count; ++i) datums[i] = jsonb_of(texts.begin[i]);
  PG_RETURN_ARRAYTYPE_P(construct_array(datums, texts.count, JSONBOID, -1, false, TYPALIGN_INT));
}

Datum mv_register_cardinality(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(values_of(PG_GETARG_DATUM(0)).count);
}
}

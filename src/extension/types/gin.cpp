// GIN support: sets are indexed by their elements, maps as the jsonb that they
// stand for (so that jsonb's own functions answer for the queries). What
// set_gin.sql.in and lww_map_gin.sql declare.
#include "extension/types/state.h"

extern "C" {
#include "access/gin.h"
#include "access/stratnum.h"
#include "utils/builtins.h"
}

#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "extension/types/json.h"
#include "extension/types/text_array.h"

using namespace converge;

namespace {

constexpr StrategyNumber kContains = 7;  // as jsonb's operator classes number them
constexpr StrategyNumber kHasElement = 9;
constexpr StrategyNumber kOverlaps = 10;

template <class Set>
Datum extract_elements(FieldType type, FunctionCallInfo fcinfo) {
  const StateArgument state = state_argument(type, PG_GETARG_DATUM(0));
  auto* count = reinterpret_cast<int32*>(PG_GETARG_POINTER(1));
  const TextDatums keys = boundary::call([&] {
    return with_state<Set>(state, [](const Set& set) -> converge::Result<TextDatums> {
      return text_datums(set.elements());
    });
  });
  *count = keys.count;
  PG_RETURN_POINTER(keys.begin);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(or_set_gin_extract_value);
PG_FUNCTION_INFO_V1(lww_set_gin_extract_value);
PG_FUNCTION_INFO_V1(set_gin_extract_query);
PG_FUNCTION_INFO_V1(set_gin_consistent);
PG_FUNCTION_INFO_V1(set_gin_triconsistent);
PG_FUNCTION_INFO_V1(lww_map_gin_extract_value);

Datum or_set_gin_extract_value(PG_FUNCTION_ARGS) { return extract_elements<OrSet>(FieldType::or_set, fcinfo); }
Datum lww_set_gin_extract_value(PG_FUNCTION_ARGS) { return extract_elements<LwwSet>(FieldType::lww_set, fcinfo); }

Datum set_gin_extract_query(PG_FUNCTION_ARGS) {
  auto* count = reinterpret_cast<int32*>(PG_GETARG_POINTER(1));
  const StrategyNumber strategy = PG_GETARG_UINT16(2);
  auto* search_mode = reinterpret_cast<int32*>(PG_GETARG_POINTER(6));
  if (strategy == kHasElement) {
    auto* key = static_cast<Datum*>(palloc(sizeof(Datum)));
    *key = PointerGetDatum(PG_GETARG_TEXT_PP(0));
    *count = 1;
    PG_RETURN_POINTER(key);
  }
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  if (strategy == kContains && array_contains_nulls(array)) {
    *count = 0;  // nothing contains null
    PG_RETURN_POINTER(nullptr);
  }
  const TextElements elements = text_elements(array, Nulls::skip, "set element");
  auto* keys = static_cast<Datum*>(palloc(sizeof(Datum) * (static_cast<Size>(elements.count) + 1)));
  *count = 0;
  for (const std::string_view element : elements)
    keys[(*count)++] = PointerGetDatum(cstring_to_text_with_len(element.data(), static_cast<int>(element.size())));
  // Every set contains nothing.
  if (*count == 0 && strategy == kContains) *search_mode = GIN_SEARCH_MODE_ALL;
  PG_RETURN_POINTER(keys);
}

// The keys are the elements themselves: the index knows the answer.
Datum set_gin_consistent(PG_FUNCTION_ARGS) {
  const bool* present = reinterpret_cast<bool*>(PG_GETARG_POINTER(0));
  const StrategyNumber strategy = PG_GETARG_UINT16(1);
  const int32 count = PG_GETARG_INT32(3);
  *reinterpret_cast<bool*>(PG_GETARG_POINTER(5)) = false;
  for (int32 i = 0; i < count; ++i)
    if (present[i] == (strategy == kOverlaps)) PG_RETURN_BOOL(strategy == kOverlaps);
  PG_RETURN_BOOL(strategy != kOverlaps);
}

Datum set_gin_triconsistent(PG_FUNCTION_ARGS) {
  const auto* present = reinterpret_cast<GinTernaryValue*>(PG_GETARG_POINTER(0));
  const StrategyNumber strategy = PG_GETARG_UINT16(1);
  const int32 count = PG_GETARG_INT32(3);
  const GinTernaryValue decides = strategy == kOverlaps ? GIN_TRUE : GIN_FALSE;
  GinTernaryValue answer = strategy == kOverlaps ? GIN_FALSE : GIN_TRUE;
  for (int32 i = 0; i < count; ++i) {
    if (present[i] == decides) PG_RETURN_GIN_TERNARY_VALUE(decides);
    if (present[i] == GIN_MAYBE) answer = GIN_MAYBE;
  }
  PG_RETURN_GIN_TERNARY_VALUE(answer);
}

Datum lww_map_gin_extract_value(PG_FUNCTION_ARGS) {
  const StateArgument state = state_argument(FieldType::lww_map, PG_GETARG_DATUM(0));
  char* json = boundary::call([&] {
    return with_state<LwwMap>(state, [](const LwwMap& map) -> converge::Result<char*> {
      return boundary::cstring_of(map.to_json());
    });
  });
  return DirectFunctionCall2(gin_extract_jsonb, jsonb_of(json), PG_GETARG_DATUM(1));
}
}

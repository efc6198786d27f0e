// or_set as an SQL type: what or_set.sql declares.
#include "extension/types/state.h"

#include "core/or_set/or_set.h"
#include "extension/types/edit.h"
#include "extension/types/text_array.h"

using namespace converge;

CONVERGE_STATE_TYPE(or_set)

namespace {

Datum add_elements(std::string_view state, TextElements elements) {
  prepare_edit();
  return boundary::call([&] {
    return edit_state<OrSet>(FieldType::or_set, state,
                             [&](OrSet& set, ReplicaId replica) -> Result<void> {
                               for (const std::string_view element : elements)
                                 if (const auto done = set.add(replica, element); !done)
                                   return done.error();
                               return {};
                             });
  });
}

Datum remove_elements(std::string_view state, TextElements elements) {
  prepare_edit();
  return boundary::call([&] {
    return edit_state<OrSet>(FieldType::or_set, state,
                             [&](OrSet& set, ReplicaId replica) -> Result<void> {
                               for (const std::string_view element : elements)
                                 if (const auto done = set.remove(replica, element); !done)
                                   return done.error();
                               return {};
                             });
  });
}

enum class Found { all, any };

bool contains(std::string_view state, TextElements elements, Found wanted) {
  return boundary::call([&]() -> Result<bool> {
    const Result<OrSet> set = OrSet::decode(state);
    if (!set) return set.error();
    for (const std::string_view element : elements)
      if (set->contains(element) != (wanted == Found::all)) return wanted == Found::any;
    return wanted == Found::all;
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(or_set_new);
PG_FUNCTION_INFO_V1(or_set_add);
PG_FUNCTION_INFO_V1(or_set_add_elements);
PG_FUNCTION_INFO_V1(or_set_remove);
PG_FUNCTION_INFO_V1(or_set_remove_elements);
PG_FUNCTION_INFO_V1(or_set_to_array);
PG_FUNCTION_INFO_V1(or_set_has_element);
PG_FUNCTION_INFO_V1(or_set_contains);
PG_FUNCTION_INFO_V1(or_set_overlaps);
PG_FUNCTION_INFO_V1(or_set_cardinality);

Datum or_set_new(PG_FUNCTION_ARGS) {
  const TextElements elements = text_elements(PG_GETARG_ARRAYTYPE_P(0), Nulls::refuse, "set element");
  prepare_edit();
  return boundary::call([&] {
    return make_state<OrSet>(FieldType::or_set, [&](OrSet& set, ReplicaId replica) -> Result<void> {
      for (const std::string_view element : elements) {
        if (set.contains(element)) continue;
        if (const auto done = set.add(replica, element); !done) return done.error();
      }
      return {};
    });
  });
}

Datum or_set_add(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view element = bytes_argument(fcinfo, 1);
  return add_elements(state, {&element, 1});
}

Datum or_set_add_elements(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return add_elements(state, text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));
}

Datum or_set_remove(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view element = bytes_argument(fcinfo, 1);
  return remove_elements(state, {&element, 1});
}

Datum or_set_remove_elements(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return remove_elements(state,
                         text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));
}

Datum or_set_to_array(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return text_array(boundary::call([&]() -> Result<TextDatums> {
    const Result<OrSet> set = OrSet::decode(state);
    if (!set) return set.error();
    return text_datums(set->elements());
  }));
}

Datum or_set_has_element(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view element = bytes_argument(fcinfo, 1);
  PG_RETURN_BOOL(contains(state, {&element, 1}, Found::all));
}

// As for arrays, nothing contains null, and null overlaps nothing.
Datum or_set_contains(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(1);
  if (ARR_HASNULL(array) && array_contains_nulls(array)) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(contains(state, text_elements(array, Nulls::skip, "set element"), Found::all));
}

Datum or_set_overlaps(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(1);
  PG_RETURN_BOOL(contains(state, text_elements(array, Nulls::skip, "set element"), Found::any));
}

Datum or_set_cardinality(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  PG_RETURN_INT32(boundary::call([&]() -> Result<int32> {
    const Result<OrSet> set = OrSet::decode(state);
    if (!set) return set.error();
    return static_cast<int32>(set->size());
  }));
}
}

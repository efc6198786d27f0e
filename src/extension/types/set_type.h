// What or_set and lww_set have in common as SQL types: what set.sql.in declares.
#pragma once

#include "extension/types/state.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "extension/types/edit.h"
#include "extension/types/text_array.h"

namespace converge {

template <class Set, FieldType kType>
struct SetType {
  // lww_set's edits need the time, or_set's do not.
  static Result<void> add(Set& set, ReplicaId replica, std::uint64_t now_ms, std::string_view element) {
    if constexpr (requires { set.add(replica, now_ms, element); })
      return set.add(replica, now_ms, element);
    else
      return set.add(replica, element);
  }

  static Result<void> remove(Set& set, ReplicaId replica, std::uint64_t now_ms,
                             std::string_view element) {
    if constexpr (requires { set.remove(replica, now_ms, element); })
      return set.remove(replica, now_ms, element);
    else
      return set.remove(replica, element);
  }

  static Datum make(TextElements elements) {
    const std::uint64_t now_ms = prepare_edit();
    return make_state<Set>(kType, [&](Set& set, ReplicaId replica) -> Result<void> {
      for (const std::string_view element : elements) {
        if (set.contains(element)) continue;
        if (const auto done = add(set, replica, now_ms, element); !done) return done.error();
      }
      return {};
    });
  }

  static Datum add_all(FunctionCallInfo fcinfo, TextElements elements) {
    const std::uint64_t now_ms = prepare_edit();
    return edit_argument<Set>(kType, fcinfo, [&](Set& set, ReplicaId replica) -> Result<void> {
      for (const std::string_view element : elements)
        if (const auto done = add(set, replica, now_ms, element); !done) return done.error();
      return {};
    });
  }

  static Datum remove_all(FunctionCallInfo fcinfo, TextElements elements) {
    const std::uint64_t now_ms = prepare_edit();
    return edit_argument<Set>(kType, fcinfo, [&](Set& set, ReplicaId replica) -> Result<void> {
      for (const std::string_view element : elements)
        if (const auto done = remove(set, replica, now_ms, element); !done) return done.error();
      return {};
    });
  }

  // Body: adds and removes what makes the set hold just these elements.
  static Result<void> assign(Set& set, ReplicaId replica, std::uint64_t now_ms,
                             const std::set<std::string_view>& elements) {
    std::vector<std::string> gone;  // a change moves what elements() points at
    for (const std::string_view element : set.elements())
      if (elements.count(element) == 0) gone.emplace_back(element);
    for (const std::string& element : gone)
      if (const auto done = remove(set, replica, now_ms, element); !done) return done.error();
    for (const std::string_view element : elements) {
      if (set.contains(element)) continue;
      if (const auto done = add(set, replica, now_ms, element); !done) return done.error();
    }
    return {};
  }

  static Datum assign(FunctionCallInfo fcinfo, TextElements elements) {
    const std::uint64_t now_ms = prepare_edit();
    return edit_argument<Set>(kType, fcinfo, [&](Set& set, ReplicaId replica) {
      return assign(set, replica, now_ms, {elements.begin(), elements.end()});
    });
  }

  static Datum three_way(FunctionCallInfo fcinfo, TextElements elements) {
    const std::uint64_t now_ms = prepare_edit();
    return converge::three_way<Set>(kType, fcinfo, [&](Set& set, ReplicaId replica) {
      return assign(set, replica, now_ms, {elements.begin(), elements.end()});
    });
  }

  static Datum to_array(Datum state) {
    const StateArgument argument = state_argument(kType, state);
    return text_array(boundary::call([&] {
      return with_state<Set>(argument, [](const Set& set) -> Result<TextDatums> {
        return text_datums(set.elements());
      });
    }));
  }

  static bool contains_all(Datum state, TextElements elements) {
    const StateArgument argument = state_argument(kType, state);
    return boundary::call([&] {
      return with_state<Set>(argument, [&](const Set& set) -> Result<bool> {
        return std::all_of(elements.begin(), elements.end(),
                           [&](std::string_view element) { return set.contains(element); });
      });
    });
  }

  static bool contains_any(Datum state, TextElements elements) {
    const StateArgument argument = state_argument(kType, state);
    return boundary::call([&] {
      return with_state<Set>(argument, [&](const Set& set) -> Result<bool> {
        return std::any_of(elements.begin(), elements.end(),
                           [&](std::string_view element) { return set.contains(element); });
      });
    });
  }

  static int32 cardinality(Datum state) {
    const StateArgument argument = state_argument(kType, state);
    return boundary::call([&] {
      return with_state<Set>(argument, [](const Set& set) -> Result<int32> {
        return static_cast<int32>(set.elements().size());
      });
    });
  }
};

#define CONVERGE_SET_FUNCTION(type, suffix) \
  PG_FUNCTION_INFO_V1(type##_##suffix);     \
  Datum type##_##suffix(PG_FUNCTION_ARGS)

// Nulls as arrays have them: nothing contains null, and null overlaps nothing.
#define CONVERGE_SET_TYPE(type, Set)                                                             \
  extern "C" {                                                                                   \
  CONVERGE_SET_FUNCTION(type, new) {                                                             \
    return SetType<Set, FieldType::type>::make(                                                  \
        text_elements(PG_GETARG_ARRAYTYPE_P(0), Nulls::refuse, "set element"));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, add) {                                                             \
    const std::string_view element = bytes_argument(fcinfo, 1);                                  \
    return SetType<Set, FieldType::type>::add_all(fcinfo, {&element, 1});                        \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, add_elements) {                                                    \
    return SetType<Set, FieldType::type>::add_all(fcinfo,                                        \
        text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, remove) {                                                          \
    const std::string_view element = bytes_argument(fcinfo, 1);                                  \
    return SetType<Set, FieldType::type>::remove_all(fcinfo, {&element, 1});                     \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, remove_elements) {                                                 \
    return SetType<Set, FieldType::type>::remove_all(fcinfo,                                     \
        text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, assign) {                                                          \
    return SetType<Set, FieldType::type>::assign(fcinfo,                                         \
        text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, three_way) {                                                       \
    return SetType<Set, FieldType::type>::three_way(fcinfo,                                      \
        text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "set element"));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, to_array) {                                                        \
    return SetType<Set, FieldType::type>::to_array(PG_GETARG_DATUM(0));                          \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, has_element) {                                                     \
    const std::string_view element = bytes_argument(fcinfo, 1);                                  \
    PG_RETURN_BOOL((SetType<Set, FieldType::type>::contains_all(PG_GETARG_DATUM(0),              \
                                                                {&element, 1})));                \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, contains) {                                                        \
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(1);                                                 \
    if (array_contains_nulls(array)) PG_RETURN_BOOL(false);                                      \
    PG_RETURN_BOOL((SetType<Set, FieldType::type>::contains_all(                                 \
        PG_GETARG_DATUM(0), text_elements(array, Nulls::skip, "set element"))));                 \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, contained) {                                                       \
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);                                                 \
    if (array_contains_nulls(array)) PG_RETURN_BOOL(false);                                      \
    PG_RETURN_BOOL((SetType<Set, FieldType::type>::contains_all(                                 \
        PG_GETARG_DATUM(1), text_elements(array, Nulls::skip, "set element"))));                 \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, overlaps) {                                                        \
    PG_RETURN_BOOL((SetType<Set, FieldType::type>::contains_any(                                 \
        PG_GETARG_DATUM(0),                                                                      \
        text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::skip, "set element"))));                  \
  }                                                                                              \
  CONVERGE_SET_FUNCTION(type, cardinality) {                                                     \
    PG_RETURN_INT32((SetType<Set, FieldType::type>::cardinality(PG_GETARG_DATUM(0))));           \
  }                                                                                              \
  }

}  // namespace converge

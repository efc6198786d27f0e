// lww_map as an SQL type: what lww_map.sql declares.
#include "extension/types/state.h"

extern "C" {
#include "utils/builtins.h"
}

#include <algorithm>
#include <string>

#include "core/json/json.h"
#include "core/lww_map/lww_map.h"
#include "extension/types/edit.h"
#include "extension/types/json.h"
#include "extension/types/merge_agg.h"
#include "extension/types/text_array.h"

using namespace converge;

CONVERGE_STATE_TYPE(lww_map)
CONVERGE_MERGE_AGG(lww_map, LwwMap)

namespace {

// The JSON text of a key's value, in CurrentMemoryContext; null if it is not set.
char* value_of(std::string_view state, std::string_view key) {
  return boundary::call([&]() -> Result<char*> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    const auto value = map->get(key);
    if (!value) return static_cast<char*>(nullptr);
    return boundary::cstring_of(*value);
  });
}

Datum set_members(std::string_view state, JsonMembers members) {
  const std::uint64_t now_ms = prepare_edit();
  return boundary::call([&] {
    return edit_state<LwwMap>(
        FieldType::lww_map, state, [&](LwwMap& map, ReplicaId replica) -> Result<void> {
          for (const JsonMember& member : members)
            if (const auto done = map.set(replica, now_ms, member.key, member.value); !done)
              return done.error();
          return {};
        });
  });
}

Datum unset_keys(std::string_view state, TextElements keys) {
  const std::uint64_t now_ms = prepare_edit();
  return boundary::call([&] {
    return edit_state<LwwMap>(
        FieldType::lww_map, state, [&](LwwMap& map, ReplicaId replica) -> Result<void> {
          for (const std::string_view key : keys)
            if (const auto done = map.unset(replica, now_ms, key); !done) return done.error();
          return {};
        });
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(lww_map_new);
PG_FUNCTION_INFO_V1(lww_map_set);
PG_FUNCTION_INFO_V1(lww_map_set_members);
PG_FUNCTION_INFO_V1(lww_map_unset);
PG_FUNCTION_INFO_V1(lww_map_unset_keys);
PG_FUNCTION_INFO_V1(lww_map_to_jsonb);
PG_FUNCTION_INFO_V1(lww_map_get);
PG_FUNCTION_INFO_V1(lww_map_get_text);
PG_FUNCTION_INFO_V1(lww_map_has_key);
PG_FUNCTION_INFO_V1(lww_map_has_any_key);
PG_FUNCTION_INFO_V1(lww_map_has_all_keys);
PG_FUNCTION_INFO_V1(lww_map_contains);
PG_FUNCTION_INFO_V1(lww_map_keys);

Datum lww_map_new(PG_FUNCTION_ARGS) {
  const JsonMembers members = json_members(PG_GETARG_JSONB_P(0), "a map");
  const std::uint64_t now_ms = prepare_edit();
  return boundary::call([&] {
    return make_state<LwwMap>(
        FieldType::lww_map, [&](LwwMap& map, ReplicaId replica) -> Result<void> {
          for (const JsonMember& member : members)
            if (const auto done = map.set(replica, now_ms, member.key, member.value); !done)
              return done.error();
          return {};
        });
  });
}

Datum lww_map_set(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const JsonMember member{bytes_argument(fcinfo, 1), json_text(PG_GETARG_JSONB_P(2))};
  return set_members(state, {&member, 1});
}

Datum lww_map_set_members(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return set_members(state, json_members(PG_GETARG_JSONB_P(1), "entries of a map"));
}

Datum lww_map_unset(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view key = bytes_argument(fcinfo, 1);
  return unset_keys(state, {&key, 1});
}

Datum lww_map_unset_keys(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return unset_keys(state, text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "map key"));
}

Datum lww_map_to_jsonb(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  char* json = boundary::call([&]() -> Result<char*> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    return boundary::cstring_of(map->to_json());
  });
  return jsonb_of(json);
}

Datum lww_map_get(PG_FUNCTION_ARGS) {
  char* json = value_of(bytes_argument(fcinfo, 0), bytes_argument(fcinfo, 1));
  if (json == nullptr) PG_RETURN_NULL();
  return jsonb_of(json);
}

Datum lww_map_get_text(PG_FUNCTION_ARGS) {
  char* json = value_of(bytes_argument(fcinfo, 0), bytes_argument(fcinfo, 1));
  if (json == nullptr) PG_RETURN_NULL();
  text* value = jsonb_as_text(jsonb_of(json));
  if (value == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(value);
}

Datum lww_map_has_key(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view key = bytes_argument(fcinfo, 1);
  PG_RETURN_BOOL(boundary::call([&]() -> Result<bool> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    return map->contains(key);
  }));
}

// As jsonb has it: null keys are passed over.
Datum lww_map_has_any_key(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const TextElements keys = text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::skip, "map key");
  PG_RETURN_BOOL(boundary::call([&]() -> Result<bool> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) { return map->contains(key); });
  }));
}

Datum lww_map_has_all_keys(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const TextElements keys = text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::skip, "map key");
  PG_RETURN_BOOL(boundary::call([&]() -> Result<bool> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    return std::all_of(keys.begin(), keys.end(), [&](std::string_view key) { return map->contains(key); });
  }));
}

// m::jsonb @> query, without making jsonb of what the query does not ask for.
Datum lww_map_contains(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  Jsonb* query = PG_GETARG_JSONB_P(1);
  if (!JB_ROOT_IS_OBJECT(query)) PG_RETURN_BOOL(false);
  const JsonMembers wanted = json_members(query, "a query");
  // For each member {"key": value} as jsonb text; null if a key is not set.
  auto* found = static_cast<char**>(palloc0(sizeof(char*) * (static_cast<Size>(wanted.count) + 1)));
  auto* asked = static_cast<char**>(palloc0(sizeof(char*) * (static_cast<Size>(wanted.count) + 1)));
  const bool all_set = boundary::call([&]() -> Result<bool> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    int i = 0;
    for (const JsonMember& member : wanted) {
      const auto value = map->get(member.key);
      if (!value) return false;
      std::string key = "{";
      append_json_string(key, member.key);
      key += ':';
      found[i] = boundary::cstring_of(key + std::string(*value) + '}');
      asked[i++] = boundary::cstring_of(key + std::string(member.value) + '}');
    }
    return true;
  });
  if (!all_set) PG_RETURN_BOOL(false);
  for (int i = 0; i < wanted.count; ++i)
    if (!DatumGetBool(DirectFunctionCall2(jsonb_contains, jsonb_of(found[i]), jsonb_of(asked[i]))))
      PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(true);
}

Datum lww_map_keys(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return text_array(boundary::call([&]() -> Result<TextDatums> {
    const Result<LwwMap> map = LwwMap::decode(state);
    if (!map) return map.error();
    return text_datums(map->keys());
  }));
}
}

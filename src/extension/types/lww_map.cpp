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
#include "extension/types/lww_map_entries.h"
#include "extension/types/merge_agg.h"
#include "extension/types/text_array.h"

using namespace converge;

CONVERGE_STATE_TYPE(lww_map, LwwMap)
CONVERGE_MERGE_AGG(lww_map, LwwMap)

namespace {

StateArgument map_argument(FunctionCallInfo fcinfo, int n) {
  return state_argument(FieldType::lww_map, PG_GETARG_DATUM(n));
}

// Body: what use(map) returns.
template <class Use>
auto with_map(const StateArgument& argument, Use use) {
  return with_state<LwwMap>(argument, use);
}

// Body.
Result<void> set_all(LwwMap& map, ReplicaId replica, std::uint64_t now_ms, JsonMembers members) {
  for (const JsonMember& member : members)
    if (const auto done = map.set(replica, now_ms, member.key, member.value); !done)
      return done.error();
  return {};
}

Datum unset_keys(FunctionCallInfo fcinfo, TextElements keys) {
  const std::uint64_t now_ms = prepare_edit();
  return edit_argument<LwwMap>(
      FieldType::lww_map, fcinfo, [&](LwwMap& state, ReplicaId replica) -> Result<void> {
        for (const std::string_view key : keys)
          if (const auto done = state.unset(replica, now_ms, key); !done) return done.error();
        return {};
      });
}

// The map's value. Glue.
Datum jsonb_of_map(Datum map) {
  const StateArgument argument = state_argument(FieldType::lww_map, map);
  return jsonb_of(boundary::call([&] {
    return with_map(argument, [](const LwwMap& state) -> Result<char*> {
      return boundary::cstring_of(state.to_json());
    });
  }));
}

// What makes the first argument's value the second argument. Glue.
JsonChanges changes_asked(FunctionCallInfo fcinfo) {
  const JsonMembers mine = json_members(PG_GETARG_JSONB_P(1), "entries of a map");
  return json_changes(json_members(DatumGetJsonbP(jsonb_of_map(PG_GETARG_DATUM(0))), "a map"), mine);
}

// Body.
Result<void> apply(LwwMap& map, ReplicaId replica, std::uint64_t now_ms, JsonChanges changes) {
  for (const JsonMember& member : changes.unset)
    if (const auto done = map.unset(replica, now_ms, member.key); !done) return done.error();
  return set_all(map, replica, now_ms, changes.set);
}

}  // namespace

namespace converge {

bool map_value(Datum map, std::string_view key, Datum* value) {
  const StateArgument argument = state_argument(FieldType::lww_map, map);
  // In CurrentMemoryContext; null if the key is not set.
  char* json = boundary::call([&] {
    return with_map(argument, [&](const LwwMap& state) -> Result<char*> {
      const auto found = state.get(key);
      if (!found) return static_cast<char*>(nullptr);
      return boundary::cstring_of(*found);
    });
  });
  if (json == nullptr) return false;
  *value = jsonb_of(json);
  return true;
}

Datum map_with_members(Datum map, JsonMembers members, MemoryContext parent) {
  const std::uint64_t now_ms = prepare_edit();
  return edit_state<LwwMap>(FieldType::lww_map, map, parent, [&](LwwMap& state, ReplicaId replica) {
    return set_all(state, replica, now_ms, members);
  });
}

}  // namespace converge

extern "C" {

PG_FUNCTION_INFO_V1(lww_map_new);
PG_FUNCTION_INFO_V1(lww_map_set);
PG_FUNCTION_INFO_V1(lww_map_set_members);
PG_FUNCTION_INFO_V1(lww_map_unset);
PG_FUNCTION_INFO_V1(lww_map_unset_keys);
PG_FUNCTION_INFO_V1(lww_map_assign);
PG_FUNCTION_INFO_V1(lww_map_three_way);
PG_FUNCTION_INFO_V1(lww_map_to_jsonb);
PG_FUNCTION_INFO_V1(lww_map_get);
PG_FUNCTION_INFO_V1(lww_map_get_text);
PG_FUNCTION_INFO_V1(lww_map_has_key);
PG_FUNCTION_INFO_V1(lww_map_has_any_key);
PG_FUNCTION_INFO_V1(lww_map_has_all_keys);
PG_FUNCTION_INFO_V1(lww_map_contains);
PG_FUNCTION_INFO_V1(lww_map_contained);
PG_FUNCTION_INFO_V1(lww_map_keys);

Datum lww_map_new(PG_FUNCTION_ARGS) {
  const JsonMembers members = json_members(PG_GETARG_JSONB_P(0), "a map");
  const std::uint64_t now_ms = prepare_edit();
  return make_state<LwwMap>(FieldType::lww_map, [&](LwwMap& map, ReplicaId replica) {
    return set_all(map, replica, now_ms, members);
  });
}

Datum lww_map_set(PG_FUNCTION_ARGS) {
  const JsonMember member{bytes_argument(fcinfo, 1), json_text(PG_GETARG_JSONB_P(2))};
  return map_with_members(PG_GETARG_DATUM(0), {&member, 1}, result_context(fcinfo));
}

Datum lww_map_set_members(PG_FUNCTION_ARGS) {
  return map_with_members(PG_GETARG_DATUM(0), json_members(PG_GETARG_JSONB_P(1), "entries of a map"),
                          result_context(fcinfo));
}

Datum lww_map_unset(PG_FUNCTION_ARGS) {
  const std::string_view key = bytes_argument(fcinfo, 1);
  return unset_keys(fcinfo, {&key, 1});
}

Datum lww_map_unset_keys(PG_FUNCTION_ARGS) {
  return unset_keys(fcinfo, text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::refuse, "map key"));
}

Datum lww_map_assign(PG_FUNCTION_ARGS) {
  const JsonChanges changes = changes_asked(fcinfo);
  const std::uint64_t now_ms = prepare_edit();
  return edit_argument<LwwMap>(FieldType::lww_map, fcinfo, [&](LwwMap& map, ReplicaId replica) {
    return apply(map, replica, now_ms, changes);
  });
}

Datum lww_map_three_way(PG_FUNCTION_ARGS) {
  const JsonChanges changes = changes_asked(fcinfo);
  const std::uint64_t now_ms = prepare_edit();
  return three_way<LwwMap>(FieldType::lww_map, fcinfo, [&](LwwMap& map, ReplicaId replica) {
    return apply(map, replica, now_ms, changes);
  });
}

Datum lww_map_to_jsonb(PG_FUNCTION_ARGS) { return jsonb_of_map(PG_GETARG_DATUM(0)); }

Datum lww_map_get(PG_FUNCTION_ARGS) {
  Datum value;
  if (!map_value(PG_GETARG_DATUM(0), bytes_argument(fcinfo, 1), &value)) PG_RETURN_NULL();
  return value;
}

Datum lww_map_get_text(PG_FUNCTION_ARGS) {
  Datum value;
  if (!map_value(PG_GETARG_DATUM(0), bytes_argument(fcinfo, 1), &value)) PG_RETURN_NULL();
  text* as_text = jsonb_as_text(value);
  if (as_text == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(as_text);
}

Datum lww_map_has_key(PG_FUNCTION_ARGS) {
  const StateArgument map = map_argument(fcinfo, 0);
  const std::string_view key = bytes_argument(fcinfo, 1);
  PG_RETURN_BOOL(boundary::call([&] {
    return with_map(map, [&](const LwwMap& state) -> Result<bool> { return state.contains(key); });
  }));
}

// As jsonb has it: null keys are passed over.
Datum lww_map_has_any_key(PG_FUNCTION_ARGS) {
  const StateArgument map = map_argument(fcinfo, 0);
  const TextElements keys = text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::skip, "map key");
  PG_RETURN_BOOL(boundary::call([&] {
    return with_map(map, [&](const LwwMap& state) -> Result<bool> {
      return std::any_of(keys.begin(), keys.end(),
                         [&](std::string_view key) { return state.contains(key); });
    });
  }));
}

Datum lww_map_has_all_keys(PG_FUNCTION_ARGS) {
  const StateArgument map = map_argument(fcinfo, 0);
  const TextElements keys = text_elements(PG_GETARG_ARRAYTYPE_P(1), Nulls::skip, "map key");
  PG_RETURN_BOOL(boundary::call([&] {
    return with_map(map, [&](const LwwMap& state) -> Result<bool> {
      return std::all_of(keys.begin(), keys.end(),
                         [&](std::string_view key) { return state.contains(key); });
    });
  }));
}

// m::jsonb @> query, without making jsonb of what the query does not ask for.
static bool contains(const StateArgument& map, Jsonb* query) {
  if (!JB_ROOT_IS_OBJECT(query)) return false;
  const JsonMembers wanted = json_members(query, "a query");
  // For each member {"key": value} as jsonb text; null if a key is not set.
  auto* found = static_cast<char**>(palloc0(sizeof(char*) * (static_cast<Size>(wanted.count) + 1)));
  auto* asked = static_cast<char**>(palloc0(sizeof(char*) * (static_cast<Size>(wanted.count) + 1)));
  const bool all_set = boundary::call([&] {
    return with_map(map, [&](const LwwMap& state) -> Result<bool> {
      int i = 0;
      for (const JsonMember& member : wanted) {
        const auto value = state.get(member.key);
        if (!value) return false;
        std::string key = "{";
        append_json_string(key, member.key);
        key += ':';
        found[i] = boundary::cstring_of(key + std::string(*value) + '}');
        asked[i++] = boundary::cstring_of(key + std::string(member.value) + '}');
      }
      return true;
    });
  });
  if (!all_set) return false;
  for (int i = 0; i < wanted.count; ++i)
    if (!DatumGetBool(DirectFunctionCall2(jsonb_contains, jsonb_of(found[i]), jsonb_of(asked[i]))))
      return false;
  return true;
}

Datum lww_map_contains(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(contains(map_argument(fcinfo, 0), PG_GETARG_JSONB_P(1)));
}

Datum lww_map_contained(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(contains(map_argument(fcinfo, 1), PG_GETARG_JSONB_P(0)));
}

Datum lww_map_keys(PG_FUNCTION_ARGS) {
  const StateArgument map = map_argument(fcinfo, 0);
  return text_array(boundary::call([&] {
    return with_map(map, [](const LwwMap& state) -> Result<TextDatums> {
      return text_datums(state.keys());
    });
  }));
}
}

#include "extension/types/json.h"

extern "C" {
#include "utils/builtins.h"
}

#include <cstring>

namespace converge {

std::string_view json_text(Jsonb* value) {
  return JsonbToCString(nullptr, &value->root, VARSIZE(value));
}

JsonMembers json_members(Jsonb* object, const char* what) {
  if (!JB_ROOT_IS_OBJECT(object))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cannot make %s from this jsonb", what),
             errdetail("It is not an object.")));
  JsonMembers members{};
  const auto count = static_cast<Size>(JB_ROOT_COUNT(object));
  auto* places = static_cast<JsonMember*>(palloc0(sizeof(JsonMember) * (count + 1)));
  members.begin_ = places;
  JsonbIterator* iterator = JsonbIteratorInit(&object->root);
  JsonbValue value;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
    if (token == WJB_KEY) {
      places[members.count].key = {value.val.string.val, static_cast<std::size_t>(value.val.string.len)};
    } else if (token == WJB_VALUE) {
      places[members.count++].value = json_text(JsonbValueToJsonb(&value));
    }
  }
  return members;
}

JsonChanges json_changes(JsonMembers from, JsonMembers to) {
  // Both are in jsonb's order of keys.
  const auto before = [](std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  };
  auto* set = static_cast<JsonMember*>(palloc0(sizeof(JsonMember) * (static_cast<Size>(to.count) + 1)));
  auto* unset = static_cast<JsonMember*>(palloc0(sizeof(JsonMember) * (static_cast<Size>(from.count) + 1)));
  JsonChanges changes{{set, 0}, {unset, 0}};
  const JsonMember* old = from.begin();
  for (const JsonMember& member : to) {
    for (; old != from.end() && before(old->key, member.key); ++old)
      unset[changes.unset.count++] = *old;
    if (old != from.end() && old->key == member.key) {
      // Equal values print alike.
      if (old->value != member.value) set[changes.set.count++] = member;
      ++old;
    } else {
      set[changes.set.count++] = member;
    }
  }
  for (; old != from.end(); ++old) unset[changes.unset.count++] = *old;
  return changes;
}

Datum jsonb_of(char* json) { return DirectFunctionCall1(jsonb_in, CStringGetDatum(json)); }

text* jsonb_as_text(Datum datum) {
  Jsonb* value = DatumGetJsonbP(datum);
  if (JB_ROOT_IS_SCALAR(value)) {
    JsonbValue scalar;
    JsonbExtractScalar(&value->root, &scalar);
    if (scalar.type == jbvNull) return nullptr;
    if (scalar.type == jbvString)
      return cstring_to_text_with_len(scalar.val.string.val, scalar.val.string.len);
  }
  const std::string_view json = json_text(value);
  return cstring_to_text_with_len(json.data(), static_cast<int>(json.size()));
}

}  // namespace converge

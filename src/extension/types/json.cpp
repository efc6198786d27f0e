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

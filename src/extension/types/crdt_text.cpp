// crdt_text as an SQL type: what crdt_text.sql declares. Positions count
// characters from 0.
#include "extension/types/state.h"

#include "core/sequence/text.h"
#include "extension/types/edit.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(crdt_text)
CONVERGE_MERGE_AGG(crdt_text, Text)

namespace {

// A position or count as the core wants it. Glue.
std::uint64_t non_negative(int32 value, const char* what) {
  if (value < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s %d is negative", what, static_cast<int>(value))));
  return static_cast<std::uint64_t>(value);
}

Datum splice(std::string_view state, std::uint64_t at, std::uint64_t count, std::string_view utf8) {
  prepare_edit();
  return boundary::call([&] {
    return edit_state<Text>(FieldType::crdt_text, state, [&](Text& text, ReplicaId replica) {
      return text.splice(replica, at, count, utf8);
    });
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(crdt_text_new);
PG_FUNCTION_INFO_V1(crdt_text_insert);
PG_FUNCTION_INFO_V1(crdt_text_delete);
PG_FUNCTION_INFO_V1(crdt_text_splice);
PG_FUNCTION_INFO_V1(crdt_text_assign);
PG_FUNCTION_INFO_V1(crdt_text_to_text);
PG_FUNCTION_INFO_V1(crdt_text_char_length);

Datum crdt_text_new(PG_FUNCTION_ARGS) {
  const std::string_view utf8 = bytes_argument(fcinfo, 0);
  prepare_edit();
  return boundary::call([&] {
    return make_state<Text>(FieldType::crdt_text, [&](Text& text, ReplicaId replica) {
      return text.insert(replica, 0, utf8);
    });
  });
}

Datum crdt_text_insert(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  return splice(bytes_argument(fcinfo, 0), at, 0, bytes_argument(fcinfo, 2));
}

Datum crdt_text_delete(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  const std::uint64_t count = non_negative(PG_GETARG_INT32(2), "number of characters");
  return splice(bytes_argument(fcinfo, 0), at, count, {});
}

Datum crdt_text_splice(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  const std::uint64_t count = non_negative(PG_GETARG_INT32(2), "number of characters");
  return splice(bytes_argument(fcinfo, 0), at, count, bytes_argument(fcinfo, 3));
}

Datum crdt_text_assign(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  const std::string_view utf8 = bytes_argument(fcinfo, 1);
  prepare_edit();
  return boundary::call([&] {
    return edit_state<Text>(FieldType::crdt_text, state, [&](Text& text, ReplicaId replica) {
      return text.assign(replica, utf8);
    });
  });
}

Datum crdt_text_to_text(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  return boundary::call([&]() -> Result<Datum> {
    const Result<std::string_view> text = Text::text_of_encoded(state);
    if (!text) return text.error();
    return boundary::datum(*text);
  });
}

Datum crdt_text_char_length(PG_FUNCTION_ARGS) {
  const std::string_view state = bytes_argument(fcinfo, 0);
  PG_RETURN_INT32(boundary::call([&]() -> Result<int32> {
    const Result<std::string_view> text = Text::text_of_encoded(state);
    if (!text) return text.error();
    int32 characters = 0;
    for (const char byte : *text) characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    return characters;
  }));
}
}

// crdt_text as an SQL type: what crdt_text.sql declares. Positions count
// characters from 0.
#include "extension/types/state.h"

#include "core/sequence/text.h"
#include "extension/types/edit.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(crdt_text, Text)
CONVERGE_MERGE_AGG(crdt_text, Text)

namespace {

// A position or count as the core wants it. Glue.
std::uint64_t non_negative(int32 value, const char* what) {
  if (value < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%s %d is negative", what, static_cast<int>(value))));
  return static_cast<std::uint64_t>(value);
}

Datum splice(FunctionCallInfo fcinfo, std::uint64_t at, std::uint64_t count, std::string_view utf8) {
  prepare_edit();
  return edit_argument<Text>(FieldType::crdt_text, fcinfo, [&](Text& state, ReplicaId replica) {
    return state.splice(replica, at, count, utf8);
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
  return make_state<Text>(FieldType::crdt_text, [&](Text& text, ReplicaId replica) {
    return text.insert(replica, 0, utf8);
  });
}

Datum crdt_text_insert(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  return splice(fcinfo, at, 0, bytes_argument(fcinfo, 2));
}

Datum crdt_text_delete(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  const std::uint64_t count = non_negative(PG_GETARG_INT32(2), "number of characters");
  return splice(fcinfo, at, count, {});
}

Datum crdt_text_splice(PG_FUNCTION_ARGS) {
  const std::uint64_t at = non_negative(PG_GETARG_INT32(1), "position");
  const std::uint64_t count = non_negative(PG_GETARG_INT32(2), "number of characters");
  return splice(fcinfo, at, count, bytes_argument(fcinfo, 3));
}

Datum crdt_text_assign(PG_FUNCTION_ARGS) {
  const std::string_view utf8 = bytes_argument(fcinfo, 1);
  prepare_edit();
  return edit_argument<Text>(FieldType::crdt_text, fcinfo, [&](Text& text, ReplicaId replica) {
    return text.assign(replica, utf8);
  });
}

Datum crdt_text_to_text(PG_FUNCTION_ARGS) {
  const StateArgument text = state_argument(FieldType::crdt_text, PG_GETARG_DATUM(0));
  return boundary::call([&]() -> Result<Datum> {
    if (text.live != nullptr) return boundary::datum(live_state<Text>(text.live).text());
    const Result<std::string_view> content = Text::text_of_encoded(text.bytes);
    if (!content) return content.error();
    return boundary::datum(*content);
  });
}

Datum crdt_text_char_length(PG_FUNCTION_ARGS) {
  const StateArgument text = state_argument(FieldType::crdt_text, PG_GETARG_DATUM(0));
  PG_RETURN_INT32(boundary::call([&]() -> Result<int32> {
    if (text.live != nullptr) return static_cast<int32>(live_state<Text>(text.live).char_length());
    const Result<std::string_view> content = Text::text_of_encoded(text.bytes);
    if (!content) return content.error();
    int32 characters = 0;
    for (const char byte : *content) characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    return characters;
  }));
}
}

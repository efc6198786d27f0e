// crdt_text as an SQL type: what crdt_text.sql declares. Positions of edits count
// characters from 0; those of substr() and strpos(), which are PostgreSQL's, from 1.
#include "extension/types/state.h"

#include <algorithm>

#include "core/sequence/text.h"
#include "extension/types/edit.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(crdt_text, Text)
CONVERGE_MERGE_AGG(crdt_text, Text)

namespace {

// Bytes of a value that are read rather than left out with a second look at it.
constexpr Size kWorthSlicing = 16384;

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

// The first bytes of a value, as many as may be needed for `ends` bytes of its
// encoding: of a value that is stored out of line only those are read. Glue.
std::string_view prefix_of(Datum text, std::uint64_t ends) {
  const Size size = toast_raw_datum_size(text) - VARHDRSZ;
  if (ends >= size) return boundary::view(PG_DETOAST_DATUM_PACKED(text));
  return boundary::view(PG_DETOAST_DATUM_SLICE(text, 0, static_cast<int32>(ends)));
}

Text::TextPrefix text_of_prefix(std::string_view bytes) {
  return boundary::call([&] { return Text::text_of_prefix(bytes); });
}

// The first bytes of the visible text, at least `wanted` if there are so many,
// without reading the rest of the value. Glue.
std::string_view text_start(Datum text, std::uint64_t wanted) {
  const Size size = toast_raw_datum_size(text) - VARHDRSZ;
  std::uint64_t ends = size;
  // Another look costs more than reading on where little can be left out.
  if (VARATT_IS_EXTENDED(DatumGetPointer(text)) && size > kWorthSlicing) {
    const Text::TextPrefix head = text_of_prefix(prefix_of(text, Text::kTextHeadBytes));
    ends = head.ends - head.size + std::min(wanted, head.size);
    if (ends + kWorthSlicing > size) ends = size;
  }
  return text_of_prefix(prefix_of(text, ends)).there;
}

// The bytes of the first `characters` of a text.
std::size_t bytes_of(std::string_view text, std::uint64_t characters) {
  std::size_t at = 0;
  while (at < text.size() && characters > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    --characters;
  }
  return at;
}

int32 characters_of(std::string_view text) {
  int32 characters = 0;
  for (const char byte : text) characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return characters;
}

// Characters `from` (from 0) up to `to`, or to the end of the text.
Datum substr(FunctionCallInfo fcinfo, std::uint64_t from, std::uint64_t to) {
  const Datum text = PG_GETARG_DATUM(0);
  if (ExpandedState* live = expanded_state(FieldType::crdt_text, text))
    return boundary::call([&]() -> Result<Datum> {
      const Text& state = live_state<Text>(live->live);
      const std::uint64_t length = state.char_length();
      const std::uint64_t begin = std::min(from, length);
      const Result<std::string> part = state.substr(begin, std::min(to, length) - begin);
      if (!part) return part.error();
      return boundary::datum(*part);
    });
  constexpr std::uint64_t kLongest = 4;  // bytes of a character
  const std::string_view start = text_start(text, to > kMaxTextBytes ? to : to * kLongest);
  const std::size_t begin = bytes_of(start, from);
  const std::string_view rest = start.substr(begin);
  return boundary::call([&]() -> Result<Datum> {
    return boundary::datum(rest.substr(0, bytes_of(rest, to - from)));
  });
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(crdt_text_new);
PG_FUNCTION_INFO_V1(crdt_text_insert);
PG_FUNCTION_INFO_V1(crdt_text_delete);
PG_FUNCTION_INFO_V1(crdt_text_splice);
PG_FUNCTION_INFO_V1(crdt_text_assign);
PG_FUNCTION_INFO_V1(crdt_text_three_way);
PG_FUNCTION_INFO_V1(crdt_text_to_text);
PG_FUNCTION_INFO_V1(crdt_text_char_length);
PG_FUNCTION_INFO_V1(crdt_text_substr);
PG_FUNCTION_INFO_V1(crdt_text_substr_from);
PG_FUNCTION_INFO_V1(crdt_text_strpos);

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

Datum crdt_text_three_way(PG_FUNCTION_ARGS) {
  const std::string_view utf8 = bytes_argument(fcinfo, 1);
  prepare_edit();
  return three_way<Text>(FieldType::crdt_text, fcinfo, [&](Text& text, ReplicaId replica) {
    return text.assign(replica, utf8);
  });
}

Datum crdt_text_to_text(PG_FUNCTION_ARGS) {
  const Datum text = PG_GETARG_DATUM(0);
  if (ExpandedState* live = expanded_state(FieldType::crdt_text, text))
    return boundary::call([&]() -> Result<Datum> {
      return boundary::datum(live_state<Text>(live->live).text());
    });
  const std::string_view content = text_start(text, kMaxTextBytes);
  return boundary::call([&]() -> Result<Datum> { return boundary::datum(content); });
}

Datum crdt_text_char_length(PG_FUNCTION_ARGS) {
  const Datum text = PG_GETARG_DATUM(0);
  if (ExpandedState* live = expanded_state(FieldType::crdt_text, text))
    PG_RETURN_INT32(boundary::call([&]() -> Result<int32> {
      return static_cast<int32>(live_state<Text>(live->live).char_length());
    }));
  PG_RETURN_INT32(characters_of(text_start(text, kMaxTextBytes)));
}

// As substr(text, integer, integer): counted from 1, and what lies outside is not there.
Datum crdt_text_substr(PG_FUNCTION_ARGS) {
  const int64 from = PG_GETARG_INT32(1);
  const int64 count = PG_GETARG_INT32(2);
  if (count < 0)
    ereport(ERROR, (errcode(ERRCODE_SUBSTRING_ERROR), errmsg("negative substring length not allowed")));
  const int64 begin = std::max<int64>(from, 1);
  const int64 end = std::max<int64>(from + count, begin);
  return substr(fcinfo, static_cast<std::uint64_t>(begin - 1), static_cast<std::uint64_t>(end - 1));
}

Datum crdt_text_substr_from(PG_FUNCTION_ARGS) {
  const int64 begin = std::max<int64>(PG_GETARG_INT32(1), 1);
  return substr(fcinfo, static_cast<std::uint64_t>(begin - 1), kMaxTextBytes);
}

Datum crdt_text_strpos(PG_FUNCTION_ARGS) {
  const Datum text = PG_GETARG_DATUM(0);
  const std::string_view wanted = bytes_argument(fcinfo, 1);
  if (ExpandedState* live = expanded_state(FieldType::crdt_text, text))
    PG_RETURN_INT32(boundary::call([&]() -> Result<int32> {
      const std::string content = live_state<Text>(live->live).text();
      const std::size_t at = content.find(wanted);
      if (at == std::string::npos) return int32{0};
      return characters_of(std::string_view(content).substr(0, at)) + 1;
    }));
  const std::string_view content = text_start(text, kMaxTextBytes);
  const std::size_t at = content.find(wanted);
  PG_RETURN_INT32(at == std::string_view::npos ? 0 : characters_of(content.substr(0, at)) + 1);
}
}

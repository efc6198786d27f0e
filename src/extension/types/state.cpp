#include "extension/types/state.h"

extern "C" {
#include "access/detoast.h"
#include "libpq/pqformat.h"
}

#include <cstring>
#include <string>

#include "extension/types/hex.h"

namespace converge {

namespace {

// The constructor, for the hint to whoever writes a value where a state belongs.
const char* constructor_of(FieldType type) {
  switch (type) {
    case FieldType::lww_map:
      return "new_map(jsonb)";
    case FieldType::or_set:
      return "new_set(text[])";
    case FieldType::crdt_text:
      return "new_text(text)";
    case FieldType::pn_counter:
      return "new_counter(bigint)";
    case FieldType::g_counter:
      return "new_g_counter(bigint)";
    case FieldType::mv_register:
      return "new_register(jsonb)";
    case FieldType::lww_set:
      return "new_lww_set(text[])";
    case FieldType::ydoc:
      return "new_ydoc(bytea)";
  }
  return "";
}

// Core: a copy of `bytes` if they are a state of `type`.
Result<Datum> checked(FieldType type, std::string_view bytes) {
  if (const Result<void> valid = validate(type, bytes); !valid) return valid.error();
  return boundary::datum(bytes);
}

}  // namespace

std::string_view message_argument(FunctionCallInfo fcinfo) {
  auto message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int size = message->len - message->cursor;
  return {pq_getmsgbytes(message, size), static_cast<std::size_t>(size)};
}

Datum state_in(FieldType type, FunctionCallInfo fcinfo) {
  const char* literal = PG_GETARG_CSTRING(0);
  // Null: no state's literal.
  auto* state = boundary::call([&]() -> Result<struct varlena*> {
    if (*literal == '\0') return boundary::varlena_of(empty_state(type));
    std::string bytes;
    if (!from_hex(literal, &bytes)) return static_cast<struct varlena*>(nullptr);
    if (const Result<void> valid = validate(type, bytes); !valid) return valid.error();
    return boundary::varlena_of(bytes);
  });
  if (state == nullptr) {
    const std::string_view name = field_type_name(type);
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
             errmsg("invalid input syntax for type %.*s: \"%s\"", static_cast<int>(name.size()),
                    name.data(), literal),
             errdetail("A literal is empty, or \\x followed by an encoded state in hexadecimal."),
             errhint("Use converge.%s to make a state from a value.", constructor_of(type))));
  }
  PG_RETURN_POINTER(state);
}

Datum state_out(FieldType type, FunctionCallInfo fcinfo) {
  (void)type;
  const std::string_view state = bytes_argument(fcinfo, 0);
  char* literal = boundary::call([&]() -> Result<char*> {
    if (is_empty_state(state)) return boundary::cstring_of("");
    return boundary::cstring_of(to_hex(state));
  });
  PG_RETURN_CSTRING(literal);
}

Datum state_recv(FieldType type, FunctionCallInfo fcinfo) {
  const std::string_view bytes = message_argument(fcinfo);
  return boundary::call([&] { return checked(type, bytes); });
}

Datum state_send(FieldType type, FunctionCallInfo fcinfo) {
  (void)type;
  PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

Datum state_from_bytea(FieldType type, FunctionCallInfo fcinfo) {
  const std::string_view bytes = bytes_argument(fcinfo, 0);
  return boundary::call([&] { return checked(type, bytes); });
}

}  // namespace converge

// Equality is that of the bytes, for states and clocks alike.
extern "C" {

PG_FUNCTION_INFO_V1(state_eq);
PG_FUNCTION_INFO_V1(state_ne);

static bool equal_arguments(FunctionCallInfo fcinfo) {
  // Sizes first: two toasted values of different length need no detoasting.
  if (toast_raw_datum_size(PG_GETARG_DATUM(0)) != toast_raw_datum_size(PG_GETARG_DATUM(1)))
    return false;
  return converge::bytes_argument(fcinfo, 0) == converge::bytes_argument(fcinfo, 1);
}

Datum state_eq(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(equal_arguments(fcinfo)); }
Datum state_ne(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(!equal_arguments(fcinfo)); }
}

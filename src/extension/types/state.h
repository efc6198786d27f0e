// What all CRDT types have in common as SQL types: a type's own file defines the
// C functions that state.sql.in declares with CONVERGE_STATE_TYPE(lww_map).
//
// A value is a varlena with an encoded state (core/field.h). Whatever comes from
// outside (a literal, a binary parameter, a cast from bytea) is validated; what
// is stored is therefore canonical, and its equality is that of its bytes.
#pragma once

#include "extension/boundary.h"

#include <string_view>

#include "core/field.h"

namespace converge {

// I/O. The literal is '' for the empty state, or \x and the state's bytes in hex.
Datum state_in(FieldType type, FunctionCallInfo fcinfo);
Datum state_out(FieldType type, FunctionCallInfo fcinfo);
Datum state_recv(FieldType type, FunctionCallInfo fcinfo);
Datum state_send(FieldType type, FunctionCallInfo fcinfo);
Datum state_from_bytea(FieldType type, FunctionCallInfo fcinfo);

// a || b, version(a), delta(a, since), difference(older, newer).
Datum state_merge(FieldType type, FunctionCallInfo fcinfo);
Datum state_version(FieldType type, FunctionCallInfo fcinfo);
Datum state_delta(FieldType type, FunctionCallInfo fcinfo);
Datum state_difference(FieldType type, FunctionCallInfo fcinfo);

// The bytes of argument `n`, detoasted.
inline std::string_view bytes_argument(FunctionCallInfo fcinfo, int n) {
  return boundary::view(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)));
}

// What is left of a receive function's message.
std::string_view message_argument(FunctionCallInfo fcinfo);

#define CONVERGE_STATE_FUNCTION(type, suffix, implementation)      \
  PG_FUNCTION_INFO_V1(type##_##suffix);                            \
  Datum type##_##suffix(PG_FUNCTION_ARGS) {                        \
    return converge::implementation(converge::FieldType::type, fcinfo); \
  }

#define CONVERGE_STATE_TYPE(type)                                  \
  extern "C" {                                                     \
  CONVERGE_STATE_FUNCTION(type, in, state_in)                      \
  CONVERGE_STATE_FUNCTION(type, out, state_out)                    \
  CONVERGE_STATE_FUNCTION(type, recv, state_recv)                  \
  CONVERGE_STATE_FUNCTION(type, send, state_send)                  \
  CONVERGE_STATE_FUNCTION(type, from_bytea, state_from_bytea)      \
  CONVERGE_STATE_FUNCTION(type, merge, state_merge)                \
  CONVERGE_STATE_FUNCTION(type, version, state_version)            \
  CONVERGE_STATE_FUNCTION(type, delta, state_delta)                \
  CONVERGE_STATE_FUNCTION(type, difference, state_difference)      \
  }

}  // namespace converge

// How often states were decoded into expanded values and encoded from them, for
// sql/expanded.sql: the counters of converge.so itself (types/expanded.h).
#include "extension/compat.h"

extern "C" {
#include "fmgr.h"
}

#include <cstdint>

extern "C" {
PG_FUNCTION_INFO_V1(states_expanded);
PG_FUNCTION_INFO_V1(states_flattened);

static Datum counter(const char* name) {
  auto* found = reinterpret_cast<std::uint64_t*>(
      load_external_function("$libdir/converge", name, true, nullptr));
  return Int64GetDatum(static_cast<int64>(*found));
}

Datum states_expanded(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  return counter("converge_states_expanded");
}

Datum states_flattened(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  return counter("converge_states_flattened");
}
}

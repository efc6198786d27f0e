// may_write(): what a Yjs client's server tells it before it tries.
#include "extension/documents/access.h"

extern "C" {
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(converge_may_write);
}

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_may_write(PG_FUNCTION_ARGS) {
  const MayWrite may = may_write(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
                                 text_to_cstring(PG_GETARG_TEXT_PP(2)));
  if (may == MayWrite::unknown) PG_RETURN_NULL();
  PG_RETURN_BOOL(may == MayWrite::yes);
}

// identify(): authenticate() for a bridge, and what it has to know of the client.
#include "extension/documents/node.h"
#include "extension/security/authenticate.h"
#include "extension/security/limits.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_identify);
}

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_identify(PG_FUNCTION_ARGS) {
  TupleDesc description;
  if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  VerifiedToken verified;
  authenticate(boundary::view(PG_GETARG_TEXT_PP(0)), &verified);
  const Limits limits = limits_of(verified.tenant);
  const TimestampTz end = time_t_to_timestamptz(static_cast<pg_time_t>(verified.expires_at));
  Datum values[8] = {CStringGetTextDatum(verified.tenant),
                     CStringGetTextDatum(verified.principal),
                     Int64GetDatum(current_epoch()),
                     Int64GetDatum((end - GetCurrentTimestamp()) / 1000),
                     Int64GetDatum(limits.principal_requests),
                     Int64GetDatum(limits.principal_changes),
                     Int64GetDatum(limits.tenant_requests),
                     Int64GetDatum(limits.tenant_changes)};
  bool nulls[8] = {};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

// subscribe(): proves to the stream worker that a client may read a document.
#include "extension/documents/access.h"
#include "extension/security/ticket.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(converge_subscribe);
}

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_subscribe(PG_FUNCTION_ARGS) {
  require_tickets();
  TupleDesc description;
  if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  require_live(found);
  Datum values[3] = {Int64GetDatum(found.document), CStringGetTextDatum(found.ref.tenant),
                     PointerGetDatum(sign_ticket(found.ref.tenant, found.document))};
  bool nulls[3] = {};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

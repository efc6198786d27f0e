// access_report(): who can do what in a tenant, and why. The rows are made in SQL, by
// access_rows(); here is who may see them.
#include "extension/boundary.h"
#include "extension/security/administration.h"
#include "extension/security/audit.h"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(converge_access_report);
}

namespace converge {
namespace {

// Rows that are held at once.
constexpr long kFetch = 1000;

struct Report {
  char* tenant;
  bool in_detail;
  ReturnSetInfo* result;
};

void fill(void* argument) {
  const auto* report = static_cast<const Report*>(argument);
  Oid types[] = {TEXTOID, BOOLOID};
  Datum values[] = {CStringGetTextDatum(report->tenant), BoolGetDatum(report->in_detail)};
  SPI_connect();
  Portal rows = SPI_cursor_open_with_args(nullptr, "SELECT * FROM converge.access_rows($1, $2)", lengthof(types), types,
                                          values, nullptr, true, 0);
  do {
    SPI_cursor_fetch(rows, true, kFetch);
    for (uint64 i = 0; i < SPI_processed; i++) tuplestore_puttuple(report->result->setResult, SPI_tuptable->vals[i]);
    SPI_freetuptable(SPI_tuptable);
  } while (SPI_processed > 0);
  SPI_cursor_close(rows);
  SPI_finish();
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_access_report(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("tenant to report on must not be null")));
  }
  PreventCommandIfReadOnly("access_report()");
  InitMaterializedSRF(fcinfo, 0);
  // The tenant's administrators are told of grants and of policies by name; what stands
  // in policies, and who has privileges, is no tenant's business.
  Report report{tenant_argument(PG_GETARG_TEXT_PP(0)), is_owner(),
                reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo)};
  require_administration(report.tenant, {0, nullptr}, psprintf("report on access to tenant \"%s\"", report.tenant), false);
  record_audit({report.tenant, "access_report", current_identity().principal, "", ""});
  as_owner(fill, &report);
  return Datum{0};
}

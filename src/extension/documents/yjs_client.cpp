#include "extension/documents/yjs_client.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace converge {
namespace {

// converge.yjs_client's columns.
enum : AttrNumber { kTenant = 1, kDocument, kClient, kPrincipal, kColumns = kPrincipal };

}  // namespace

const char* find_yjs_client(Relation table, const char* tenant, std::int64_t document, std::int64_t client) {
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  ScanKeyInit(&keys[2], kClient, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(client));
  HeapTuple row = find_owned(table, owned_oid("yjs_client_pkey"), 3, keys);
  if (!HeapTupleIsValid(row)) return nullptr;
  bool is_null;
  return TextDatumGetCString(heap_getattr(row, kPrincipal, RelationGetDescr(table), &is_null));
}

void bind_yjs_client(OwnedTable* table, const char* tenant, std::int64_t document, std::int64_t client,
                     const char* principal) {
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(tenant);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kClient - 1] = Int64GetDatum(client);
  values[kPrincipal - 1] = CStringGetTextDatum(principal);
  table->insert(values, nulls);
  CommandCounterIncrement();
}

}  // namespace converge

#include "extension/documents/document.h"

#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace converge {
namespace {

// converge.document's columns.
enum : AttrNumber { kTenant = 1, kDocument, kCollection, kKey, kColumns = kKey };

}  // namespace

std::int64_t find_document(const Collection* collection, const RowRef& ref, Snapshot snapshot) {
  OwnedTable table("document", AccessShareLock);
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(ref.tenant));
  ScanKeyInit(&keys[1], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection->number));
  ScanKeyInit(&keys[2], kKey, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(ref.key));
  HeapTuple row = find_last_owned(
      table.relation, owned_oid("document_tenant_collection_key_document_key"), 3, keys, snapshot);
  std::int64_t document = 0;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    document = DatumGetInt64(heap_getattr(row, kDocument, RelationGetDescr(table.relation), &is_null));
    heap_freetuple(row);
  }
  table.close();
  return document;
}

std::int64_t create_document(const Collection* collection, const RowRef& ref) {
  OwnedTable table("document", RowExclusiveLock);
  const std::int64_t document = nextval_internal(owned_oid("document_document_seq"), false);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(ref.tenant);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kCollection - 1] = Int32GetDatum(collection->number);
  values[kKey - 1] = CStringGetTextDatum(ref.key);
  table.insert(values, nulls);
  table.close();
  CommandCounterIncrement();
  return document;
}

}  // namespace converge

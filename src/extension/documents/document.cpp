#include "extension/documents/document.h"

#include <algorithm>

#include "extension/documents/document_stamp.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sdir.h"
#include "access/skey.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// converge.document's columns.
enum : AttrNumber { kTenant = 1, kDocument, kCollection, kKey, kColumns = kKey };

constexpr const char* kNameIndex = "document_tenant_collection_key_document_key";

void fill_keys(ScanKeyData* keys, const Collection* collection, const RowRef& ref) {
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(ref.tenant));
  ScanKeyInit(&keys[1], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection->number));
  ScanKeyInit(&keys[2], kKey, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(ref.key));
}

}  // namespace

std::int64_t find_document(const Collection* collection, const RowRef& ref, Snapshot snapshot) {
  OwnedTable table("document", AccessShareLock);
  ScanKeyData keys[3];
  fill_keys(keys, collection, ref);
  HeapTuple row = find_last_owned(table.relation, owned_oid(kNameIndex), 3, keys, snapshot);
  std::int64_t document = 0;
  if (HeapTupleIsValid(row)) {
    bool is_null;
    document = DatumGetInt64(heap_getattr(row, kDocument, RelationGetDescr(table.relation), &is_null));
    heap_freetuple(row);
  }
  table.close();
  return document;
}

std::int64_t* incarnations_of(const Collection* collection, const RowRef& ref, int* count) {
  OwnedTable table("document", AccessShareLock);
  ScanKeyData keys[3];
  fill_keys(keys, collection, ref);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table.relation, owned_oid(kNameIndex), true, snapshot, 3, keys);
  int room = 4;
  auto* documents = static_cast<std::int64_t*>(palloc(sizeof(std::int64_t) * static_cast<Size>(room)));
  *count = 0;
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan)); (*count)++) {
    if (*count == room) {
      room *= 2;
      documents = static_cast<std::int64_t*>(repalloc_huge(documents, sizeof(std::int64_t) * static_cast<Size>(room)));
    }
    bool is_null;
    documents[*count] = DatumGetInt64(heap_getattr(row, kDocument, RelationGetDescr(table.relation), &is_null));
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table.close();
  std::sort(documents, documents + *count);
  return documents;
}

int documents_after(const Collection* collection, const DocumentName& after, DocumentName* documents, int limit) {
  OwnedTable table("document", AccessShareLock);
  TupleDesc description = RelationGetDescr(table.relation);
  Relation index = index_open(owned_oid("document_pkey"), AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  int count = 0;
  // Those of the same tenant first, then all tenants behind.
  for (const bool same_tenant : {true, false}) {
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], kTenant, same_tenant ? BTEqualStrategyNumber : BTGreaterStrategyNumber,
                same_tenant ? F_TEXTEQ : F_TEXT_GT, CStringGetTextDatum(after.tenant));
    ScanKeyInit(&keys[1], kDocument, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(after.document));
    SysScanDesc scan = systable_beginscan_ordered(table.relation, index, snapshot, same_tenant ? 2 : 1, keys);
    while (count < limit) {
      CHECK_FOR_INTERRUPTS();
      HeapTuple row = systable_getnext_ordered(scan, ForwardScanDirection);
      if (!HeapTupleIsValid(row)) break;
      Datum values[kColumns];
      bool nulls[kColumns];
      heap_deform_tuple(row, description, values, nulls);
      if (DatumGetInt32(values[kCollection - 1]) != collection->number) continue;
      documents[count++] = {TextDatumGetCString(values[kTenant - 1]), DatumGetInt64(values[kDocument - 1]),
                            TextDatumGetCString(values[kKey - 1])};
    }
    systable_endscan_ordered(scan);
  }
  UnregisterSnapshot(snapshot);
  index_close(index, AccessShareLock);
  table.close();
  return count;
}

bool describe_document(const char* tenant, std::int64_t document, std::int32_t* collection, const char** key) {
  OwnedTable table("document", AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  HeapTuple row = find_owned(table.relation, owned_oid("document_pkey"), 2, keys);
  if (HeapTupleIsValid(row)) {
    Datum values[kColumns];
    bool nulls[kColumns];
    heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
    *collection = DatumGetInt32(values[kCollection - 1]);
    *key = TextDatumGetCString(values[kKey - 1]);
  }
  table.close();
  return HeapTupleIsValid(row);
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
  change_stamp(name_slot(collection, ref));
  CommandCounterIncrement();
  return document;
}

}  // namespace converge

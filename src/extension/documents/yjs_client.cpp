#include "extension/documents/yjs_client.h"

#include <algorithm>
#include <vector>

#include "core/field.h"
#include "core/ydoc/ydoc.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace converge {
namespace {

// converge.yjs_client's columns.
enum : AttrNumber { kTenant = 1, kDocument, kClient, kPrincipal, kColumns = kPrincipal };

HeapTuple find_row(Relation table, const char* tenant, std::int64_t document, std::int64_t client) {
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  ScanKeyInit(&keys[2], kClient, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(client));
  return find_owned(table, owned_oid("yjs_client_pkey"), 3, keys);
}

void write_row(OwnedTable* table, HeapTuple old_row, const char* tenant, std::int64_t document, std::int64_t client,
               const char* principal) {
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(tenant);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kClient - 1] = Int64GetDatum(client);
  values[kPrincipal - 1] = CStringGetTextDatum(principal);
  if (HeapTupleIsValid(old_row)) {
    table->update(old_row, values, nulls);
  } else {
    table->insert(values, nulls);
  }
}

bool is_ydoc(std::string_view state) {
  return boundary::call([&]() -> Result<bool> {
    const Result<FieldType> type = field_type(state);
    if (!type) return type.error();
    return *type == FieldType::ydoc;
  });
}

}  // namespace

bool YjsClients::has(std::int64_t client) const { return std::binary_search(clients, clients + count, client); }

YjsClients yjs_clients_of(std::string_view state) {
  return boundary::call([&]() -> Result<YjsClients> {
    const Result<std::vector<ReplicaId>> authors = YDoc::authors(state);
    if (!authors) return authors.error();
    auto* clients = static_cast<std::int64_t*>(boundary::allocate(sizeof(std::int64_t) * (authors->size() + 1)));
    std::copy(authors->begin(), authors->end(), clients);
    return YjsClients{clients, static_cast<int>(authors->size())};
  });
}

const char* find_yjs_client(Relation table, const char* tenant, std::int64_t document, std::int64_t client) {
  HeapTuple row = find_row(table, tenant, document, client);
  if (!HeapTupleIsValid(row)) return nullptr;
  bool is_null;
  return TextDatumGetCString(heap_getattr(row, kPrincipal, RelationGetDescr(table), &is_null));
}

void bind_yjs_client(OwnedTable* table, const char* tenant, std::int64_t document, std::int64_t client,
                     const char* principal) {
  HeapTuple row = find_row(table->relation, tenant, document, client);
  write_row(table, row, tenant, document, client, principal);
}

void note_yjs_clients(const char* tenant, std::int64_t document, const Payload& payload) {
  for (int i = 0; i < payload.count; i++) {
    if (!is_ydoc(payload.fields[i].delta)) continue;
    const YjsClients clients = yjs_clients_of(payload.fields[i].delta);
    OwnedTable table("yjs_client", RowExclusiveLock);
    for (int j = 0; j < clients.count; j++) {
      CHECK_FOR_INTERRUPTS();
      if (HeapTupleIsValid(find_row(table.relation, tenant, document, clients.clients[j]))) continue;
      write_row(&table, nullptr, tenant, document, clients.clients[j], "");
    }
    table.close();
    CommandCounterIncrement();
  }
}

}  // namespace converge

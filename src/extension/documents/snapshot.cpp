#include "extension/documents/snapshot.h"

#include "extension/documents/owned_table.h"
#include "extension/documents/wire_memory.h"
#include "proto/converge.pb-c.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// converge.snapshot's columns.
enum : AttrNumber { kTenant = 1, kDocument, kRecordedAt, kState, kColumns = kState };

// Unfolded, a state with the fields that a table can ever have had stays below.
constexpr std::size_t kUnfoldedBytes = 1 << 20;

HeapTuple find_row(Relation table, const char* tenant, std::int64_t document, Snapshot snapshot) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  return find_owned(table, owned_oid("snapshot_pkey"), 2, keys, snapshot);
}

struct varlena* encode_state(const DocumentSnapshot& made) {
  auto* fields = static_cast<Converge__Wire__FieldDelta*>(
      palloc0_array_of(sizeof(Converge__Wire__FieldDelta), static_cast<size_t>(made.count)));
  auto** pointers = static_cast<Converge__Wire__FieldDelta**>(
      palloc0_array_of(sizeof(Converge__Wire__FieldDelta*), static_cast<size_t>(made.count)));
  for (int i = 0; i < made.count; i++) {
    converge__wire__field_delta__init(&fields[i]);
    fields[i].field = const_cast<char*>(made.fields[i].field);
    fields[i].delta.data = reinterpret_cast<uint8_t*>(const_cast<char*>(made.fields[i].delta.data()));
    fields[i].delta.len = made.fields[i].delta.size();
    pointers[i] = &fields[i];
  }
  Converge__Wire__DocumentState message;
  converge__wire__document_state__init(&message);
  message.n_fields = static_cast<size_t>(made.count);
  message.fields = pointers;
  return pack_message(&message.base);
}

}  // namespace

bool read_snapshot(const char* tenant, std::int64_t document, Snapshot snapshot, DocumentSnapshot* read) {
  OwnedTable table("snapshot", AccessShareLock);
  HeapTuple row = find_row(table.relation, tenant, document, snapshot);
  if (!HeapTupleIsValid(row)) {
    table.close();
    return false;
  }
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
  read->recorded_at = DatumGetTimestampTz(values[kRecordedAt - 1]);
  const std::string_view bytes = boundary::view(PG_DETOAST_DATUM_COPY(values[kState - 1]));
  table.close();

  WireMemory memory(CurrentMemoryContext, bytes.size() + kUnfoldedBytes);
  const Converge__Wire__DocumentState* message = converge__wire__document_state__unpack(
      &memory.allocator, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (message == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("snapshot of document %lld is damaged",
                                                            static_cast<long long>(document))));
  }
  read->count = static_cast<int>(message->n_fields);
  read->fields = static_cast<FieldChange*>(palloc0_array_of(sizeof(FieldChange), message->n_fields));
  for (int i = 0; i < read->count; i++) {
    const Converge__Wire__FieldDelta* field = message->fields[i];
    read->fields[i] = {field->field, {reinterpret_cast<const char*>(field->delta.data), field->delta.len}};
  }
  return true;
}

void write_snapshot(const char* tenant, std::int64_t document, const DocumentSnapshot& made) {
  OwnedTable table("snapshot", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, tenant, document, nullptr);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(tenant);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kRecordedAt - 1] = TimestampTzGetDatum(made.recorded_at);
  values[kState - 1] = PointerGetDatum(encode_state(made));
  if (HeapTupleIsValid(row)) {
    table.update(row, values, nulls);
  } else {
    table.insert(values, nulls);
  }
  table.close();
  CommandCounterIncrement();
}

}  // namespace converge

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
enum : AttrNumber { kTenant = 1, kDocument, kRecordedAt, kState, kAuthors, kColumns = kAuthors };

// Unfolded, a state with the fields that a table can ever have had stays below.
constexpr std::size_t kUnfoldedBytes = 1 << 20;

HeapTuple find_row(Relation table, const char* tenant, std::int64_t document, Snapshot snapshot) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kTenant, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(tenant));
  ScanKeyInit(&keys[1], kDocument, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(document));
  return find_owned(table, owned_oid("snapshot_pkey"), 2, keys, snapshot);
}

}  // namespace

struct varlena* encode_fields(const FieldChange* from, int count) {
  auto* fields = static_cast<Converge__Wire__FieldDelta*>(
      palloc0_array_of(sizeof(Converge__Wire__FieldDelta), static_cast<size_t>(count)));
  auto** pointers = static_cast<Converge__Wire__FieldDelta**>(
      palloc0_array_of(sizeof(Converge__Wire__FieldDelta*), static_cast<size_t>(count)));
  for (int i = 0; i < count; i++) {
    converge__wire__field_delta__init(&fields[i]);
    fields[i].field = const_cast<char*>(from[i].field);
    fields[i].delta.data = reinterpret_cast<uint8_t*>(const_cast<char*>(from[i].delta.data()));
    fields[i].delta.len = from[i].delta.size();
    pointers[i] = &fields[i];
  }
  Converge__Wire__DocumentState message;
  converge__wire__document_state__init(&message);
  message.n_fields = static_cast<size_t>(count);
  message.fields = pointers;
  return pack_message(&message.base);
}

FieldChange* decode_fields(std::string_view bytes, const char* what, int* count) {
  WireMemory memory(CurrentMemoryContext, bytes.size() + kUnfoldedBytes);
  const Converge__Wire__DocumentState* message = converge__wire__document_state__unpack(
      &memory.allocator, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  if (message == nullptr) ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("%s is damaged", what)));
  *count = static_cast<int>(message->n_fields);
  auto* fields = static_cast<FieldChange*>(palloc0_array_of(sizeof(FieldChange), message->n_fields));
  for (int i = 0; i < *count; i++) {
    const Converge__Wire__FieldDelta* field = message->fields[i];
    fields[i] = {field->field, {reinterpret_cast<const char*>(field->delta.data), field->delta.len}};
  }
  return fields;
}

namespace {

const char* snapshot_name(std::int64_t document) {
  return psprintf("snapshot of document %lld", static_cast<long long>(document));
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
  read->fields = decode_fields(bytes, snapshot_name(document), &read->count);
  read->author_count = 0;
  read->authors = nullptr;
  return true;
}

FieldChange* read_snapshot_authors(const char* tenant, std::int64_t document, Snapshot snapshot, int* count) {
  *count = 0;
  OwnedTable table("snapshot", AccessShareLock);
  HeapTuple row = find_row(table.relation, tenant, document, snapshot);
  bool is_null = true;
  Datum value = 0;
  if (HeapTupleIsValid(row)) value = heap_getattr(row, kAuthors, RelationGetDescr(table.relation), &is_null);
  FieldChange* authors = nullptr;
  if (!is_null) {
    authors = decode_fields(boundary::view(PG_DETOAST_DATUM_COPY(value)), snapshot_name(document), count);
  }
  table.close();
  return authors;
}

void write_snapshot(const char* tenant, std::int64_t document, const DocumentSnapshot& made) {
  OwnedTable table("snapshot", RowExclusiveLock);
  HeapTuple row = find_row(table.relation, tenant, document, nullptr);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kTenant - 1] = CStringGetTextDatum(tenant);
  values[kDocument - 1] = Int64GetDatum(document);
  values[kRecordedAt - 1] = TimestampTzGetDatum(made.recorded_at);
  values[kState - 1] = PointerGetDatum(encode_fields(made.fields, made.count));
  values[kAuthors - 1] = PointerGetDatum(encode_fields(made.authors, made.author_count));
  if (HeapTupleIsValid(row)) {
    table.update(row, values, nulls);
  } else {
    table.insert(values, nulls);
  }
  table.close();
  CommandCounterIncrement();
}

}  // namespace converge

#include "log_tables.h"

#include <cstring>

extern "C" {
#include "catalog/pg_type.h"
}

namespace converge::output {
namespace {

constexpr const char* kSchema = "converge";

// The columns of converge.change that are read, in the order of ChangeRow.
enum Column { tenant, document, replica, seq, hlc, principal, payload, column_count };

struct ColumnName {
  const char* name;
  Oid type;
};

constexpr ColumnName kColumns[column_count] = {
    {"tenant", TEXTOID}, {"document", INT8OID},  {"replica", INT8OID},  {"seq", INT8OID},
    {"hlc", INT8OID},    {"principal", TEXTOID}, {"payload", BYTEAOID},
};

// What is known of the tables until some DDL is decoded. A process decodes for
// one database, one slot at a time, so this is the process's.
bool known = false;
Oid change_oid = InvalidOid;
Oid document_oid = InvalidOid;
Oid collection_oid = InvalidOid;
uint64 generation = 0;
AttrNumber change_columns[column_count];
bool change_columns_known = false;

void forget(Datum, Oid) {
  // Whichever relation it was: one that did not exist cannot be told apart.
  known = false;
}

void learn() {
  static bool registered = false;

  if (!registered) {
    CacheRegisterRelcacheCallback(forget, static_cast<Datum>(0));
    registered = true;
  }
  // First, as the look-ups may take in invalidations themselves.
  known = true;
  change_columns_known = false;

  const Oid schema = get_namespace_oid(kSchema, true);
  const auto find = [schema](const char* name) {
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
  };
  const Oid change = find("change");
  const Oid document = find("document");
  const Oid collection = find("collection");

  if (change != change_oid || document != document_oid || collection != collection_oid)
    generation++;
  change_oid = change;
  document_oid = document;
  collection_oid = collection;
}

// Finds the columns by name, so that an upgrade of the extension may add some.
bool learn_columns(TupleDesc descriptor) {
  for (int column = 0; column < column_count; column++) {
    change_columns[column] = InvalidAttrNumber;
    for (int i = 0; i < descriptor->natts; i++) {
      Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

      if (!attribute->attisdropped && attribute->atttypid == kColumns[column].type &&
          strcmp(NameStr(attribute->attname), kColumns[column].name) == 0)
        change_columns[column] = attribute->attnum;
    }
    if (change_columns[column] == InvalidAttrNumber) return false;
  }
  return true;
}

}  // namespace

LogTable log_table_of(Relation relation) {
  if (!known) learn();

  const Oid oid = RelationGetRelid(relation);
  if (oid == change_oid) return LogTable::change;
  if (oid == document_oid) return LogTable::document;
  if (oid == collection_oid) return LogTable::collection;
  return LogTable::none;
}

Oid log_table_oid(LogTable table) {
  if (!known) learn();
  switch (table) {
    case LogTable::change:
      return change_oid;
    case LogTable::document:
      return document_oid;
    case LogTable::collection:
      return collection_oid;
    case LogTable::none:
      break;
  }
  return InvalidOid;
}

uint64 log_generation() { return generation; }

bool read_change_row(Relation relation, HeapTuple tuple, ChangeRow* row) {
  TupleDesc descriptor = RelationGetDescr(relation);

  if (!change_columns_known) {
    if (!learn_columns(descriptor)) return false;
    change_columns_known = true;
  }

  Datum values[column_count];
  bool nulls[column_count];
  for (int column = 0; column < column_count; column++)
    values[column] = heap_getattr(tuple, change_columns[column], descriptor, &nulls[column]);

  for (int column = 0; column < payload; column++)
    if (nulls[column]) return false;

  row->tenant = TextDatumGetCString(values[tenant]);
  row->document = static_cast<uint64>(DatumGetInt64(values[document]));
  row->replica = static_cast<uint64>(DatumGetInt64(values[replica]));
  row->seq = static_cast<uint64>(DatumGetInt64(values[seq]));
  row->hlc = static_cast<uint64>(DatumGetInt64(values[hlc]));
  row->principal = TextDatumGetCString(values[principal]);
  row->refused = nulls[payload];
  row->payload = values[payload];
  return true;
}

}  // namespace converge::output

// converge.field: by which name the columns of a tracked table go as fields.
//
// In the log and on the wire a field keeps the name that its column had when it
// became one, and no other column of the collection ever takes that name: so that
// what is logged of a field stays its own when columns are renamed, dropped and
// made again.
#pragma once

#include "extension/compat.h"

#include <cstdint>

extern "C" {
#include "utils/rel.h"
}

namespace converge {

struct FieldName {
  const char* name;
  const char* column;  // null: it has none any more
  const char* type;    // "crdt_text" and so on
};

struct FieldNames {
  FieldName* entries;
  int count;
};

// A collection's; in CurrentMemoryContext.
FieldNames field_names(std::int32_t collection);

// The name of a column's field: its own where none is recorded. Raises 55000
// where that is another field's.
const char* field_name(const FieldNames& names, Relation relation, const char* column);

// Records fields for the CRDT columns of a table that have none, and that the
// columns of others are gone. The caller has the lock of ALTER TABLE.
void record_fields(Relation relation, std::int32_t collection);

// A column has another name now.
void rename_field_column(std::int32_t collection, const char* old_name, const char* new_name);

// The collection is tracked no more.
void forget_fields(std::int32_t collection);

}  // namespace converge

// What is known of a tracked table: its tenant and key columns and its fields.
//
// Read from converge.collection and the catalogs, and kept by relation for as
// long as the relation's definition stands. A Collection stays valid until the
// end of the transaction, also if it is replaced meanwhile.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "core/field.h"

extern "C" {
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"
}

namespace converge {

// Fields are told apart by a bit each.
inline constexpr int kMaxFields = 64;
inline constexpr int kMaxKeyColumns = 16;
inline constexpr int kMaxIncluded = 32;
// Of a document's key in its text form; it is part of an index.
inline constexpr int kMaxKeyBytes = 1024;

// converge.collection's columns.
namespace collection_table {
enum : AttrNumber {
  kCollection = 1, kName, kRelation, kTenantColumn, kKeyColumns, kDeferred, kIncluded, kDeletionColumn,
  kKeep, kColumns = kKeep
};
}

// Whether the server can make a key column's value: a default, or an identity.
enum class KeyOrigin {
  client,
  either,
  server,  // GENERATED ALWAYS AS IDENTITY
};

// A column of the primary key.
struct KeyColumn {
  NameData name;
  AttrNumber attribute;
  Oid type;
  Oid output;        // its output function
  Oid input;         // its input function, and the argument that needs
  Oid input_param;
  char* equals;      // its equality operator, for OPERATOR(…)
  KeyOrigin origin;
};

// A CRDT column.
struct Field {
  NameData name;    // in the log and on the wire (field_name.h)
  NameData column;  // in SQL
  AttrNumber attribute;
  FieldType type;
  Oid type_oid;
  // push() only logs it, and the fold writes it: track() was told so, and no
  // policy would look at what is written.
  bool deferred;
};

// A plain column: included, or the one that says when a row was deleted.
struct IncludedColumn {
  NameData name;
  AttrNumber attribute;  // 0: there is none
};

struct Collection {
  Oid relation;        // where the attribute numbers hold: the table, or one partition of it
  Oid tracked;         // the tracked table
  std::int32_t number; // converge.collection.collection
  char* name;
  char* sql_name;      // the tracked table, qualified and quoted
  KeyColumn tenant;
  KeyColumn keys[kMaxKeyColumns];
  int key_count;
  Field fields[kMaxFields];
  int field_count;
  IncludedColumn included[kMaxIncluded];
  int included_count;
  AttrNumber* policy_columns;  // policy_column.h
  int policy_column_count;
  IncludedColumn deletion;  // none: who deletes a document deletes the row
  Interval* keep;           // how long its log is kept; null: converge.compact_keep
  // row.cpp's prepared statements: the caller's and the table owner's.
  struct RowPlans* plans;
  struct RowPlans* owner_plans;
};

// The collection that `relation` is, or is a partition of; null if it is not tracked.
Collection* collection_of(Relation relation);

// The collection with this registered name, its table locked (AccessShareLock)
// until the transaction ends; null if there is none.
Collection* collection_named(const char* name);

// The same by its number.
Collection* collection_numbered(std::int32_t number);

// The field called `name`, or null.
const Field* find_field(const Collection* collection, const char* name);

// The CRDT type that a column of SQL type `type` holds. False: it is none.
bool field_type_of(Oid type, FieldType* field_type);

// Whether a column is a field, and which CRDT type it holds then: one that was dropped
// or is generated is none.
bool is_field(const FormData_pg_attribute* column, FieldType* field_type);

// The table's column of that name. Raises 42703 if there is none.
const FormData_pg_attribute* column_named(Relation relation, const char* name);

// Raises 42501 unless the current user owns the table.
void check_table_owner(Oid relation);

// Says which of the table's fields are deferred: an array of their names.
void set_deferred(Oid tracked, ArrayType* fields);

// Says how long the log of the table's documents is kept; null: as converge.compact_keep
// has it. Raises 42704 if the table is not tracked.
void set_keep(Relation tracked, const Interval* keep);

// The collection's number; 0 if the table itself is not tracked. For code that must
// not depend on what its columns are.
std::int32_t collection_number(Oid relation);

// The same, without a look at the table where the collection is known: for policies, which
// ask in each statement. A statement that begins as it is untracked may still be told its number.
std::int32_t known_collection_number(Oid relation);

// The tracked tables: an array in CurrentMemoryContext.
Oid* tracked_tables(int* count);

// A column of the tracked table has another name now.
void rename_collection_column(Oid tracked, const char* old_name, const char* new_name);

// Makes `tracked` be read anew.
void forget_collection(Oid tracked);

// The name a table goes by on the wire; palloc'd.
char* collection_name(Oid relation);

}  // namespace converge

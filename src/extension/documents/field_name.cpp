#include "extension/documents/field_name.h"

#include <cstring>

#include "extension/documents/collection.h"
#include "extension/documents/owned_table.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
}

namespace converge {
namespace {

// converge.field's columns.
enum : AttrNumber { kCollection = 1, kName, kColumnName, kType, kColumns = kType };

const FieldName* named(const FieldNames& names, const char* name) {
  for (int i = 0; i < names.count; i++) {
    if (std::strcmp(names.entries[i].name, name) == 0) return &names.entries[i];
  }
  return nullptr;
}

const FieldName* of_column(const FieldNames& names, const char* column) {
  for (int i = 0; i < names.count; i++) {
    if (names.entries[i].column != nullptr && std::strcmp(names.entries[i].column, column) == 0) {
      return &names.entries[i];
    }
  }
  return nullptr;
}

// The column's own name, or, where that is taken, with a number.
const char* free_name(const FieldNames& names, const char* column) {
  if (named(names, column) == nullptr) return column;
  for (int number = 2;; number++) {
    char suffix[16];
    const int length = pg_snprintf(suffix, sizeof suffix, ".%d", number);
    const int kept = pg_mbcliplen(column, static_cast<int>(std::strlen(column)), NAMEDATALEN - 1 - length);
    const char* name = psprintf("%.*s%s", kept, column, suffix);
    if (named(names, name) == nullptr) return name;
  }
}

void insert(OwnedTable* table, std::int32_t collection, const char* name, const char* column, const char* type) {
  NameData column_name, type_name;
  namestrcpy(&column_name, column);
  namestrcpy(&type_name, type);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kCollection - 1] = Int32GetDatum(collection);
  values[kName - 1] = CStringGetTextDatum(name);
  values[kColumnName - 1] = NameGetDatum(&column_name);
  values[kType - 1] = NameGetDatum(&type_name);
  table->insert(values, nulls);
}

// Null: the field has no column any more.
void set_column(OwnedTable* table, std::int32_t collection, const char* name, const char* column) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection));
  ScanKeyInit(&keys[1], kName, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
  HeapTuple row = find_owned(table->relation, owned_oid("field_pkey"), 2, keys);
  if (!HeapTupleIsValid(row)) elog(ERROR, "field \"%s\" of collection %d is not recorded", name, collection);
  Datum values[kColumns];
  bool nulls[kColumns];
  heap_deform_tuple(row, RelationGetDescr(table->relation), values, nulls);
  NameData column_name;
  nulls[kColumnName - 1] = column == nullptr;
  if (column != nullptr) {
    namestrcpy(&column_name, column);
    values[kColumnName - 1] = NameGetDatum(&column_name);
  }
  table->update(row, values, nulls);
}

// Calls visit for each row of the collection.
template <typename Visit>
void for_each_row(Relation table, std::int32_t collection, Visit visit) {
  ScanKeyData key;
  ScanKeyInit(&key, kCollection, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(collection));
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  SysScanDesc scan = systable_beginscan(table, owned_oid("field_pkey"), true, snapshot, 1, &key);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) visit(row);
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
}

// The type of a column that can be a field, or null.
const char* type_of(const FormData_pg_attribute* attribute) {
  FieldType type;
  if (!is_field(attribute, &type)) return nullptr;
  const std::string_view name = field_type_name(type);
  return pnstrdup(name.data(), name.size());
}

}  // namespace

FieldNames field_names(std::int32_t collection) {
  FieldNames names{nullptr, 0};
  int room = 8;
  names.entries = static_cast<FieldName*>(palloc(sizeof(FieldName) * static_cast<Size>(room)));
  OwnedTable table("field", AccessShareLock);
  for_each_row(table.relation, collection, [&](HeapTuple row) {
    if (names.count == room) {
      room *= 2;
      names.entries =
          static_cast<FieldName*>(repalloc(names.entries, sizeof(FieldName) * static_cast<Size>(room)));
    }
    Datum values[kColumns];
    bool nulls[kColumns];
    heap_deform_tuple(row, RelationGetDescr(table.relation), values, nulls);
    names.entries[names.count++] = {
        TextDatumGetCString(values[kName - 1]),
        nulls[kColumnName - 1] ? nullptr : pstrdup(NameStr(*DatumGetName(values[kColumnName - 1]))),
        pstrdup(NameStr(*DatumGetName(values[kType - 1])))};
  });
  table.close();
  return names;
}

const char* field_name(const FieldNames& names, Relation relation, const char* column) {
  if (const FieldName* recorded = of_column(names, column)) return recorded->name;
  if (named(names, column) != nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("column \"%s\" of tracked table \"%s\" has the name of another field", column,
                           RelationGetRelationName(relation)),
                    errdetail("It was made while event triggers did not fire."),
                    errhint("Call converge.track() for the table again.")));
  }
  return column;
}

void record_fields(Relation relation, std::int32_t collection) {
  OwnedTable table("field", RowExclusiveLock);
  TupleDesc description = RelationGetDescr(relation);
  const FieldNames before = field_names(collection);
  for (int i = 0; i < before.count; i++) {
    const FieldName& field = before.entries[i];
    if (field.column == nullptr) continue;
    bool stands = false;
    for (int j = 0; j < description->natts && !stands; j++) {
      const FormData_pg_attribute* attribute = TupleDescAttr(description, j);
      if (attribute->attisdropped || std::strcmp(NameStr(attribute->attname), field.column) != 0) continue;
      const char* type = type_of(attribute);
      stands = type != nullptr && std::strcmp(type, field.type) == 0;
    }
    if (!stands) set_column(&table, collection, field.name, nullptr);
  }
  CommandCounterIncrement();
  for (int i = 0; i < description->natts; i++) {
    const FormData_pg_attribute* attribute = TupleDescAttr(description, i);
    const char* type = type_of(attribute);
    if (type == nullptr) continue;
    const FieldNames names = field_names(collection);
    const char* column = NameStr(attribute->attname);
    if (of_column(names, column) != nullptr) continue;
    insert(&table, collection, free_name(names, column), column, type);
    CommandCounterIncrement();
  }
  table.close();
}

void rename_field_column(std::int32_t collection, const char* old_name, const char* new_name) {
  const FieldNames names = field_names(collection);
  const FieldName* field = of_column(names, old_name);
  if (field == nullptr) return;
  OwnedTable table("field", RowExclusiveLock);
  set_column(&table, collection, field->name, new_name);
  table.close();
  CommandCounterIncrement();
}

void forget_fields(std::int32_t collection) {
  OwnedTable table("field", RowExclusiveLock);
  for_each_row(table.relation, collection, [&](HeapTuple row) { table.remove(row->t_self); });
  table.close();
  CommandCounterIncrement();
}

}  // namespace converge

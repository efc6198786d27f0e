// state_at() and diff(): a document as of a moment, and between two.
#include "core/history/field_difference.h"
#include "core/history/field_view.h"
#include "extension/documents/access.h"
#include "extension/documents/field_value.h"
#include "extension/documents/moment.h"
#include "extension/types/json.h"

extern "C" {
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_state_at);
PG_FUNCTION_INFO_V1(converge_diff);
}

namespace converge {
namespace {

// A field's value as JSON, NUL-terminated.
char* json_of(FieldType type, std::string_view state) {
  return boundary::call([&]() -> Result<char*> {
    const Result<std::string> json = value_json(type, state);
    if (!json) return json.error();
    return boundary::cstring_of(*json);
  });
}

// FieldDifferences in plain memory.
struct Difference {
  const char* action;
  std::uint64_t at;
  char* item;
  char* older;  // JSON; null: none
  char* newer;
};

struct Differences {
  Difference* at;
  int count;
};

Differences differences_of(FieldType type, std::string_view older, std::string_view newer) {
  return boundary::call([&]() -> Result<Differences> {
    const Result<std::vector<FieldDifference>> found = field_differences(type, older, newer);
    if (!found) return found.error();
    Differences differences{static_cast<Difference*>(boundary::allocate(sizeof(Difference) * (found->size() + 1))), 0};
    const auto copy = [](const std::string& text) { return text.empty() ? nullptr : boundary::cstring_of(text); };
    for (const FieldDifference& one : *found) {
      differences.at[differences.count++] = {one.action, one.at, boundary::cstring_of(one.item), copy(one.older),
                                             copy(one.newer)};
    }
    return differences;
  });
}

bool names_an_item(FieldType type) {
  return type == FieldType::lww_map || type == FieldType::or_set || type == FieldType::lww_set;
}

void give(ReturnSetInfo* result, const Field& field, const Difference& difference) {
  enum { kField, kAction, kAt, kItem, kOlder, kNewer, kColumns };
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[kField] = CStringGetTextDatum(NameStr(field.name));
  values[kAction] = CStringGetTextDatum(difference.action);
  nulls[kAt] = field.type != FieldType::crdt_text;
  values[kAt] = Int32GetDatum(static_cast<int32>(difference.at));
  nulls[kItem] = !names_an_item(field.type);
  values[kItem] = CStringGetTextDatum(difference.item);
  nulls[kOlder] = difference.older == nullptr;
  if (difference.older != nullptr) values[kOlder] = jsonb_of(difference.older);
  nulls[kNewer] = difference.newer == nullptr;
  if (difference.newer != nullptr) values[kNewer] = jsonb_of(difference.newer);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_state_at(PG_FUNCTION_ARGS) {
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const DocumentMoment then =
      document_at(found.collection, found.ref, found.document, PG_GETARG_TIMESTAMPTZ(2), GetActiveSnapshot());
  if (!then.existed) PG_RETURN_NULL();
  StringInfoData json;
  initStringInfo(&json);
  for (int i = 0; i < found.collection->field_count; i++) {
    const Field& field = found.collection->fields[i];
    appendStringInfoChar(&json, i == 0 ? '{' : ',');
    escape_json(&json, NameStr(field.name));
    appendStringInfoChar(&json, ':');
    appendStringInfoString(&json, json_of(field.type, state_bytes(field.type, then.states[i])));
  }
  appendStringInfoChar(&json, '}');
  PG_RETURN_DATUM(jsonb_of(json.data));
}

extern "C" PGDLLEXPORT Datum converge_diff(PG_FUNCTION_ARGS) {
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const Collection* collection = found.collection;
  Snapshot snapshot = GetActiveSnapshot();
  const DocumentMoment older =
      document_at(collection, found.ref, found.document, PG_GETARG_TIMESTAMPTZ(2), snapshot);
  const DocumentMoment newer =
      document_at(collection, found.ref, found.document, PG_GETARG_TIMESTAMPTZ(3), snapshot);
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    const std::string_view before = state_bytes(field.type, older.states[i]);
    const std::string_view after = state_bytes(field.type, newer.states[i]);
    if (before == after) continue;
    const Differences differences = differences_of(field.type, before, after);
    for (int j = 0; j < differences.count; j++) give(result, field, differences.at[j]);
  }
  return Datum{0};
}

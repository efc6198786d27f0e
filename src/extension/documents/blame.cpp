// blame(): who made each part of a field, and when.
#include "core/history/authorship.h"
#include "extension/documents/access.h"
#include "extension/documents/authors.h"
#include "extension/documents/field_value.h"
#include "extension/documents/replay.h"
#include "extension/documents/replica.h"
#include "extension/types/json.h"

extern "C" {
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(converge_blame);
}

namespace converge {
namespace {

// A BlamedItem in plain memory.
struct Blamed {
  std::uint64_t at;
  struct varlena* item;   // a text
  char* value;            // JSON; null: none
  bool known;
  std::int64_t replica;
  struct varlena* principal;  // a text
  std::int64_t since, until;
};

struct BlamedItems {
  Blamed* at;
  std::size_t count;
};

BlamedItems blamed_items(FieldType type, std::string_view state, std::string_view authorship) {
  return boundary::call([&]() -> Result<BlamedItems> {
    Result<Authorship> authors = authorship.empty() ? Authorship() : Authorship::decode(authorship);
    if (!authors) return authors.error();
    const Result<std::vector<BlamedItem>> found = blame(type, state, *authors);
    if (!found) return found.error();
    BlamedItems items{static_cast<Blamed*>(boundary::allocate(sizeof(Blamed) * (found->size() + 1))), 0};
    for (const BlamedItem& one : *found) {
      Blamed& item = items.at[items.count++];
      item = {one.at, boundary::varlena_of(one.item), one.value.empty() ? nullptr : boundary::cstring_of(one.value),
              one.author != nullptr, 0, nullptr, one.since, one.until};
      if (!item.known) continue;
      item.replica = static_cast<std::int64_t>(one.author->replica);
      item.principal = boundary::varlena_of(one.author->principal);
    }
    return items;
  });
}

void give(ReturnSetInfo* result, FieldType type, const Blamed& item) {
  enum { kAt, kItem, kValue, kPrincipal, kReplica, kSince, kUntil, kColumns };
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  nulls[kAt] = type != FieldType::crdt_text;
  values[kAt] = Int32GetDatum(static_cast<int32>(item.at));
  nulls[kItem] = type == FieldType::mv_register;
  values[kItem] = PointerGetDatum(item.item);
  nulls[kValue] = item.value == nullptr;
  if (item.value != nullptr) values[kValue] = jsonb_of(item.value);
  nulls[kPrincipal] = !item.known || boundary::view(item.principal).empty();
  values[kPrincipal] = PointerGetDatum(item.principal);
  nulls[kReplica] = nulls[kSince] = nulls[kUntil] = !item.known;
  values[kReplica] = Int64GetDatum(item.replica);
  values[kSince] = TimestampTzGetDatum(item.since);
  values[kUntil] = TimestampTzGetDatum(item.until);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_blame(PG_FUNCTION_ARGS) {
  ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const Field* field = find_field(found.collection, name);
  if (field == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("collection \"%s\" has no field \"%s\"", found.collection->name, name)));
  }
  const char* tenant = found.ref.tenant;
  Snapshot snapshot = GetActiveSnapshot();
  Authors authors = begin_authors();
  add_kept_authors(&authors, tenant, found.document, snapshot);
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, found.document, snapshot, &count);
  OwnedTable log("change", AccessShareLock);
  MemoryContext change_context = AllocSetContextCreate(CurrentMemoryContext, "converge blame", ALLOCSET_DEFAULT_SIZES);
  for (int i = 0; i < count; i++) {
    LogScan scan(log.relation, {tenant, found.document, replicas[i].replica}, replicas[i].compacted, snapshot);
    MemoryContext old = MemoryContextSwitchTo(change_context);
    LoggedChange change;
    while (scan.next(&change)) {
      CHECK_FOR_INTERRUPTS();
      add_change_authors(&authors, change, NameStr(field->name));
      MemoryContextReset(change_context);
    }
    MemoryContextSwitchTo(old);
    scan.close();
  }
  log.close();
  finish_authors(&authors);

  add_unfolded(found.collection, tenant, found.document, snapshot, found.values);
  const std::string_view state = state_bytes(field->type, found.values[field - found.collection->fields]);
  const BlamedItems items = blamed_items(field->type, state, authorship_of(authors, NameStr(field->name)));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (std::size_t i = 0; i < items.count; i++) give(result, field->type, items.at[i]);
  return Datum{0};
}

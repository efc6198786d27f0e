// pull(): what a client lacks of a document, as changes or as the state.
#include <cstring>

#include "extension/documents/access.h"
#include "extension/documents/field_value.h"
#include "extension/documents/log.h"
#include "extension/documents/node.h"
#include "extension/documents/quarantine.h"
#include "extension/documents/replay.h"
#include "extension/documents/replica.h"
#include "extension/documents/unfolded.h"
#include "extension/documents/wire_memory.h"

#include "core/clock/log_version.h"
#include "core/log/pull_answer.h"
#include "core/ydoc/ydoc.h"
#include "proto/converge.pb-c.h"

extern "C" {
#include "access/detoast.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_pull);
PG_FUNCTION_INFO_V1(converge_yjs_pull);
}

namespace converge {
namespace {

// A log_version in plain memory, ascending by replica.
struct Position {
  std::int64_t replica;
  std::int64_t seq;
};

struct Positions {
  Position* at;
  int count;
};

Positions read_version(std::string_view encoded) {
  return boundary::call([&]() -> Result<Positions> {
    const Result<LogVersion> version = LogVersion::decode(encoded);
    if (!version) return version.error();
    const std::size_t count = version->entries().size();
    Positions positions{static_cast<Position*>(boundary::allocate(sizeof(Position) * (count + 1))),
                        static_cast<int>(count)};
    for (std::size_t i = 0; i < count; i++) {
      const auto& entry = version->entries()[i];
      positions.at[i] = {static_cast<std::int64_t>(entry.replica), static_cast<std::int64_t>(entry.counter)};
    }
    return positions;
  });
}

struct varlena* encode_version(const Position* at, int count) {
  return boundary::call([&]() -> Result<struct varlena*> {
    LogVersion version;
    for (int i = 0; i < count; i++) {
      version.set(static_cast<ReplicaId>(at[i].replica), static_cast<std::uint64_t>(at[i].seq));
    }
    return boundary::varlena_of(version.encode());
  });
}

// The number of `replica` in ascending positions; `*hint` walks along.
std::int64_t seq_of(const Positions& positions, std::int64_t replica, int* hint) {
  while (*hint < positions.count && positions.at[*hint].replica < replica) (*hint)++;
  return *hint < positions.count && positions.at[*hint].replica == replica ? positions.at[*hint].seq : 0;
}

Converge__Wire__Change* to_wire(const LoggedChange& change) {
  auto* wire = static_cast<Converge__Wire__Change*>(palloc(sizeof(Converge__Wire__Change)));
  converge__wire__change__init(wire);
  wire->replica = static_cast<std::uint64_t>(change.replica);
  wire->seq = static_cast<std::uint64_t>(change.seq);
  wire->hlc = change.hlc;
  wire->payload.data = reinterpret_cast<uint8_t*>(const_cast<char*>(change.payload.data()));
  wire->payload.len = change.payload.size();
  wire->principal = const_cast<char*>(change.principal);
  return wire;
}

// What the row costs to send, without fetching what is stored out of line.
std::size_t state_size(const ReadableDocument& found) {
  std::size_t size = 0;
  for (int i = 0; i < found.collection->field_count; i++) {
    if (found.values[i] != nullptr) size += toast_raw_datum_size(PointerGetDatum(found.values[i])) - VARHDRSZ;
  }
  for (int i = 0; i < found.collection->included_count; i++) size += std::strlen(found.plain.values[i]);
  return size;
}

struct ChangeList {
  Converge__Wire__Change** changes;
  size_t count;
  size_t room;
};

void add(ChangeList* list, Converge__Wire__Change* change) {
  if (list->count == list->room) {
    list->room = list->room == 0 ? 16 : list->room * 2;
    const Size size = sizeof(Converge__Wire__Change*) * list->room;
    list->changes = static_cast<Converge__Wire__Change**>(list->changes == nullptr ? palloc(size)
                                                                                  : repalloc_huge(list->changes, size));
  }
  list->changes[list->count++] = change;
}

// The replica's last number. `near`: a number near which that may be, or 0.
std::int64_t last_position(const ReadableDocument& found, const ReplicaPosition& replica, std::int64_t near,
                           Relation log, Snapshot snapshot) {
  const Writer writer{found.ref.tenant, found.document, replica.replica};
  const std::int64_t last = near > 0 ? last_logged_near(log, writer, near, snapshot) : last_logged(log, writer, snapshot);
  return Max(last, replica.compacted);
}

// The last number of each replica. `known` are those of some; `about` are numbers near
// which those of some may be.
void find_last_positions(const ReadableDocument& found, const ReplicaPosition* replicas, int count,
                         const Positions& known, const Positions& about, Relation log, Snapshot snapshot,
                         Position* last) {
  int known_hint = 0;
  int hint = 0;
  for (int i = 0; i < count; i++) {
    const std::int64_t near = seq_of(about, replicas[i].replica, &hint);
    const std::int64_t seq = seq_of(known, replicas[i].replica, &known_hint);
    last[i] = {replicas[i].replica, seq > 0 ? seq : last_position(found, replicas[i], near, log, snapshot)};
  }
}

// Reading as many changes as such a state has bytes costs less than finding out first
// how many are lacking: that is a look-up for each replica.
constexpr std::size_t kSmallState = 64 * 1024;

// The changes after `since`, replica by replica, and each replica's last number. False:
// the log does not reach back so far, or the state is smaller.
bool collect_changes(const ReadableDocument& found, const ReplicaPosition* replicas, int count, const Positions& since,
                     Relation log, ChangeList* list, Position* last) {
  Snapshot snapshot = GetActiveSnapshot();
  const std::size_t state = state_size(found);
  RangeSize room(state);
  int hint = 0;
  for (int i = 0; i < count; i++) {
    const std::int64_t after = seq_of(since, replicas[i].replica, &hint);
    if (!log_reaches(static_cast<std::uint64_t>(after), static_cast<std::uint64_t>(replicas[i].compacted))) {
      return false;
    }
  }
  const bool counted = state > kSmallState;
  if (counted) {
    find_last_positions(found, replicas, count, {}, since, log, snapshot, last);
    std::uint64_t lacking = 0;
    hint = 0;
    for (int i = 0; i < count; i++) {
      lacking += static_cast<std::uint64_t>(Max(last[i].seq - seq_of(since, replicas[i].replica, &hint), 0));
    }
    if (!room.has_room_for(lacking)) return false;
  }
  const Quarantine quarantine = quarantine_of(found.ref.tenant, found.document, snapshot);
  hint = 0;
  for (int i = 0; i < count; i++) {
    const std::int64_t after = seq_of(since, replicas[i].replica, &hint);
    if (counted && last[i].seq <= after) continue;
    // Where the numbers are not known, the one that the client has tells that there is no other.
    std::int64_t seen = 0;
    LogScan scan(log, {found.ref.tenant, found.document, replicas[i].replica}, counted ? after : Max(after - 1, 0), snapshot);
    LoggedChange change;
    while (scan.next(&change)) {
      CHECK_FOR_INTERRUPTS();
      seen = change.seq;
      if (seen <= after) continue;
      if (!room.add(change.payload.size())) {
        scan.close();
        return false;
      }
      leave_out_quarantined(quarantine, &change);
      add(list, to_wire(change));
    }
    scan.close();
    if (!counted) {
      last[i] = {replicas[i].replica, seen > 0 ? seen : last_position(found, replicas[i], 0, log, snapshot)};
    }
  }
  return true;
}

void describe_fields(const Collection& collection, Converge__Wire__PullResponse* response) {
  response->n_fields = static_cast<size_t>(collection.field_count);
  response->fields = static_cast<Converge__Wire__FieldInfo**>(
      palloc0_array_of(sizeof(Converge__Wire__FieldInfo*), response->n_fields));
  for (int i = 0; i < collection.field_count; i++) {
    auto* info = static_cast<Converge__Wire__FieldInfo*>(palloc(sizeof(Converge__Wire__FieldInfo)));
    converge__wire__field_info__init(info);
    info->field = const_cast<char*>(NameStr(collection.fields[i].name));
    info->type = static_cast<uint32_t>(collection.fields[i].type);
    response->fields[i] = info;
  }
}

Converge__Wire__DocumentState* state_message(const ReadableDocument& found) {
  auto* state = static_cast<Converge__Wire__DocumentState*>(palloc(sizeof(Converge__Wire__DocumentState)));
  converge__wire__document_state__init(state);
  state->n_fields = static_cast<size_t>(found.collection->field_count);
  state->fields = static_cast<Converge__Wire__FieldDelta**>(
      palloc0_array_of(sizeof(Converge__Wire__FieldDelta*), state->n_fields));
  for (int i = 0; i < found.collection->field_count; i++) {
    const Field& field = found.collection->fields[i];
    const std::string_view bytes = state_bytes(field.type, found.values[i]);
    auto* delta = static_cast<Converge__Wire__FieldDelta*>(palloc(sizeof(Converge__Wire__FieldDelta)));
    converge__wire__field_delta__init(delta);
    delta->field = const_cast<char*>(NameStr(field.name));
    delta->delta.data = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
    delta->delta.len = bytes.size();
    state->fields[i] = delta;
  }
  state->n_columns = static_cast<size_t>(found.collection->included_count);
  state->columns = static_cast<Converge__Wire__ColumnValue**>(
      palloc0_array_of(sizeof(Converge__Wire__ColumnValue*), state->n_columns));
  for (int i = 0; i < found.collection->included_count; i++) {
    auto* column = static_cast<Converge__Wire__ColumnValue*>(palloc(sizeof(Converge__Wire__ColumnValue)));
    converge__wire__column_value__init(column);
    column->column = const_cast<char*>(NameStr(found.collection->included[i].name));
    column->value = const_cast<char*>(found.plain.values[i]);
    state->columns[i] = column;
  }
  return state;
}

Position* make_positions(int count) {
  return static_cast<Position*>(palloc0_array_of(sizeof(Position), static_cast<size_t>(count)));
}

// Adds what is unfolded to the document's fields, and finds the last number of each
// replica: of those of which something is unfolded it has just been read. `about` as above.
void complete_state(ReadableDocument* found, const ReplicaPosition* replicas, int count, const Positions& about,
                    Relation log, Snapshot snapshot, Position* last) {
  int unfolded_count;
  const UnfoldedReplica* unfolded = unfolded_replicas(found->ref.tenant, found->document, snapshot, &unfolded_count);
  auto* read = static_cast<std::int64_t*>(palloc0_array_of(sizeof(std::int64_t), static_cast<size_t>(unfolded_count)));
  add_unfolded(found->collection, found->ref.tenant, found->document, snapshot, unfolded, unfolded_count,
               found->values, read);
  const Positions known{make_positions(unfolded_count), unfolded_count};
  for (int i = 0; i < unfolded_count; i++) known.at[i] = {unfolded[i].replica, read[i]};
  find_last_positions(*found, replicas, count, known, about, log, snapshot, last);
}

ProtobufCBinaryData bytes_of(struct varlena* value) {
  const std::string_view bytes = boundary::view(value);
  return {bytes.size(), reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()))};
}

// What every answer says.
void begin_response(const ReadableDocument& found, const Position* positions, int count,
                    Converge__Wire__PullResponse* response) {
  converge__wire__pull_response__init(response);
  describe_fields(*found.collection, response);
  response->log_version = bytes_of(encode_version(positions, count));
  response->epoch = static_cast<std::uint64_t>(current_epoch());
  response->incarnation = static_cast<std::uint64_t>(found.document);
}

// The place of the collection's field of type ydoc with that name, or raises 42703.
int ydoc_field(const Collection& collection, const char* name) {
  for (int i = 0; i < collection.field_count; i++) {
    const Field& field = collection.fields[i];
    if (std::strcmp(NameStr(field.name), name) != 0) continue;
    if (field.type == FieldType::ydoc) return i;
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("field \"%s\" of collection \"%s\" is no Yjs document",
                                                              name, collection.name),
                    errdetail("Its type is %s.", field_type_name(field.type).data())));
  }
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                  errmsg("collection \"%s\" has no field \"%s\"", collection.name, name)));
}

struct YjsUpdate {
  struct varlena* update;
  std::size_t deletions;  // bytes at its end
  struct varlena* state_vector;
};

YjsUpdate yjs_update_since(std::string_view state, std::string_view since) {
  return boundary::call([&]() -> Result<YjsUpdate> {
    const Result<YDoc> document = YDoc::decode(state);
    if (!document) return document.error();
    std::size_t deletions;
    const Result<std::string> update = document->update_since(since, UpdateFormat::v1, &deletions);
    if (!update) return update.error();
    return YjsUpdate{boundary::varlena_of(*update), deletions, boundary::varlena_of(document->state_vector())};
  });
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_pull(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
  ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  require_live(found);
  const Positions since = read_version(PG_ARGISNULL(2) ? std::string_view() : boundary::view(PG_GETARG_VARLENA_PP(2)));

  // Row and log under one snapshot, the statement's.
  Snapshot snapshot = GetActiveSnapshot();
  OwnedTable log("change", AccessShareLock);
  int count;
  const ReplicaPosition* replicas = document_replicas(found.ref.tenant, found.document, snapshot, &count);
  Position* positions = make_positions(count);
  ChangeList list{};
  const bool complete = collect_changes(found, replicas, count, since, log.relation, &list, positions);
  if (!complete) complete_state(&found, replicas, count, since, log.relation, snapshot, positions);
  Converge__Wire__PullResponse response;
  begin_response(found, positions, count, &response);
  if (complete) {
    response.changes = list.changes;
    response.n_changes = list.count;
  } else {
    response.state = state_message(found);
    response.state->log_version = response.log_version;
  }
  log.close();
  PG_RETURN_BYTEA_P(pack_message(&response.base));
}

extern "C" PGDLLEXPORT Datum converge_yjs_pull(PG_FUNCTION_ARGS) {
  ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  require_live(found);
  const int field = ydoc_field(*found.collection, text_to_cstring(PG_GETARG_TEXT_PP(2)));
  const std::string_view since = boundary::view(PG_GETARG_VARLENA_PP(3));
  const auto state_up_to = static_cast<std::size_t>(Max(PG_GETARG_INT32(4), 0));

  Snapshot snapshot = GetActiveSnapshot();
  OwnedTable log("change", AccessShareLock);
  int count;
  const ReplicaPosition* replicas = document_replicas(found.ref.tenant, found.document, snapshot, &count);
  Position* positions = make_positions(count);
  complete_state(&found, replicas, count, {}, log.relation, snapshot, positions);
  log.close();
  Converge__Wire__PullResponse response;
  begin_response(found, positions, count, &response);
  const std::string_view state = state_bytes(FieldType::ydoc, found.values[field]);
  Converge__Wire__YjsState yjs;
  converge__wire__yjs_state__init(&yjs);
  if (state.size() <= state_up_to) {
    yjs.state = {state.size(), reinterpret_cast<uint8_t*>(const_cast<char*>(state.data()))};
  } else {
    const YjsUpdate made = yjs_update_since(state, since);
    yjs.update = bytes_of(made.update);
    yjs.state_vector = bytes_of(made.state_vector);
    yjs.deletions = made.deletions;
  }
  response.yjs = &yjs;
  PG_RETURN_BYTEA_P(pack_message(&response.base));
}

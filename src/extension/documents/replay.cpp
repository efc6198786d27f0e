#include "extension/documents/replay.h"

#include <cstring>

#include "extension/documents/field_value.h"
#include "extension/documents/replica.h"
#include "extension/documents/snapshot.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace converge {
namespace {

// What is held before it is joined.
constexpr std::size_t kBatchBytes = 1 << 20;
// A change takes about so much more than its payload has.
constexpr std::size_t kChangeOverhead = 512;

FieldType type_of(const char* field, std::string_view delta) {
  FieldType type{};
  boundary::Failure failure;
  auto read = [&]() { return field_type(delta); };
  if (!boundary::attempt(read, &type, &failure)) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a change in the log is damaged"),
                    errdetail("Its delta of field \"%s\" is of no type.", field)));
  }
  return type;
}

ReplayedField* field_named(Replay* replay, const char* name, std::string_view delta) {
  for (int i = 0; i < replay->count; i++) {
    if (std::strcmp(replay->fields[i].name, name) == 0) return &replay->fields[i];
  }
  if (replay->count == replay->room) {
    replay->room = replay->room == 0 ? 8 : replay->room * 2;
    const Size size = sizeof(ReplayedField) * static_cast<Size>(replay->room);
    replay->fields = static_cast<ReplayedField*>(
        replay->fields == nullptr ? MemoryContextAlloc(replay->result, size) : repalloc(replay->fields, size));
  }
  ReplayedField* field = &replay->fields[replay->count++];
  *field = {MemoryContextStrdup(replay->result, name), type_of(name, delta), nullptr, {}};
  return field;
}

// Called in the batch's context.
void join_batch(Replay* replay) {
  for (int i = 0; i < replay->count; i++) {
    ReplayedField* field = &replay->fields[i];
    if (field->deltas.count == 0) continue;
    if (field->state != nullptr) field->deltas.add(boundary::view(field->state));
    const std::string_view joined = field->deltas.join(field->type);
    auto* state =
        reinterpret_cast<struct varlena*>(MemoryContextAllocHuge(replay->result, VARHDRSZ + joined.size()));
    SET_VARSIZE(state, VARHDRSZ + joined.size());
    std::memcpy(VARDATA(state), joined.data(), joined.size());
    if (field->state != nullptr) pfree(field->state);
    field->state = state;
    field->deltas = Deltas();
  }
  replay->bytes = 0;
  MemoryContextReset(replay->batch);
}

// Reads a protobuf varint below 2^32 and moves the view behind it. False: there is none.
bool read_size(std::string_view* bytes, std::size_t* size) {
  *size = 0;
  for (unsigned shift = 0; shift < 32 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *size |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Takes what is under that tag, which has a length, from the view's beginning. False: it
// is not there.
bool take(std::string_view* bytes, char tag, std::string_view* content) {
  if (bytes->empty() || bytes->front() != tag) return false;
  bytes->remove_prefix(1);
  std::size_t size;
  if (!read_size(bytes, &size) || size > bytes->size()) return false;
  *content = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return true;
}

// Adds a payload that changes one field, one that others have changed before, where it
// lies: what most of a busy document's log is, and unpacked it would cost as much as
// reading it from the log. False: it is something else, or is damaged.
bool add_delta(Replay* replay, std::string_view payload) {
  constexpr char kPayloadFields = 2 << 3 | 2;
  constexpr char kFieldName = 1 << 3 | 2;
  constexpr char kFieldDelta = 2 << 3 | 2;
  std::string_view change;
  std::string_view name;
  std::string_view delta;
  if (!take(&payload, kPayloadFields, &change) || !payload.empty()) return false;
  if (!take(&change, kFieldName, &name) || !take(&change, kFieldDelta, &delta) || !change.empty()) return false;
  for (int i = 0; i < replay->count; i++) {
    if (name != replay->fields[i].name) continue;
    replay->fields[i].deltas.add(delta);
    return true;
  }
  return false;
}

void add_change(Replay* replay, const LoggedChange& change) {
  if (change.refused) return;
  replay->bytes += change.payload.size() + kChangeOverhead;
  if (replay->quarantine.count == 0 && add_delta(replay, change.payload)) return;
  // Not in memory that is kept until the batch is joined: it is large.
  Payload payload;
  decode_logged_payload(change.payload, &payload);
  leave_out_quarantined(replay->quarantine, change.replica, change.seq, &payload);
  for (int i = 0; i < payload.count; i++) {
    const FieldChange& field = payload.fields[i];
    field_named(replay, field.field, field.delta)->deltas.add(field.delta);
  }
}

}  // namespace

Replay begin_replay() {
  return {nullptr, 0, 0, CurrentMemoryContext,
          AllocSetContextCreate(CurrentMemoryContext, "converge replay", ALLOCSET_DEFAULT_SIZES), 0, {}};
}

void add_snapshot(Replay* replay, const char* tenant, std::int64_t document, Snapshot snapshot) {
  MemoryContext old = MemoryContextSwitchTo(replay->batch);
  DocumentSnapshot kept;
  if (read_snapshot(tenant, document, snapshot, &kept)) {
    for (int i = 0; i < kept.count; i++) {
      const FieldChange& field = kept.fields[i];
      field_named(replay, field.field, field.delta)->deltas.add(field.delta);
    }
    join_batch(replay);
  }
  MemoryContextSwitchTo(old);
}

void add_changes(Replay* replay, LogScan* scan, bool (*takes)(const LoggedChange&, void*), void* argument) {
  MemoryContext old = MemoryContextSwitchTo(replay->batch);
  LoggedChange change;
  while (scan->next(&change)) {
    CHECK_FOR_INTERRUPTS();
    if (takes != nullptr && !takes(change, argument)) break;
    add_change(replay, change);
    if (replay->bytes > kBatchBytes) join_batch(replay);
  }
  MemoryContextSwitchTo(old);
}

void finish_replay(Replay* replay) {
  MemoryContext old = MemoryContextSwitchTo(replay->batch);
  join_batch(replay);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(replay->batch);
}

struct varlena* replayed_state(const Replay& replay, const char* field) {
  for (int i = 0; i < replay.count; i++) {
    if (std::strcmp(replay.fields[i].name, field) == 0) return replay.fields[i].state;
  }
  return nullptr;
}

namespace {

bool is_before(const LoggedChange& change, void* end) { return change.seq < *static_cast<const std::int64_t*>(end); }

bool note_seq(const LoggedChange& change, void* last) {
  *static_cast<std::int64_t*>(last) = change.seq;
  return true;
}

}  // namespace

void replay(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
            Replayed what, struct varlena** states) {
  Replay replay = begin_replay();
  replay.quarantine = quarantine_of(tenant, document, snapshot);
  add_snapshot(&replay, tenant, document, snapshot);
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, document, snapshot, &count);
  int unfolded_count = 0;
  UnfoldedReplica* unfolded =
      what == Replayed::folded ? unfolded_replicas(tenant, document, snapshot, &unfolded_count) : nullptr;
  OwnedTable log("change", AccessShareLock);
  int next = 0;
  for (int i = 0; i < count; i++) {
    while (next < unfolded_count && unfolded[next].replica < replicas[i].replica) next++;
    const bool ends = next < unfolded_count && unfolded[next].replica == replicas[i].replica;
    LogScan scan(log.relation, {tenant, document, replicas[i].replica}, 0, snapshot);
    add_changes(&replay, &scan, ends ? is_before : nullptr, ends ? &unfolded[next].from_seq : nullptr);
    scan.close();
  }
  log.close();
  finish_replay(&replay);
  for (int i = 0; i < collection->field_count; i++) {
    states[i] = replayed_state(replay, NameStr(collection->fields[i].name));
  }
}

bool add_unfolded(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
                  struct varlena** values) {
  int count;
  const UnfoldedReplica* unfolded = unfolded_replicas(tenant, document, snapshot, &count);
  add_unfolded(collection, tenant, document, snapshot, unfolded, count, values);
  return count > 0;
}

void add_unfolded(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
                  const UnfoldedReplica* unfolded, int count, struct varlena** values, std::int64_t* last) {
  if (count == 0) return;
  Replay replay = begin_replay();
  OwnedTable log("change", AccessShareLock);
  for (int i = 0; i < count; i++) {
    LogScan scan(log.relation, {tenant, document, unfolded[i].replica}, unfolded[i].from_seq - 1, snapshot);
    std::int64_t seq = 0;
    add_changes(&replay, &scan, note_seq, &seq);
    if (last != nullptr) last[i] = seq;
    scan.close();
  }
  log.close();
  finish_replay(&replay);
  for (int i = 0; i < collection->field_count; i++) {
    const Field& field = collection->fields[i];
    struct varlena* added = replayed_state(replay, NameStr(field.name));
    if (added != nullptr) {
      values[i] = merge_states(field.type, state_bytes(field.type, values[i]), boundary::view(added));
    }
  }
}

}  // namespace converge

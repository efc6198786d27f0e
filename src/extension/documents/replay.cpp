#include "extension/documents/replay.h"

#include <cstring>

#include "extension/documents/deltas.h"
#include "extension/documents/field_value.h"
#include "extension/documents/log.h"
#include "extension/documents/replica.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"

}

namespace converge {
namespace {

// Payload bytes that are held before they are joined.
constexpr std::size_t kBatchBytes = 1 << 20;

struct Replay {
  const Collection* collection;
  struct varlena** states;
  MemoryContext result;
  MemoryContext batch;
  Deltas deltas[kMaxFields];
  std::size_t bytes;
};

void join_batch(Replay* replay) {
  for (int i = 0; i < replay->collection->field_count; i++) {
    if (replay->deltas[i].count == 0) continue;
    const FieldType type = replay->collection->fields[i].type;
    if (replay->states[i] != nullptr) replay->deltas[i].add(boundary::view(replay->states[i]));
    const std::string_view joined = replay->deltas[i].join(type);
    if (replay->states[i] != nullptr) pfree(replay->states[i]);
    replay->states[i] = reinterpret_cast<struct varlena*>(
        MemoryContextAllocHuge(replay->result, VARHDRSZ + joined.size()));
    SET_VARSIZE(replay->states[i], VARHDRSZ + joined.size());
    std::memcpy(VARDATA(replay->states[i]), joined.data(), joined.size());
    replay->deltas[i] = Deltas();
  }
  replay->bytes = 0;
  MemoryContextReset(replay->batch);
}

void add_change(Replay* replay, const LoggedChange& change) {
  if (change.refused) return;
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(change.payload, payload);
  for (int i = 0; i < payload->count; i++) {
    // A field that was dropped has no row to be in.
    const Field* field = find_field(replay->collection, payload->fields[i].field);
    if (field == nullptr) continue;
    replay->deltas[field - replay->collection->fields].add(payload->fields[i].delta);
  }
  replay->bytes += change.payload.size() + sizeof(Payload);
}

}  // namespace

void replay(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
            struct varlena** states) {
  Replay replay{collection, states, CurrentMemoryContext, nullptr, {}, 0};
  for (int i = 0; i < collection->field_count; i++) states[i] = nullptr;
  replay.batch = AllocSetContextCreate(CurrentMemoryContext, "converge replay", ALLOCSET_DEFAULT_SIZES);
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, document, snapshot, &count);
  OwnedTable log("change", AccessShareLock);
  for (int i = 0; i < count; i++) {
    LogScan scan(log.relation, {tenant, document, replicas[i].replica}, 0, snapshot);
    LoggedChange change;
    MemoryContext old = MemoryContextSwitchTo(replay.batch);
    while (scan.next(&change)) {
      CHECK_FOR_INTERRUPTS();
      add_change(&replay, change);
      if (replay.bytes > kBatchBytes) join_batch(&replay);
    }
    MemoryContextSwitchTo(old);
    scan.close();
  }
  log.close();
  MemoryContext old = MemoryContextSwitchTo(replay.batch);
  join_batch(&replay);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(replay.batch);
}

}  // namespace converge

#include "extension/documents/moment.h"

#include "extension/documents/kept_state.h"
#include "extension/documents/replay.h"
#include "extension/documents/replica.h"
#include "extension/documents/snapshot.h"

namespace converge {
namespace {

struct Until {
  TimestampTz moment;
  bool any;
};

// A replica's changes are logged one after another, so that the first later one
// ends them.
bool is_until(const LoggedChange& change, void* argument) {
  auto* until = static_cast<Until*>(argument);
  if (change.recorded_at > until->moment) return false;
  if (!change.refused) until->any = true;
  return true;
}

void fill_states(const Collection* collection, const FieldChange* fields, int count, DocumentMoment* document) {
  for (int i = 0; i < count; i++) {
    const Field* field = find_field(collection, fields[i].field);
    if (field != nullptr) document->states[field - collection->fields] = boundary::call([&]() -> Result<struct varlena*> {
      return boundary::varlena_of(fields[i].delta);
    });
  }
}

[[noreturn]] void not_kept(const RowRef& ref, TimestampTz moment, TimestampTz horizon) {
  ereport(ERROR, (errcode(ERRCODE_SNAPSHOT_TOO_OLD),
                  errmsg("document \"%s\" as of %s is not kept any more", ref.key, pstrdup(timestamptz_to_str(moment))),
                  errdetail("Its log was compacted and goes back to %s.", pstrdup(timestamptz_to_str(horizon))),
                  errhint("converge.snapshots() lists the earlier moments that are kept.")));
}

}  // namespace

DocumentMoment document_at(const Collection* collection, const RowRef& ref, std::int64_t document, TimestampTz moment,
                           Snapshot snapshot) {
  DocumentMoment found{};
  const char* tenant = ref.tenant;
  DocumentSnapshot kept;
  const bool compacted = read_snapshot(tenant, document, snapshot, &kept);
  if (compacted && moment < kept.recorded_at) {
    int count;
    const FieldChange* fields = read_kept_state(tenant, document, moment, snapshot, &count);
    if (fields == nullptr) not_kept(ref, moment, kept.recorded_at);
    fill_states(collection, fields, count, &found);
    found.existed = true;
    return found;
  }
  Replay replay = begin_replay();
  replay.quarantine = quarantine_of(tenant, document, snapshot);
  if (compacted) add_snapshot(&replay, tenant, document, snapshot);
  Until until{moment, compacted};
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, document, snapshot, &count);
  OwnedTable log("change", AccessShareLock);
  for (int i = 0; i < count; i++) {
    LogScan scan(log.relation, {tenant, document, replicas[i].replica}, 0, snapshot);
    add_changes(&replay, &scan, is_until, &until);
    scan.close();
  }
  log.close();
  finish_replay(&replay);
  found.existed = until.any;
  for (int i = 0; i < collection->field_count; i++) {
    found.states[i] = replayed_state(replay, NameStr(collection->fields[i].name));
  }
  return found;
}

}  // namespace converge

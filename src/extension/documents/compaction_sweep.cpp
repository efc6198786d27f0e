#include "extension/documents/compaction_sweep.h"

#include <cstring>

#include "extension/documents/compact.h"
#include "extension/documents/document.h"
#include "extension/documents/log.h"
#include "extension/documents/replica.h"
#include "extension/documents/settings.h"
#include "extension/documents/subtransaction.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// What is recorded before it may go: a TimestampTz. False: the collection's log is
// kept whole.
bool kept_from(const Collection& collection, std::int64_t* from) {
  if (collection.keep == nullptr && compact_keep < 0) return false;
  *from = collection.keep != nullptr ? keep_from(collection.keep)
                                     : GetCurrentTimestamp() - compact_keep * std::int64_t{60} * USECS_PER_SEC;
  return true;
}

// Whether so many changes of the document are old enough. What keeps some of them
// in the log all the same is found out when it is compacted.
bool is_due(const char* tenant, std::int64_t document, std::int64_t from) {
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  int count;
  const ReplicaPosition* replicas = document_replicas(tenant, document, snapshot, &count);
  OwnedTable log("change", AccessShareLock);
  std::int64_t old = 0;
  for (int i = 0; i < count && old < compact_changes; i++) {
    old += logged_before(log.relation, {tenant, document, replicas[i].replica}, replicas[i].compacted, from);
  }
  log.close();
  UnregisterSnapshot(snapshot);
  return old >= compact_changes;
}

}  // namespace

SweepStep sweep_log(SweepPosition* position, int limit) {
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "converge sweep", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(context);
  SweepStep step{false, 0};
  for (int i = 0; i < limit; i++) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextReset(context);
    const LoggedDocument next = next_logged_document(position->tenant, position->document);
    if (next.document == 0) {
      *position = SweepPosition{};
      step.ended = true;
      break;
    }
    strlcpy(position->tenant, next.tenant, sizeof position->tenant);
    position->document = next.document;
    std::int32_t number;
    const char* key;
    if (!describe_document(next.tenant, next.document, &number, &key)) continue;
    Collection* collection = collection_numbered(number);
    std::int64_t from;
    if (collection == nullptr || !kept_from(*collection, &from) || !is_due(next.tenant, next.document, from)) continue;
    const int level = begin_lock_timeout(push_lock_timeout);
    step.dropped = compact_document(collection, {next.tenant, key}, next.document, from);
    end_lock_timeout(level);
    break;
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
  return step;
}

}  // namespace converge

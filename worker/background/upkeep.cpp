#include "worker/background/upkeep.h"

extern "C" {
#include "utils/snapmgr.h"
}

#include "extension/documents/compaction_sweep.h"
#include "extension/documents/settings.h"
#include "extension/documents/temporary_key.h"
#include "worker/background/lifecycle.h"

namespace converge::worker {
namespace {

// Documents that are looked at in one transaction, at some 50 µs each.
constexpr int kStepDocuments = 200;
// Temporary keys that are forgotten in one.
constexpr int kStepKeys = 10000;
// Between documents that are compacted: the fold comes first, and so do others.
constexpr long kPause = 10;

SweepPosition position;
bool forgetting = true;     // a sweep begins with the keys
TimestampTz rested_at = 0;  // since when it rests; 0: a sweep is under way

// As a step of the sweep, which is not at its end.
SweepStep forget_keys() {
  const TimestampTz from = GetCurrentTimestamp() - temporary_key_lifetime * int64{60} * USECS_PER_SEC;
  forgetting = forget_temporary_keys(from, kStepKeys) == kStepKeys;
  return {false, 0};
}

SweepStep step() {
  ErrorData* volatile error = nullptr;
  volatile bool ended = false;
  volatile int64 dropped = 0;
  PG_TRY();
  {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const SweepStep made = forgetting ? forget_keys() : sweep_log(&position, kStepDocuments);
    PopActiveSnapshot();
    CommitTransactionCommand();
    ended = made.ended;
    dropped = made.dropped;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(TopMemoryContext);
    error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
  }
  PG_END_TRY();
  if (error != nullptr) {
    forgetting = false;
    // Somebody had the row: the next sweep comes by.
    if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) {
      ereport(LOG, (errmsg("could not compact document %lld: %s", static_cast<long long>(position.document),
                           error->message)));
    }
    FreeErrorData(error);
  }
  return {ended, dropped};
}

}  // namespace

long keep_up(MemoryContext context) {
  if (rested_at != 0) {
    const long rest = TimestampDifferenceMilliseconds(
        GetCurrentTimestamp(), rested_at + int64{compact_naptime} * USECS_PER_SEC);
    if (rest > 0) return rest;
    rested_at = 0;
  }
  const SweepStep made = step();
  MemoryContextSwitchTo(context);
  if (made.dropped > 0) {
    pg_atomic_fetch_add_u64(&place.entry->documents_compacted, 1);
    pg_atomic_fetch_add_u64(&place.entry->changes_compacted, static_cast<uint64>(made.dropped));
  }
  if (!made.ended) return kPause;
  forgetting = true;
  rested_at = GetCurrentTimestamp();
  return compact_naptime * 1000L;
}

}  // namespace converge::worker

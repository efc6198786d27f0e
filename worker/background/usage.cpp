#include "worker/background/usage.h"

extern "C" {
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include "extension/security/limits.h"

namespace converge::worker {
namespace {

constexpr long kPauseMilliseconds = 60000;

}  // namespace

long measure_some(MemoryContext context) {
  static TimestampTz measured_at = 0;
  const TimestampTz now = GetCurrentTimestamp();
  const long waited = TimestampDifferenceMilliseconds(measured_at, now);
  if (waited < kPauseMilliseconds) return kPauseMilliseconds - waited;

  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  measure_bytes();
  PopActiveSnapshot();
  CommitTransactionCommand();
  MemoryContextSwitchTo(context);
  // After a long look a long pause.
  measured_at = GetCurrentTimestamp();
  return kPauseMilliseconds;
}

}  // namespace converge::worker

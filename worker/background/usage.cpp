#include "worker/background/usage.h"

extern "C" {
#include "catalog/namespace.h"
#include "utils/lsyscache.h"
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
  // A database whose extension is of an older version has no such table.
  if (OidIsValid(get_relname_relid("tenant_usage", get_namespace_oid("converge", true)))) measure_bytes();
  PopActiveSnapshot();
  CommitTransactionCommand();
  MemoryContextSwitchTo(context);
  // After a long look a long pause.
  measured_at = GetCurrentTimestamp();
  return kPauseMilliseconds;
}

}  // namespace converge::worker

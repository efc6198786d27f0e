// converge.quarantine: logged changes that could not be folded. The document's
// row goes without them, and so does what is given out of the document.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/log.h"
#include "extension/documents/payload.h"

namespace converge {

// One change's fields that are left out of the row.
struct QuarantinedChange {
  std::int64_t replica;
  std::int64_t seq;
  bool dropped;  // for good
  NameData* fields;
  int field_count;
};

// A document's, those that were dropped included, ascending by (replica, seq).
struct Quarantine {
  QuarantinedChange* changes;
  int count;
};

// In `snapshot`, or, where that is null, as everything committed and the current
// transaction have it; in CurrentMemoryContext.
Quarantine quarantine_of(const char* tenant, std::int64_t document, Snapshot snapshot);

// Whether some of the change is, and may be retried yet.
bool waits_in_quarantine(const Quarantine& quarantine, std::int64_t replica, std::int64_t seq);

// Takes out of a change's payload what is in quarantine. Whether there was any.
bool leave_out_quarantined(const Quarantine& quarantine, std::int64_t replica, std::int64_t seq, Payload* payload);

// The same for a change from the log: its payload is encoded anew without them.
void leave_out_quarantined(const Quarantine& quarantine, LoggedChange* change);

// Forgets what was dropped of the writer's changes up to `last_seq`: they are not in
// the log any more.
void forget_quarantined(const Writer& writer, std::int64_t last_seq);

// Puts fields of a change into quarantine, for the reason that `error` gives.
void put_into_quarantine(const Writer& writer, std::int64_t seq, const NameData* fields, int field_count,
                         const ErrorData& error);

}  // namespace converge

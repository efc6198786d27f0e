// Which documents the maintenance worker compacts: those of which at least
// converge.compact_changes changes are older than the collection keeps its log
// (keep_log(), else converge.compact_keep). It goes through the documents that have
// a log, in the order of the log's key, again and again.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/security/identity.h"

namespace converge {

// How far a sweep has come: a document. Outlives transactions.
struct SweepPosition {
  char tenant[kMaxTenantBytes + 1] = "";
  std::int64_t document = 0;
};

struct SweepStep {
  bool ended;             // there is no document behind the position: begin again, later
  std::int64_t dropped;   // changes, of the document at the position
};

// Goes on through at most `limit` documents, to the first that is to be compacted,
// and compacts it. The position is moved before anything may raise, so that a
// document whose row is locked, say, is passed over until the next sweep.
SweepStep sweep_log(SweepPosition* position, int limit);

}  // namespace converge

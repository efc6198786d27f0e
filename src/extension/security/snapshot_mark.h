// Tells whether two snapshots of this backend see the same: what was read under one
// holds under the other.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "storage/proc.h"
#include "utils/snapshot.h"
}

namespace converge {

// For snapshots with the same xmax the running transactions can only become fewer,
// so that their numbers tell the sets apart.
struct SnapshotMark {
  LocalTransactionId transaction;
  TransactionId xmin, xmax;
  uint32 running;
  int32 running_sub;
  CommandId command;

  static SnapshotMark of(Snapshot snapshot) {
    return {MyProc->lxid,    snapshot->xmin,   snapshot->xmax,
            snapshot->xcnt, snapshot->subxcnt, snapshot->curcid};
  }
  bool operator==(const SnapshotMark&) const = default;
};

}  // namespace converge

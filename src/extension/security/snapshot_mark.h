// Tells whether two snapshots of this backend see the same: what was read under one
// holds under the other.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "access/transam.h"
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
    return {MY_LOCAL_TRANSACTION, snapshot->xmin, snapshot->xmax,
            snapshot->xcnt,       snapshot->subxcnt, snapshot->curcid};
  }
  bool operator==(const SnapshotMark&) const = default;

  // Whether something that the other sees may not be seen.
  bool is_older_than(const SnapshotMark& other) const {
    if (command < other.command) return true;
    if (xmax != other.xmax) return TransactionIdPrecedes(xmax, other.xmax);
    return running > other.running || running_sub > other.running_sub;
  }
};

}  // namespace converge

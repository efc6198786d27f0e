// Transactions that the worker has decoded, and whose end other snapshots may
// not see yet: a commit record is flushed a moment before its transaction
// leaves the list of running ones, or long before, when it waits for a
// synchronous standby.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

class Unsettled {
 public:
  // Keeps itself in `context`.
  void create(MemoryContext context);

  // A transaction's first frame was decoded; `before` is a position in the WAL
  // before its commit. Called again for the same one it does nothing.
  void note(TransactionId transaction, XLogRecPtr before);

  // A position in the sequence of decoded transactions: the present one.
  uint64 position() const { return count_; }

  // The position up to which every transaction is visible to a snapshot that is
  // taken from now on.
  uint64 settled();

  // Up to where the slot may be confirmed when the WAL is processed up to
  // `processed`: a worker that is started anew knows nothing of this list, and
  // has to decode such transactions again.
  XLogRecPtr confirmable(XLogRecPtr processed);

 private:
  struct Noted {
    TransactionId transaction;
    uint64 number;  // from 1, in the order of decoding
    XLogRecPtr before;
  };

  void forget_ended();

  MemoryContext context_;
  Noted* noted_;  // in the order of their numbers
  int length_;
  int capacity_;
  uint64 count_;
  TransactionId latest_;
};

}  // namespace converge::worker

#include "worker/background/unsettled.h"

namespace converge::worker {

void Unsettled::create(MemoryContext context) {
  context_ = context;
  capacity_ = 64;
  noted_ = static_cast<Noted*>(MemoryContextAlloc(context, sizeof(Noted) * capacity_));
  length_ = 0;
  count_ = 0;
  latest_ = InvalidTransactionId;
}

void Unsettled::note(TransactionId transaction, XLogRecPtr before) {
  if (transaction == latest_) return;
  latest_ = transaction;
  if (length_ == capacity_) {
    forget_ended();
    // All of them in progress: there are no more than the server has sessions
    // and prepared transactions.
    if (length_ > capacity_ / 2) {
      capacity_ *= 2;
      noted_ = static_cast<Noted*>(repalloc(noted_, sizeof(Noted) * capacity_));
    }
  }
  noted_[length_++] = {transaction, ++count_, before};
}

uint64 Unsettled::settled() {
  forget_ended();
  return length_ == 0 ? count_ : noted_[0].number - 1;
}

XLogRecPtr Unsettled::confirmable(XLogRecPtr processed) {
  forget_ended();
  return length_ == 0 ? processed : noted_[0].before;
}

void Unsettled::forget_ended() {
  int kept = 0;

  for (int i = 0; i < length_; i++)
    if (TransactionIdIsInProgress(noted_[i].transaction)) noted_[kept++] = noted_[i];
  length_ = kept;
}

}  // namespace converge::worker

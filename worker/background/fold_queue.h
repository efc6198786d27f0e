// The documents that wait to be folded, by the moment when each is due.
#pragma once

#include "worker/background/postgres_headers.h"

extern "C" {
#include "lib/pairingheap.h"
}

#include "core/log/fold_rule.h"

namespace converge::worker {

// Times are in milliseconds, of the server's clock.
struct WaitingDocument {
  int64 document;  // the key
  char* tenant;
  UnfoldedChanges changes;
  int failures;    // in a row
  int64 retry_at;  // after a failure
  int64 due;       // as the heap has it; it may be later by now
  pairingheap_node node;
};

class FoldQueue {
 public:
  // Allocates in `context`.
  void open(MemoryContext context);

  // Changes of a document wait since `first`, the last one since `last`. False:
  // the queue is full, and has to be filled again from converge.unfolded later.
  bool add(const FoldRule& rule, const char* tenant, int64 document, uint64 changes, int64 first, int64 last);

  // Whether it is worth to fill it again.
  bool has_room() const;

  // The document that is due first, or null.
  WaitingDocument* first(const FoldRule& rule);

  // It is folded, or to be tried again at a moment.
  void remove(WaitingDocument* document);
  void postpone(const FoldRule& rule, WaitingDocument* document, int64 retry_at);

  // After the rule has changed, which may have made any of them due sooner.
  void reorder(const FoldRule& rule);

  int size() const { return size_; }
  uint64 changes() const { return changes_; }
  // Since when the oldest waits; 0: none does. Goes through all of them.
  int64 oldest() const;

 private:
  void move(WaitingDocument* document, int64 due);

  MemoryContext context_ = nullptr;
  HTAB* documents_ = nullptr;
  pairingheap* heap_ = nullptr;
  int size_ = 0;
  uint64 changes_ = 0;
};

}  // namespace converge::worker

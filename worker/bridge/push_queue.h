// What waits to be pushed, and which lane takes what. A lane has one call of
// converge.push() under way at most.
//
// A document is a lane's from the moment when the lane takes a push of it, or is given a new
// one, until the call has ended. What comes for it meanwhile waits for that lane; what comes for any other
// document waits for whichever lane is free. So each document's pushes are decided in the
// order in which they came, and none waits for another document's commit while a lane is
// free.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/container/seeded_hash.h"
#include "pending_push.h"

namespace converge::bridge {

class PushQueue {
 public:
  // Lanes are numbered from 0. New documents go by the first: its backend has counted
  // those of the tenant, which may have a limit.
  explicit PushQueue(unsigned lanes) : lanes_(lanes) {}

  // Behind all that is here of the push's document.
  void add(PendingPush push);

  // Whether something waits for any lane, and since when the oldest of it does.
  bool has_any() const { return !waiting_.empty(); }
  std::chrono::steady_clock::time_point oldest() const { return waiting_.front().since; }
  // Whether something waits for this lane alone.
  bool has_for(unsigned lane) const { return !lanes_[lane].next.empty(); }
  // Whether a push of this push's document is here, or in a call.
  bool has_document_of(const PendingPush& push);

  // What the lane is to push next, in the order in which it came: at most `most_bytes`, or
  // one push that has more; one that is to go alone goes alone. Precondition: the lane was
  // released.
  std::vector<PendingPush> take(unsigned lane, std::size_t most_bytes);
  // What was taken and not decided comes first again, in this order.
  void put_back(unsigned lane, std::vector<PendingPush> pushes);
  // Takes all that waits for the lane of one of its documents.
  std::vector<PendingPush> withdraw(unsigned lane, const PushedDocument& document);
  // The lane has no call any more: its documents are nobody's, and what waited for it is
  // for any lane, by its age.
  void release(unsigned lane);

 private:
  struct Lane {
    std::vector<PushedDocument*> documents;  // in its call, or new and to be in its next one
    std::deque<PendingPush> next;            // of those
  };

  static void give(PushedDocument& document, Lane& lane, int number);

  std::unordered_map<std::string, PushedDocument, SeededHash> documents_;  // by their keys
  std::vector<Lane> lanes_;
  std::deque<PendingPush> waiting_;  // for any lane
  std::string key_;                  // where keys are written, so that a known one allocates nothing
};

}  // namespace converge::bridge

#include "push_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace converge::bridge {

namespace {

constexpr int kNobody = -1;

// Different for different documents, whatever bytes their names are of.
void write_key(std::string& out, const PendingPush& push) {
  const std::string& collection = push.document->collection();
  const std::string& key = push.document->key();
  out = std::to_string(collection.size());
  out.append(1, ':').append(std::to_string(key.size())).append(1, ':');
  out.append(collection).append(key).append(push.temporary_key);
}

}  // namespace

void PushQueue::add(PendingPush push) {
  write_key(key_, push);
  auto [entry, is_new] = documents_.try_emplace(key_);
  PushedDocument& document = entry->second;
  if (is_new) document = {.key = entry->first, .lane = kNobody, .waiting = 0};
  ++document.waiting;
  push.pushed_document = &document;
  auto& behind = document.lane == kNobody ? waiting_ : lanes_[static_cast<std::size_t>(document.lane)].next;
  behind.push_back(std::move(push));
}

void PushQueue::give(PushedDocument& document, Lane& lane, int number) {
  document.lane = number;
  lane.documents.push_back(&document);
}

bool PushQueue::has_document_of(const PendingPush& push) {
  if (documents_.empty()) return false;
  write_key(key_, push);
  return documents_.count(key_) != 0;
}

std::vector<PendingPush> PushQueue::take(unsigned number, std::size_t most_bytes) {
  Lane& lane = lanes_[number];
  std::vector<PendingPush> batch;
  std::deque<PendingPush> left;
  std::size_t bytes = 0;
  bool full = false;
  for (PendingPush& push : waiting_) {
    PushedDocument& document = *push.pushed_document;
    const bool is_own = document.lane == static_cast<int>(number);
    // A new document: the first lane's. (Not where what came before it may have been left.)
    if (push.creates && number != 0 && document.lane == kNobody && !full) give(document, lanes_[0], 0);
    if (document.lane != kNobody && !is_own) {
      lanes_[static_cast<std::size_t>(document.lane)].next.push_back(std::move(push));
      continue;
    }
    full = full || (!batch.empty() && (bytes + push.bytes > most_bytes || push.alone));
    if (full) {
      (is_own ? lane.next : left).push_back(std::move(push));
      continue;
    }
    if (!is_own) give(document, lane, static_cast<int>(number));
    --document.waiting;
    bytes += push.bytes;
    full = push.alone;
    batch.push_back(std::move(push));
  }
  waiting_ = std::move(left);
  return batch;
}

void PushQueue::put_back(unsigned number, std::vector<PendingPush> pushes) {
  for (PendingPush& push : pushes) ++push.pushed_document->waiting;
  auto& next = lanes_[number].next;
  next.insert(next.begin(), std::make_move_iterator(pushes.begin()), std::make_move_iterator(pushes.end()));
}

std::vector<PendingPush> PushQueue::withdraw(unsigned number, const PushedDocument& document) {
  std::vector<PendingPush> withdrawn;
  std::deque<PendingPush> rest;
  for (PendingPush& push : lanes_[number].next) {
    if (push.pushed_document != &document) {
      rest.push_back(std::move(push));
      continue;
    }
    --push.pushed_document->waiting;
    withdrawn.push_back(std::move(push));
  }
  lanes_[number].next = std::move(rest);
  return withdrawn;
}

void PushQueue::release(unsigned number) {
  Lane& lane = lanes_[number];
  for (PushedDocument* document : lane.documents) {
    document->lane = kNobody;
    if (document->waiting != 0) continue;
    key_ = document->key;
    documents_.erase(key_);
  }
  lane.documents.clear();
  // No document is in both, and so each one's order stays as it is.
  if (waiting_.empty()) {
    waiting_.swap(lane.next);
  } else if (!lane.next.empty()) {
    std::deque<PendingPush> all;
    std::merge(std::make_move_iterator(lane.next.begin()), std::make_move_iterator(lane.next.end()),
               std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()),
               std::back_inserter(all),
               [](const PendingPush& a, const PendingPush& b) { return a.since < b.since; });
    waiting_ = std::move(all);
    lane.next.clear();
  }
}

}  // namespace converge::bridge

#include "worker/background/fold_queue.h"

namespace converge::worker {
namespace {

// About 200 bytes each.
constexpr int kMaxDocuments = 100000;

// pairingheap_container() is a macro for C.
WaitingDocument* document_of(const pairingheap_node* node) {
  return reinterpret_cast<WaitingDocument*>(reinterpret_cast<char*>(const_cast<pairingheap_node*>(node)) -
                                            offsetof(WaitingDocument, node));
}

int later_first(const pairingheap_node* a, const pairingheap_node* b, void*) {
  const int64 left = document_of(a)->due;
  const int64 right = document_of(b)->due;
  return left < right ? 1 : left > right ? -1 : 0;
}

int64 due(const WaitingDocument& document, const FoldRule& rule) {
  return Max(fold_due(rule_of(rule, static_cast<uint64>(document.document)), document.changes), document.retry_at);
}

}  // namespace

bool FoldQueue::has_room() const { return size_ < kMaxDocuments / 2; }

void FoldQueue::open(MemoryContext context) {
  HASHCTL control = {};
  control.keysize = sizeof(int64);
  control.entrysize = sizeof(WaitingDocument);
  control.hcxt = context;
  context_ = context;
  documents_ = hash_create("converge documents to fold", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  MemoryContext old = MemoryContextSwitchTo(context);
  heap_ = pairingheap_allocate(later_first, nullptr);
  MemoryContextSwitchTo(old);
}

void FoldQueue::move(WaitingDocument* document, int64 moment) {
  pairingheap_remove(heap_, &document->node);
  document->due = moment;
  pairingheap_add(heap_, &document->node);
}

bool FoldQueue::add(const FoldRule& rule, const char* tenant, int64 document, uint64 changes, int64 first,
                    int64 last) {
  auto* found = static_cast<WaitingDocument*>(hash_search(documents_, &document, HASH_FIND, nullptr));
  if (found == nullptr) {
    if (size_ >= kMaxDocuments) return false;
    // First, so that an error leaves nothing half made.
    char* name = MemoryContextStrdup(context_, tenant);
    found = static_cast<WaitingDocument*>(hash_search(documents_, &document, HASH_ENTER, nullptr));
    found->tenant = name;
    found->changes = {0, first, last};
    found->failures = 0;
    found->retry_at = 0;
    found->due = due(*found, rule);
    pairingheap_add(heap_, &found->node);
    size_++;
  }
  found->changes.count += changes;
  found->changes.first_ms = Min(found->changes.first_ms, first);
  found->changes.last_ms = Max(found->changes.last_ms, last);
  changes_ += changes;
  // What has become later is seen when it is the first.
  const int64 moment = due(*found, rule);
  if (moment < found->due) move(found, moment);
  return true;
}

WaitingDocument* FoldQueue::first(const FoldRule& rule) {
  while (!pairingheap_is_empty(heap_)) {
    WaitingDocument* document = document_of(pairingheap_first(heap_));
    const int64 moment = due(*document, rule);
    if (moment <= document->due) return document;
    move(document, moment);
  }
  return nullptr;
}

void FoldQueue::remove(WaitingDocument* document) {
  pairingheap_remove(heap_, &document->node);
  changes_ -= document->changes.count;
  size_--;
  pfree(document->tenant);
  const int64 key = document->document;
  (void)hash_search(documents_, &key, HASH_REMOVE, nullptr);
}

void FoldQueue::postpone(const FoldRule& rule, WaitingDocument* document, int64 retry_at) {
  document->retry_at = retry_at;
  move(document, due(*document, rule));
}

void FoldQueue::reorder(const FoldRule& rule) {
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, documents_);
  while (auto* document = static_cast<WaitingDocument*>(hash_seq_search(&scan))) move(document, due(*document, rule));
}

int64 FoldQueue::oldest() const {
  int64 oldest = 0;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, documents_);
  while (auto* document = static_cast<WaitingDocument*>(hash_seq_search(&scan)))
    if (oldest == 0 || document->changes.first_ms < oldest) oldest = document->changes.first_ms;
  return oldest;
}

}  // namespace converge::worker

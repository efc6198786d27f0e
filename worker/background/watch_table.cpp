#include "worker/background/watch_table.h"

namespace converge::worker {

void WatchTable::create(MemoryContext parent) {
  HASHCTL control = {};

  control.keysize = sizeof(uint64);
  control.entrysize = sizeof(Entry);
  control.hcxt = AllocSetContextCreate(parent, "converge watches", ALLOCSET_DEFAULT_SIZES);
  entries_ = hash_create("converge watches", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

BridgeSet WatchTable::watchers(uint64 document) const {
  const auto* entry =
      static_cast<const Entry*>(hash_search(entries_, &document, HASH_FIND, nullptr));

  return entry != nullptr ? entry->bridges : 0;
}

bool WatchTable::add(int bridge, uint64 document) {
  bool found;
  auto* entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_ENTER, &found));

  if (!found) entry->bridges = 0;
  const bool added = (entry->bridges & only(bridge)) == 0;
  entry->bridges |= only(bridge);
  return added;
}

bool WatchTable::remove(int bridge, uint64 document) {
  auto* entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_FIND, nullptr));

  if (entry == nullptr || (entry->bridges & only(bridge)) == 0) return false;
  entry->bridges &= ~only(bridge);
  if (entry->bridges == 0) hash_search(entries_, &document, HASH_REMOVE, nullptr);
  return true;
}

void WatchTable::remove_all(int bridge) {
  HASH_SEQ_STATUS scan;

  hash_seq_init(&scan, entries_);
  while (auto* entry = static_cast<Entry*>(hash_seq_search(&scan))) {
    entry->bridges &= ~only(bridge);
    if (entry->bridges == 0) hash_search(entries_, &entry->document, HASH_REMOVE, nullptr);
  }
}

}  // namespace converge::worker

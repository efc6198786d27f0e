// Which bridges watch which documents: one look-up for a change, however many
// bridges there are.
#pragma once

#include "worker/background/postgres_headers.h"
#include "worker/background/settings.h"

namespace converge::worker {

// A set of bridges, by their index.
using BridgeSet = uint64;
static_assert(kMaxBridges <= 64);

inline BridgeSet only(int bridge) { return BridgeSet{1} << bridge; }

class WatchTable {
 public:
  // Keeps itself in a child of `parent`.
  void create(MemoryContext parent);

  BridgeSet watchers(uint64 document) const;
  // False if the bridge watches the document already.
  bool add(int bridge, uint64 document);
  // False if it does not.
  bool remove(int bridge, uint64 document);
  void remove_all(int bridge);

 private:
  struct Entry {
    uint64 document;
    BridgeSet bridges;
  };

  HTAB* entries_;
};

}  // namespace converge::worker

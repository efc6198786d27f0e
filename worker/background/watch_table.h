// Which bridges watch which documents, and until when: one look-up for a change,
// however many bridges there are.
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
  // Keeps itself in a child of `parent`. A watch lasts `milliseconds` unless it is renewed.
  void create(MemoryContext parent, int milliseconds);

  // How long that is.
  int milliseconds() const { return milliseconds_; }

  BridgeSet watchers(uint64 document) const;
  // The bridges that watch a document of the tenant, and perhaps others: tenants
  // are told apart by a hash.
  BridgeSet tenant_watchers(const char* tenant, int length) const;

  // Begins a watch, or renews it. False if the bridge watches the document already.
  bool add(int bridge, uint64 document, const char* tenant, TimestampTz now);
  // False if it does not.
  bool remove(int bridge, uint64 document);
  void remove_all(int bridge);

  // A watch that was not renewed in time. False: there is none.
  bool expired(TimestampTz now, int* bridge, uint64* document) const;

 private:
  struct Lease;

  void append(Lease* lease);
  void take_out(Lease* lease);

  struct Entry {
    uint64 document;
    BridgeSet bridges;
  };
  // How long one bridge's watch of a document lasts.
  struct Lease {
    struct Key {
      uint64 document;
      int64 bridge;  // without padding, since it is hashed
    } key;
    Lease* before;  // in the order of their ends
    Lease* after;
    TimestampTz end;
    uint64 tenant;  // its hash
  };
  // How many documents of a tenant a bridge watches.
  struct TenantWatches {
    struct Key {
      uint64 tenant;
      int64 bridge;
    } key;
    int64 count;
  };

  int milliseconds_;  // of all, so that they end in the order in which they were renewed
  HTAB* entries_;
  HTAB* leases_;
  HTAB* tenants_;
  Lease* first_;
  Lease* last_;
};

}  // namespace converge::worker

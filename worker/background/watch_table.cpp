#include "worker/background/watch_table.h"

namespace converge::worker {
namespace {

HTAB* make_table(MemoryContext context, const char* name, Size key, Size entry) {
  HASHCTL control = {};

  control.keysize = key;
  control.entrysize = entry;
  control.hcxt = context;
  return hash_create(name, 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

uint64 hash_of(const char* tenant, int length) {
  return hash_bytes_extended(reinterpret_cast<const unsigned char*>(tenant), length, 0);
}

}  // namespace

void WatchTable::create(MemoryContext parent, int milliseconds) {
  MemoryContext context = AllocSetContextCreate(parent, "converge watches", ALLOCSET_DEFAULT_SIZES);

  entries_ = make_table(context, "converge watches", sizeof(uint64), sizeof(Entry));
  leases_ = make_table(context, "converge leases", sizeof(Lease::Key), sizeof(Lease));
  tenants_ = make_table(context, "converge tenants", sizeof(TenantWatches::Key), sizeof(TenantWatches));
  first_ = last_ = nullptr;
  milliseconds_ = milliseconds;
}

BridgeSet WatchTable::watchers(uint64 document) const {
  const auto* entry =
      static_cast<const Entry*>(hash_search(entries_, &document, HASH_FIND, nullptr));

  return entry != nullptr ? entry->bridges : 0;
}

BridgeSet WatchTable::tenant_watchers(const char* tenant, int length) const {
  TenantWatches::Key key = {hash_of(tenant, length), 0};
  BridgeSet bridges = 0;

  for (; key.bridge < kMaxBridges; key.bridge++)
    if (hash_search(tenants_, &key, HASH_FIND, nullptr) != nullptr)
      bridges |= only(static_cast<int>(key.bridge));
  return bridges;
}

bool WatchTable::add(int bridge, uint64 document, const char* tenant, TimestampTz now) {
  const Lease::Key key = {document, bridge};
  bool found;
  auto* lease = static_cast<Lease*>(hash_search(leases_, &key, HASH_ENTER, &found));

  if (found) take_out(lease);
  lease->end = TimestampTzPlusMilliseconds(now, milliseconds_);
  append(lease);
  if (found) return false;

  lease->tenant = hash_of(tenant, static_cast<int>(strlen(tenant)));
  const TenantWatches::Key tenant_key = {lease->tenant, bridge};
  auto* watches = static_cast<TenantWatches*>(hash_search(tenants_, &tenant_key, HASH_ENTER, &found));
  if (!found) watches->count = 0;
  watches->count++;
  auto* entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_ENTER, &found));
  if (!found) entry->bridges = 0;
  entry->bridges |= only(bridge);
  return true;
}

bool WatchTable::remove(int bridge, uint64 document) {
  const Lease::Key key = {document, bridge};
  auto* lease = static_cast<Lease*>(hash_search(leases_, &key, HASH_FIND, nullptr));

  if (lease == nullptr) return false;
  const TenantWatches::Key tenant_key = {lease->tenant, bridge};
  auto* watches = static_cast<TenantWatches*>(hash_search(tenants_, &tenant_key, HASH_FIND, nullptr));
  if (--watches->count == 0) hash_search(tenants_, &tenant_key, HASH_REMOVE, nullptr);
  take_out(lease);
  hash_search(leases_, &key, HASH_REMOVE, nullptr);

  auto* entry = static_cast<Entry*>(hash_search(entries_, &document, HASH_FIND, nullptr));
  entry->bridges &= ~only(bridge);
  if (entry->bridges == 0) hash_search(entries_, &document, HASH_REMOVE, nullptr);
  return true;
}

void WatchTable::remove_all(int bridge) {
  for (Lease* lease = first_; lease != nullptr;) {
    Lease* next = lease->after;

    if (lease->key.bridge == bridge) remove(bridge, lease->key.document);
    lease = next;
  }
}

bool WatchTable::expired(TimestampTz now, int* bridge, uint64* document) const {
  if (first_ == nullptr || first_->end > now) return false;
  *bridge = static_cast<int>(first_->key.bridge);
  *document = first_->key.document;
  return true;
}

void WatchTable::append(Lease* lease) {
  lease->before = last_;
  lease->after = nullptr;
  (last_ != nullptr ? last_->after : first_) = lease;
  last_ = lease;
}

void WatchTable::take_out(Lease* lease) {
  (lease->before != nullptr ? lease->before->after : first_) = lease->after;
  (lease->after != nullptr ? lease->after->before : last_) = lease->before;
}

}  // namespace converge::worker

#include "extension/security/token_cache.h"

#include <cstring>

#include "extension/documents/owned_table.h"
#include "extension/documents/relation_news.h"

extern "C" {
#include "commands/trigger.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(converge_forget_verified_tokens);
}

namespace converge {
namespace {

struct CachedToken {
  unsigned char hash[kTokenHashBytes];  // the key
  std::int64_t until;
  std::int64_t expires_at;
  // What it says: tenant, principal and permissions, each with its zero.
  const char* claims;
};

HTAB* cache = nullptr;
MemoryContext cache_context = nullptr;
// The tables that the cache rests on; invalid: it is empty.
Oid key_table = InvalidOid;
Oid revocation_table = InvalidOid;
// Something has changed since the cache was begun.
bool stale = false;
// Counts what has changed, as far as it was noticed.
std::uint64_t state = 0;

void note_invalidation(Oid table) {
  if (!OidIsValid(table) || table == key_table || table == revocation_table) stale = true;
}

void begin_anew() {
  if (cache_context == nullptr) {
    watch_relations(note_invalidation);
    cache_context = AllocSetContextCreate(TopMemoryContext, "converge verified tokens", ALLOCSET_DEFAULT_SIZES);
  }
  cache = nullptr;
  MemoryContextReset(cache_context);
  HASHCTL control{};
  control.keysize = kTokenHashBytes;
  control.entrysize = sizeof(CachedToken);
  control.hcxt = cache_context;
  HTAB* made = hash_create("converge verified tokens", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  key_table = owned_oid("jwt_key");
  revocation_table = owned_oid("revocation");
  // Last: what raises before that leaves no cache that would not hear of its tables.
  cache = made;
  // A cache that begins anew because it was full is no news.
  if (stale) state++;
  stale = false;
}

}  // namespace

bool find_cached_token(const unsigned char* hash, std::int64_t now, VerifiedToken* verified) {
  // What was committed before this moment counts.
  AcceptInvalidationMessages();
  if (cache == nullptr || stale) {
    begin_anew();
    return false;
  }
  const auto* found = static_cast<CachedToken*>(hash_search(cache, hash, HASH_FIND, nullptr));
  if (found == nullptr || found->until <= now) return false;
  const char* claim = found->claims;
  for (char* to : {verified->tenant, verified->principal}) {
    const std::size_t size = std::strlen(claim) + 1;
    std::memcpy(to, claim, size);
    claim += size;
  }
  verified->permissions = claim;
  verified->expires_at = found->expires_at;
  return true;
}

std::uint64_t token_state() {
  AcceptInvalidationMessages();
  if (cache == nullptr || stale) begin_anew();
  return state;
}

void cache_token(const unsigned char* hash, const VerifiedToken& verified, std::int64_t until) {
  // What changed while it was verified may not have been seen.
  if (stale) return;
  if (hash_get_num_entries(cache) >= kMaxCachedTokens ||
      MemoryContextMemAllocated(cache_context, true) >= kMaxCacheBytes) {
    begin_anew();
  }
  const char* const claims[] = {verified.tenant, verified.principal, verified.permissions};
  std::size_t size = 0;
  for (const char* claim : claims) size += std::strlen(claim) + 1;
  auto* copy = static_cast<char*>(MemoryContextAlloc(cache_context, size));
  char* end = copy;
  for (const char* claim : claims) {
    const std::size_t length = std::strlen(claim) + 1;
    std::memcpy(end, claim, length);
    end += length;
  }
  bool found;
  auto* entry = static_cast<CachedToken*>(hash_search(cache, hash, HASH_ENTER, &found));
  entry->until = until;
  entry->expires_at = verified.expires_at;
  entry->claims = copy;
}

void invalidate_cached_tokens(Oid table) { CacheInvalidateRelcacheByRelid(table); }

}  // namespace converge

extern "C" PGDLLEXPORT Datum converge_forget_verified_tokens(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("forget_verified_tokens() was not called by a trigger")));
  }
  converge::invalidate_cached_tokens(RelationGetRelid(reinterpret_cast<TriggerData*>(fcinfo->context)->tg_relation));
  return Datum{0};
}

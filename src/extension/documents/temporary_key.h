// converge.temporary_key: clients' own names of documents whose keys the server
// makes, and the making of those keys.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"

namespace converge {

inline constexpr int kMaxTemporaryKeyBytes = 64;

// A name that a principal gave a document.
struct TemporaryKey {
  const char* tenant;
  std::int32_t collection;
  const char* principal;
  const char* key;
};

// The document that was made under the name, 0 if none was: as everything committed
// and the current transaction have it.
std::int64_t find_temporary_key(const TemporaryKey& name);

// Nobody else makes a document under the name until the transaction ends. Waits, as
// lock_timeout lets it, for who does.
void lock_temporary_key(const TemporaryKey& name);

// The document was made under the name, which nobody else can have taken.
void add_temporary_key(const TemporaryKey& name, std::int64_t document);

// Forgets names that were made before `moment` (a TimestampTz), at most `limit`; how many.
int forget_temporary_keys(std::int64_t moment, int limit);

// Whether a document may be made under a temporary key whose own parts are `key`:
// the server makes all others, and one at least. False: why not.
bool can_make_key(const Collection* collection, const char* key, const char** why);

// A key for a new row: what `key` leaves out, made by the columns' defaults under
// the caller's privileges. palloc'd. can_make_key() holds.
char* make_key(const Collection* collection, const char* key);

}  // namespace converge

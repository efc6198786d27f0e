// What a tenant and its principals may use: the server's settings, or a tenant's
// own row of converge.tenant_limit.
#pragma once

#include "extension/compat.h"

#include <cstdint>

namespace converge {

// 0: no limit.
struct Limits {
  std::int64_t tenant_documents;  // rows of tracked tables, deleted ones included
  std::int64_t tenant_bytes;      // of the log and its snapshots
  std::int64_t document_bytes;    // of a row's fields
  std::int64_t replicas;          // of one principal on one document
  std::int64_t tombstone_share;   // percent of a large text's encoding that is no visible text
  // A minute, of all that its clients ask but changes, and of changes.
  std::int64_t principal_requests;
  std::int64_t principal_changes;
  std::int64_t tenant_requests;
  std::int64_t tenant_changes;
  std::int64_t tenant_grants;
  std::int64_t tenant_members;  // memberships: a principal's in one role
};

// What a tenant has a number of.
enum class Counted : std::uint8_t { documents, grants, members };

// The tenant's limits. Kept by each backend until a row of the table changes.
Limits limits_of(const char* tenant);

// How many of them the tenant has: counted no further than to `most`, and anew after
// some seconds.
std::int64_t number_of(Counted what, const char* tenant, std::int64_t most);

// The tenant has one more than was counted; or one less, perhaps: that may be rolled
// back, so that what is counted in such a transaction holds only as long as it does.
void count_added(Counted what, const char* tenant);
void count_removed(Counted what, const char* tenant);

// The bytes of the tenant's log and snapshots, as the maintenance worker has measured
// them last.
std::int64_t bytes_of(const char* tenant);

// Measures the bytes of the tenants that have a limit on them, in the present
// transaction, for whom reading the log takes as long as it takes.
void measure_bytes();

}  // namespace converge

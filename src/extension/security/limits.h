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
};

// The tenant's limits. Kept by each backend until a row of the table changes.
Limits limits_of(const char* tenant);

// How many documents the tenant has, and bytes of log and snapshots. Documents are
// counted no further than to `most`, and anew after some seconds; bytes are as the
// maintenance worker has measured them last.
std::int64_t documents_of(const char* tenant, std::int64_t most);
std::int64_t bytes_of(const char* tenant);

// Measures the bytes of the tenants that have a limit on them, in the present
// transaction, for whom reading the log takes as long as it takes.
void measure_bytes();

// The tenant has one document more than was counted.
void count_document(const char* tenant);

}  // namespace converge

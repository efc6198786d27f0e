// converge.yjs_client: whose the Yjs clients are that have written to a document.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/owned_table.h"

namespace converge {

// The principal that first wrote to the document under the client identifier, in
// CurrentMemoryContext; null: nobody.
const char* find_yjs_client(Relation table, const char* tenant, std::int64_t document, std::int64_t client);

// The client is the principal's. It was nobody's; the caller holds the document's
// row lock.
void bind_yjs_client(OwnedTable* table, const char* tenant, std::int64_t document, std::int64_t client,
                     const char* principal);

}  // namespace converge

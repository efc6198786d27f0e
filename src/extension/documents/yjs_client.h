// converge.yjs_client: whose the Yjs clients are that have written to a document.
// Everybody who writes structs to a ydoc notes their clients there, so that a client
// without a row is one of which the document has nothing.
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/documents/owned_table.h"
#include "extension/documents/payload.h"

namespace converge {

// The clients of which a ydoc has structs, ascending, in CurrentMemoryContext.
struct YjsClients {
  const std::int64_t* clients;
  int count;

  bool has(std::int64_t client) const;
};
YjsClients yjs_clients_of(std::string_view state);

// The principal that first wrote to the document under the client identifier, in
// CurrentMemoryContext; empty: SQL has, and no principal yet; null: nobody has.
const char* find_yjs_client(Relation table, const char* tenant, std::int64_t document, std::int64_t client);

// The client is the principal's, for the next command. It was no principal's; the caller
// holds the document's row lock.
void bind_yjs_client(OwnedTable* table, const char* tenant, std::int64_t document, std::int64_t client,
                     const char* principal);

// Notes the clients of what SQL wrote. The caller holds the document's row lock.
void note_yjs_clients(const char* tenant, std::int64_t document, const Payload& payload);

}  // namespace converge

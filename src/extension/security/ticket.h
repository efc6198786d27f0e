// Tickets: subscribe() proves to the stream worker, without the worker asking
// anybody, that a client was allowed to read a document a moment ago.
//
// A ticket names database, tenant, document and its end, and is signed
// (HMAC-SHA256) with a secret that is drawn when the server starts and lives in
// shared memory only.
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "extension/security/identity.h"

namespace converge {

inline constexpr int kTicketLifetimeSeconds = 60;
inline constexpr std::size_t kTicketMacBytes = 32;

struct Ticket {
  Oid database;
  std::int64_t document;
  std::int64_t expires_at;  // microseconds since 1970
  char tenant[kMaxTenantBytes + 1];
};

// Whether this server can sign and check tickets: converge is in
// shared_preload_libraries.
bool tickets_available();

// Raises 55000 where it cannot.
void require_tickets();

// A signed ticket for the current database, in CurrentMemoryContext.
struct varlena* sign_ticket(const char* tenant, std::int64_t document);

// Whether `bytes` is a ticket of this server, for the current database, that
// has not ended. Never raises.
bool check_ticket(std::string_view bytes, Ticket* ticket);

}  // namespace converge

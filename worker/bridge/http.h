// HTTP on the listening socket: the page's files, the health checks, the
// metrics, and the ways into WebSocket at /sync and /yjs and into the SQL box.
#pragma once

#include <memory>

#include "connection.h"

namespace converge::bridge {

// What a new connection speaks.
std::unique_ptr<Protocol> make_http(Connection& connection);

}  // namespace converge::bridge

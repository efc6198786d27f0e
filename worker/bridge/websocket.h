// A session's messages over WebSocket (RFC 6455).
#pragma once

#include <memory>

#include "connection.h"
#include "websocket_handshake.h"

namespace converge::bridge {

// Speaks on a connection whose upgrade was agreed on.
std::unique_ptr<Protocol> make_websocket(Connection& connection, const Handshake& handshake);

}  // namespace converge::bridge

// A conversation's messages over WebSocket (RFC 6455).
#pragma once

#include <functional>
#include <memory>

#include "connection.h"
#include "conversation.h"
#include "websocket_handshake.h"

namespace converge::bridge {

// Makes the conversation that a transport is to carry.
using Converse = std::function<std::shared_ptr<Conversation>(Transport&)>;

// Speaks on a connection whose upgrade was agreed on.
std::unique_ptr<Protocol> make_websocket(Connection& connection, const Handshake& handshake, const Converse& converse);

}  // namespace converge::bridge

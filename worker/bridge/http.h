// HTTP on the listening socket: the page's files, the health checks, and the
// way into WebSocket at /sync.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <memory>

#include "connections.h"

namespace converge::bridge {

class Worker;

// Serves the connection until it ends. `place` is kept for as long.
void serve_http(Worker& worker, boost::asio::ip::tcp::socket socket, std::unique_ptr<Connections::Place> place);

}  // namespace converge::bridge

// A session's messages over WebSocket (RFC 6455), by Boost.Beast.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <string>

#include "async.h"

namespace converge::bridge {

class Worker;

// Accepts the upgrade and runs the session until the connection ends.
awaitable<void> serve_websocket(Worker& worker, boost::beast::tcp_stream stream,
                                boost::beast::http::request<boost::beast::http::empty_body> request,
                                std::string peer);

}  // namespace converge::bridge

// The opening handshake (RFC 6455, 4.2), the server's side.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <optional>
#include <string>
#include <vector>

namespace converge::bridge {

using HttpRequest = boost::beast::http::request<boost::beast::http::empty_body>;

// Whether the request asks to become a WebSocket, well-formed or not.
bool asks_for_websocket(const HttpRequest& request);

struct Handshake {
  std::string problem;     // what is wrong with the request: 400, or 426 if:
  bool bad_version = false;
  std::string accept;      // Sec-WebSocket-Accept
  std::optional<std::string> extensions;  // Sec-WebSocket-Extensions of the answer
  std::vector<std::string> protocols;     // the subprotocols that the client offers
};

// `offer_deflate`: whether permessage-deflate may be agreed on.
Handshake check_handshake(const HttpRequest& request, bool offer_deflate);

}  // namespace converge::bridge

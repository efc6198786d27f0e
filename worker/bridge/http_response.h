// What the bridge answers over HTTP, with the headers that all answers have.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "websocket_handshake.h"

namespace converge::bridge {

// A client that takes fewer bytes of an answer in a second keeps its place no longer
// than one that takes as many.
inline constexpr std::size_t kSlowestReader = std::size_t{16} << 10;

using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

HttpResponse respond(const HttpRequest& request, boost::beast::http::status status, std::string_view type,
                     std::string body);
// A line of text.
HttpResponse plain(const HttpRequest& request, boost::beast::http::status status, std::string_view text);

// Its bytes, to be sent.
std::shared_ptr<const std::string> bytes_of(const HttpResponse& response);

}  // namespace converge::bridge

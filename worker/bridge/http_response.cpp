#include "http_response.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <sstream>
#include <utility>

#include "version.h"

namespace converge::bridge {

namespace {

namespace http = boost::beast::http;

// The page runs its own scripts and the core's WebAssembly, and talks to where
// it came from; nothing else.
constexpr std::string_view kContentPolicy =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

}  // namespace

HttpResponse respond(const HttpRequest& request, http::status status, std::string_view type, std::string body) {
  HttpResponse response(status, request.version());
  response.set(http::field::server, "converge-bridge/" CONVERGE_VERSION);
  response.set(http::field::content_type, type);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("X-Frame-Options", "DENY");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Content-Security-Policy", kContentPolicy);
  response.set(http::field::cache_control, "no-cache");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();  // the length stays
  return response;
}

HttpResponse plain(const HttpRequest& request, http::status status, std::string_view text) {
  return respond(request, status, "text/plain; charset=utf-8", std::string(text) + "\n");
}

std::shared_ptr<const std::string> bytes_of(const HttpResponse& response) {
  std::ostringstream bytes;
  bytes << response;
  return std::make_shared<const std::string>(std::move(bytes).str());
}

}  // namespace converge::bridge

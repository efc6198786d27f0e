#include "http.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "log.h"
#include "static_files.h"
#include "version.h"
#include "websocket.h"
#include "worker.h"

namespace converge::bridge {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr std::uint32_t kLongestHeader = 16 << 10;

// The page runs its own scripts and the core's WebAssembly, and talks to where
// it came from; nothing else.
constexpr std::string_view kContentPolicy =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

Response respond(const Request& request, http::status status, std::string_view type, std::string body) {
  Response response(status, request.version());
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

Response plain(const Request& request, http::status status, std::string_view text) {
  return respond(request, status, "text/plain; charset=utf-8", std::string(text) + "\n");
}

Response answer(Worker& worker, const Request& request) {
  std::string_view target(request.target().data(), request.target().size());
  std::string_view path = target.substr(0, target.find('?'));
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response response = plain(request, http::status::method_not_allowed, "only GET and HEAD are served");
    response.set(http::field::allow, "GET, HEAD");
    return response;
  }
  if (path == "/healthz") return plain(request, http::status::ok, "ok");
  if (path == "/readyz") {
    if (worker.ready()) return plain(request, http::status::ok, "ready");
    return plain(request, http::status::service_unavailable,
                 worker.draining() ? "shutting down" : "no connection to the database or its background worker");
  }
  if (path == "/sync") {
    Response response = plain(request, http::status::upgrade_required, "this is a WebSocket endpoint");
    response.set(http::field::upgrade, "websocket");
    return response;
  }
  const std::string& root = worker.config().web;
  if (root.empty()) return plain(request, http::status::not_found, "not found");
  auto file = find_static_file(root, target);
  if (!file) return plain(request, http::status::not_found, "not found");
  if (request[http::field::if_none_match] == file->etag) {
    Response response = respond(request, http::status::not_modified, file->type, "");
    response.set(http::field::etag, file->etag);
    return response;
  }
  Response response = respond(request, http::status::ok, file->type, std::move(file->content));
  response.set(http::field::etag, file->etag);
  return response;
}

bool is_sync(const Request& request) {
  auto target = request.target();
  return std::string_view(target.data(), target.find('?') == beast::string_view::npos ? target.size() : target.find('?')) ==
         "/sync";
}

awaitable<void> serve(Worker& worker, beast::tcp_stream stream,
                      [[maybe_unused]] std::unique_ptr<Connections::Place> place,  // held until the end
                      std::string peer) {
  beast::flat_buffer buffer(kLongestHeader * 2);
  try {
    for (;;) {
      stream.expires_after(worker.config().handshake_timeout);
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kLongestHeader);
      boost::system::error_code error;
      co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error == http::error::end_of_stream) break;
      if (error && error.category() == http::make_error_code(http::error::bad_method).category()) {
        Request request;
        request.version(11);
        request.keep_alive(false);
        Response response = plain(request, http::status::bad_request, "bad request: " + error.message());
        co_await http::async_write(stream, response, asio::use_awaitable);
        break;
      }
      if (error) co_return;  // gone, or too slow

      Request request = parser.release();
      if (beast::websocket::is_upgrade(request) && is_sync(request)) {
        stream.expires_never();
        co_await serve_websocket(worker, std::move(stream), std::move(request), std::move(peer));
        co_return;
      }
      Response response = answer(worker, request);
      co_await http::async_write(stream, response, asio::use_awaitable);
      if (!response.keep_alive()) break;
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  } catch (const boost::system::system_error& error) {
    log(Severity::debug, "lost ", peer, ": ", error.code().message());
  }
}

}  // namespace

void serve_http(Worker& worker, tcp::socket socket, std::unique_ptr<Connections::Place> place) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto remote = socket.remote_endpoint(ignored);
  std::string peer = remote.address().to_string() + ":" + std::to_string(remote.port());
  start(worker.io(), serve(worker, beast::tcp_stream(std::move(socket)), std::move(place), std::move(peer)));
}

}  // namespace converge::bridge

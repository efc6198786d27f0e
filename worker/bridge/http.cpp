#include "http.h"

#include <boost/asio/ip/address.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <optional>

#include "http_response.h"
#include "log.h"
#include "session.h"
#include "sql_box.h"
#include "static_files.h"
#include "version.h"
#include "websocket.h"
#include "websocket_handshake.h"
#include "worker.h"
#include "yjs_request.h"
#include "yjs_session.h"

namespace converge::bridge {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Request = HttpRequest;
using Response = HttpResponse;

constexpr std::uint32_t kLongestHeader = 16 << 10;

// What a request is answered with: the body, where it is a file, is shared.
struct Answer {
  Response head;
  Bytes file;
};

std::string_view path_of(const Request& request) {
  std::string_view target(request.target().data(), request.target().size());
  return target.substr(0, target.find('?'));
}

// Not for everybody: how much goes on here is the operator's business. A proxy
// on this host speaks for others, and says so.
bool may_see_metrics(const Connection& connection, const Config& config, const Request& request) {
  if (config.metrics != MetricsAccess::local) return config.metrics == MetricsAccess::all;
  return connection.is_local() && request.count(http::field::forwarded) == 0 && request.count("X-Forwarded-For") == 0 &&
         request.count(http::field::via) == 0;
}

Answer answer(Connection& connection, const Request& request) {
  Worker& worker = connection.worker();
  std::string_view target(request.target().data(), request.target().size());
  std::string_view path = path_of(request);
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response response = plain(request, http::status::method_not_allowed, "only GET and HEAD are served");
    response.set(http::field::allow, "GET, HEAD");
    return {std::move(response), {}};
  }
  if (path == "/healthz") return {plain(request, http::status::ok, "ok"), {}};
  if (path == "/readyz") {
    if (worker.ready()) return {plain(request, http::status::ok, "ready"), {}};
    return {plain(request, http::status::service_unavailable,
                  worker.draining() ? "shutting down" : "no connection to the database, or no stream of changes"),
            {}};
  }
  if (path == "/metrics" && may_see_metrics(connection, worker.config(), request))
    return {respond(request, http::status::ok, "text/plain; version=0.0.4; charset=utf-8", worker.metrics().text()), {}};
  if (path == "/sync" || is_yjs_path(path)) {
    Response response = plain(request, http::status::upgrade_required, "this is a WebSocket endpoint");
    response.set(http::field::upgrade, "websocket");
    return {std::move(response), {}};
  }
  if (path == kSqlPath && worker.sql_box() != nullptr) {
    Response response = plain(request, http::status::method_not_allowed, "a statement is sent by POST");
    response.set(http::field::allow, "POST");
    return {std::move(response), {}};
  }
  auto file = worker.files().find(target);
  if (!file) return {plain(request, http::status::not_found, "not found"), {}};
  const bool known = request[http::field::if_none_match] == file->etag;
  Response response = respond(request, known ? http::status::not_modified : http::status::ok, file->type, "");
  response.set(http::field::etag, file->etag);
  // So that a page can tell without asking for what may not be there, which browsers log as an error.
  if (worker.sql_box() != nullptr) response.set("Converge-SQL-Box", "on");
  if (known) return {std::move(response), {}};
  response.content_length(file->content->size());
  if (request.method() == http::verb::head) file->content.reset();  // the length stays
  return {std::move(response), std::move(file->content)};
}

class Http final : public Protocol {
 public:
  explicit Http(Connection& connection) : connection_(connection), began_(connection.last_life()) {}

  // A request at a time: the next is looked at when the client has taken the answer to
  // this one.
  bool wants_bytes() const override { return !last_ && connection_.queued_bytes() == 0; }

  std::size_t on_bytes(std::span<char> bytes) override {
    std::string_view text(bytes.data(), bytes.size());
    std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (text.size() > kLongestHeader) refuse("bad request: the header is too long");
      return 0;
    }
    end += 4;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kLongestHeader);
    parser.eager(false);
    parser.body_limit(boost::none);  // no body is read here
    boost::system::error_code error;
    parser.put(asio::buffer(text.data(), end), error);
    if (!error && !parser.is_header_done()) error = http::error::partial_message;
    if (error) {
      refuse("bad request: " + error.message());
      return end;
    }
    std::optional<std::uint64_t> body_length;  // none: it is not known, or there is none
    if (!parser.chunked() && parser.content_length()) body_length = *parser.content_length();
    bool has_body = parser.chunked() || parser.content_length().value_or(0) != 0;
    Request request = parser.release();
    if (asks_for_websocket(request)) {
      if (path_of(request) == "/sync") {
        upgrade(request);
        return end;
      }
      if (is_yjs_path(path_of(request))) {
        upgrade_yjs(request);
        return end;
      }
    }
    SqlBox* const box = connection_.worker().sql_box();
    if (box != nullptr && request.method() == http::verb::post && path_of(request) == kSqlPath) {
      if (!check_origin(request)) return end;
      connection_.become(make_sql_request(connection_, *box, std::move(request), body_length));
      return end;
    }
    if (has_body) request.keep_alive(false);  // which is not read
    Answer answer = bridge::answer(connection_, request);
    last_ = !answer.head.keep_alive();
    send(answer.head);
    if (answer.file) connection_.send(std::move(answer.file));
    began_ = std::chrono::steady_clock::now();
    answering_ = std::chrono::seconds(connection_.queued_bytes() / kSlowestReader);
    return end;
  }

  void on_tick(std::chrono::steady_clock::time_point now) override {
    const Config& config = connection_.worker().config();
    const bool answering = connection_.queued_bytes() != 0;
    if (now - began_ >= config.handshake_timeout + answering_)
      return connection_.abort(answering ? "it takes the answer too slowly" : "no request in time");
    if (answering && now - connection_.last_life() >= config.idle_timeout) connection_.abort("it does not take the answer");
  }

  void on_drained() override {
    began_ = std::chrono::steady_clock::now();
    answering_ = {};
    if (last_) return connection_.finish();
    connection_.resume();  // and perhaps becomes a WebSocket, which ends this object
  }

  void on_ended(const std::string&) override {}

 private:
  void send(const Response& response) {
    connection_.send(bytes_of(response));
  }

  void turn_away(TurnedAway why) { connection_.worker().metrics().rejections(why).Increment(); }

  void refuse(const std::string& why) {
    Request request;
    request.version(11);
    request.keep_alive(false);
    turn_away(TurnedAway::bad_request);
    send(plain(request, http::status::bad_request, why));
    connection_.finish();
  }

  // Whether the page that asks for a WebSocket may have one. False: it was told.
  bool check_origin(Request& request) {
    const auto origin = request[http::field::origin], host = request[http::field::host];
    if (may_connect(connection_.worker().config().origins, {origin.data(), origin.size()}, {host.data(), host.size()}))
      return true;
    request.keep_alive(false);
    turn_away(TurnedAway::origin);
    send(plain(request, http::status::forbidden, "pages of this origin may not connect"));
    connection_.finish();
    return false;
  }

  void upgrade(Request& request) {
    if (!check_origin(request)) return;
    Handshake handshake = check_handshake(request, connection_.worker().config().compress != Compress::off);
    agree(request, handshake, {}, [this](Transport& transport) {
      return std::make_shared<Session>(connection_.worker().services(), transport, connection_.peer());
    });
  }

  void upgrade_yjs(Request& request) {
    if (!check_origin(request)) return;
    Handshake handshake = check_handshake(request, connection_.worker().config().compress != Compress::off);
    YjsRequest asked = read_yjs_request({request.target().data(), request.target().size()}, handshake.protocols);
    if (handshake.problem.empty() && !handshake.protocols.empty() && asked.protocol.empty())
      handshake.problem = "of the subprotocols offered only " + std::string(kYjsProtocol) + " is spoken here";
    agree(request, handshake, asked.protocol, [&](Transport& transport) {
      return make_yjs_session(connection_.worker().services(), transport, connection_.peer(), std::move(asked));
    });
  }

  void agree(Request& request, const Handshake& handshake, std::string_view protocol, const Converse& converse) {
    if (!handshake.problem.empty()) {
      request.keep_alive(false);
      auto status = handshake.bad_version ? http::status::upgrade_required : http::status::bad_request;
      Response response = plain(request, status, handshake.problem);
      if (handshake.bad_version) {
        response.set(http::field::upgrade, "websocket");
        response.set(http::field::sec_websocket_version, "13");
      }
      turn_away(TurnedAway::bad_request);
      send(response);
      connection_.finish();
      return;
    }
    std::string response =
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Server: converge-bridge/" CONVERGE_VERSION "\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " + handshake.accept + "\r\n";
    if (handshake.extensions) response += "Sec-WebSocket-Extensions: " + *handshake.extensions + "\r\n";
    if (!protocol.empty()) response.append("Sec-WebSocket-Protocol: ").append(protocol) += "\r\n";
    connection_.send(std::make_shared<const std::string>(std::move(response) + "\r\n"));
    connection_.become(make_websocket(connection_, handshake, converse));
  }

  Connection& connection_;
  Connection::Time began_;  // the connection, the answer that it is being sent, or the wait for its next request
  std::chrono::seconds answering_{0};  // what that answer may take, beside the time for a request
  bool last_ = false;                  // that answer is
};

}  // namespace

std::unique_ptr<Protocol> make_http(Connection& connection) { return std::make_unique<Http>(connection); }

}  // namespace converge::bridge

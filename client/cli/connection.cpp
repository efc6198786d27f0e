#include "connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <stdexcept>

namespace converge::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

constexpr std::chrono::seconds kConnectTimeout{10};
// The versions of the protocol that this client speaks.
constexpr std::uint32_t kOldestProtocol = 1;
constexpr std::uint32_t kNewestProtocol = 2;

// A state may be large; the bridge's own bound is the one that counts.
constexpr std::size_t kMaxMessage = std::size_t{1} << 30;

}  // namespace

Target parse_url(const std::string& url) {
  constexpr std::string_view scheme = "ws://";
  if (url.rfind(scheme, 0) != 0)
    throw std::invalid_argument("the URL must begin with ws://: " + url);
  const std::string rest = url.substr(scheme.size());
  const std::size_t slash = rest.find('/');
  const std::string authority = rest.substr(0, slash);
  Target target;
  target.path = slash == std::string::npos ? "/" : rest.substr(slash);
  if (target.path == "/") target.path = "/sync";
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string::npos || authority.back() == ']') {
    target.host = authority;
    target.port = "80";
  } else {
    target.host = authority.substr(0, colon);
    target.port = authority.substr(colon + 1);
  }
  if (target.host.size() > 2 && target.host.front() == '[' && target.host.back() == ']')
    target.host = target.host.substr(1, target.host.size() - 2);
  if (target.host.empty() || target.port.empty())
    throw std::invalid_argument("the URL names no host: " + url);
  return target;
}

DocumentName parse_document(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size())
    throw std::invalid_argument("a document is written COLLECTION/KEY, not \"" + name + "\"");
  return {name.substr(0, slash), name.substr(slash + 1)};
}

Connection::Connection(asio::io_context& io) : io_(io), socket_(io) {}

asio::awaitable<wire::Welcome> Connection::open(Target target, std::string token,
                                                std::uint64_t epoch,
                                                std::optional<wire::ClientMessage> first) {
  asio::ip::tcp::resolver resolver(io_);
  const auto endpoints =
      co_await resolver.async_resolve(target.host, target.port, asio::use_awaitable);
  auto& tcp = beast::get_lowest_layer(socket_);
  tcp.expires_after(kConnectTimeout);
  co_await tcp.async_connect(endpoints, asio::use_awaitable);
  tcp.socket().set_option(asio::ip::tcp::no_delay(true));
  tcp.expires_never();  // from here on the WebSocket has timeouts of its own
  socket_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
  socket_.read_message_max(kMaxMessage);
  socket_.binary(true);
  co_await socket_.async_handshake(target.host + ":" + target.port, target.path,
                                   asio::use_awaitable);

  wire::ClientMessage hello;
  hello.mutable_hello()->set_protocol(kOldestProtocol);
  hello.mutable_hello()->set_newest_protocol(kNewestProtocol);
  hello.mutable_hello()->set_token(token);
  hello.mutable_hello()->set_epoch(epoch);
  hello.mutable_hello()->set_client("converge-cli/0.1");
  send(hello);
  if (first) send(*first);
  wire::ServerMessage answer = co_await read();
  if (answer.has_problem()) {
    const wire::Code code = answer.problem().code();
    const std::string why = wire::Code_Name(code) + ": " + answer.problem().message();
    if (code == wire::CODE_UNAVAILABLE || code == wire::CODE_LIMIT) throw NotNow(why);
    throw std::runtime_error(why);
  }
  if (!answer.has_welcome()) throw std::runtime_error("the bridge did not answer with a welcome");
  co_return answer.welcome();
}

asio::awaitable<wire::ServerMessage> Connection::read() {
  beast::flat_buffer buffer;
  co_await socket_.async_read(buffer, asio::use_awaitable);
  bytes_received_ += buffer.size();
  wire::ServerMessage message;
  if (!message.ParseFromArray(buffer.data().data(), static_cast<int>(buffer.size())))
    throw std::runtime_error("the bridge sent a message that is not protobuf");
  co_return message;
}

void Connection::send(const wire::ClientMessage& message) {
  queue_.push_back(message.SerializeAsString());
  if (writing_) return;
  writing_ = true;
  asio::co_spawn(io_, write_queue(shared_from_this()), asio::detached);
}

// Takes a share, so that the connection outlives a write that is under way.
asio::awaitable<void> Connection::write_queue(std::shared_ptr<Connection> self) {
  try {
    while (!self->queue_.empty()) {
      self->bytes_sent_ += self->queue_.front().size();
      co_await self->socket_.async_write(asio::buffer(self->queue_.front()), asio::use_awaitable);
      self->queue_.pop_front();
    }
  } catch (const boost::system::system_error&) {
    self->queue_.clear();
    beast::get_lowest_layer(self->socket_).cancel();  // read() tells the caller
  }
  self->writing_ = false;
}

void Connection::abort() { beast::get_lowest_layer(socket_).close(); }

}  // namespace converge::cli

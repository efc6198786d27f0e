#include "worker.h"

#include "http.h"
#include "log.h"

namespace converge::bridge {

namespace {

using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

Worker::Worker(const Config& config, Connections& connections)
    : config_(config),
      connections_(connections),
      database_(io_, config, config.database_connections),
      access_(database_),
      link_(io_, config, database_),
      hub_(io_, config, access_, link_),
      pusher_(io_, config),
      acceptor_(io_) {}

std::uint16_t Worker::listen(const std::string& address, std::uint16_t port) {
  tcp::resolver resolver(io_);
  tcp::endpoint endpoint = *resolver.resolve(address, std::to_string(port), tcp::resolver::passive).begin();
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  if (config_.workers > 1) acceptor_.set_option(ReusePort(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
  return acceptor_.local_endpoint().port();
}

void Worker::run() {
  start(io_, accept());
  start(io_, recheck());
  start(io_, link_.run(hub_));
  start(io_, pusher_.run());
  io_.run();
}

awaitable<void> Worker::accept() {
  bool warned = false;
  while (!draining_) {
    boost::system::error_code error;
    tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, say: leave some time to get better
      log(Severity::error, "cannot accept a connection: ", error.message());
      co_await sleep_for(io_, kAcceptPause);
      continue;
    }
    auto peer = socket.remote_endpoint(error);
    if (error) continue;
    auto place = connections_.enter(peer.address().to_string());
    if (!place) {
      if (!warned) log(Severity::warning, "too many connections; refused one from ", peer.address().to_string());
      warned = true;
      continue;
    }
    warned = false;
    serve_http(*this, std::move(socket), std::move(place));
  }
}

// Spreads the checks over the interval, so that they are a trickle.
awaitable<void> Worker::recheck() {
  while (!draining_) {
    std::vector<std::weak_ptr<Session>> sessions;
    for (Session* session : sessions_)
      if (session->identified()) sessions.push_back(session->weak_from_this());
    auto step = config_.recheck_interval / (sessions.size() + 1);
    for (auto& weak : sessions) {
      co_await sleep_for(io_, step);
      if (draining_) co_return;
      if (auto session = weak.lock()) co_await session->recheck();
    }
    co_await sleep_for(io_, step);
  }
}

void Worker::request_drain() {
  asio::post(io_, [this] {
    if (draining_) return;
    draining_ = true;
    start(io_, drain());
  });
}

// No new connections, no new messages; what was pushed is committed and
// acknowledged; then the clients are sent away.
awaitable<void> Worker::drain() {
  constexpr std::chrono::milliseconds kTurn{20};
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (Session* session : sessions_) session->stop_reading();
  auto deadline = std::chrono::steady_clock::now() + config_.drain_timeout;
  while (!pusher_.idle() && std::chrono::steady_clock::now() < deadline) co_await sleep_for(io_, kTurn);
  std::vector<Session*> sessions(sessions_.begin(), sessions_.end());
  for (Session* session : sessions)
    session->end(wire::CODE_UNAVAILABLE, "the bridge is shutting down", CloseCode::going_away);
  while (!sessions_.empty() && std::chrono::steady_clock::now() < deadline) co_await sleep_for(io_, kTurn);
  if (!sessions_.empty()) log(Severity::warning, sessions_.size(), " clients were cut off");
  pusher_.stop();
  link_.stop();
  io_.stop();
}

}  // namespace converge::bridge

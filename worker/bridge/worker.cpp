#include "worker.h"

#include <algorithm>

#include "http.h"
#include "log.h"
#include "replication_source.h"
#include "sampler.h"
#include "worker_link.h"

namespace converge::bridge {

namespace {

using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::chrono::milliseconds kAcceptPause{100};
// Of the connections that there may be, one in so many may be held back at its close.
constexpr unsigned kHeldShare = 10;
constexpr std::size_t kReadBuffer = 64 << 10;
// For so long is written before anything else has its turn.
constexpr std::chrono::microseconds kWritesAtOnce{500};
// Timeouts are looked at so often.
constexpr Milliseconds kLongestTick{1000};
constexpr Milliseconds kShortestTick{20};

std::unique_ptr<ChangeSource> make_source(asio::io_context& io, const Config& config, DatabasePool& database,
                                          Metrics& metrics, PresenceRelay& relay, unsigned index) {
  if (config.source == Source::worker) return std::make_unique<WorkerLink>(io, database, metrics, config.worker_timeout);
  return std::make_unique<ReplicationSource>(io, config, database, metrics, relay, index);
}

}  // namespace

Worker::Worker(const Config& config, Connections& connections, RateLimiter& rates, Metrics& metrics, const Tls& tls,
               PresenceRelay& relay, SqlBoxPlaces& sql_box_places, unsigned index)
    : config_(config),
      connections_(connections),
      rates_(rates),
      database_(io_, config, config.database_connections),
      access_(database_),
      gather_window_(io_, config.gather),
      source_(make_source(io_, config, database_, metrics, relay, index)),
      hub_(io_, config, access_, *source_, gather_window_, metrics),
      pusher_(io_, config, gather_window_, metrics),
      files_(config.web),
      metrics_(metrics),
      close_delays_(config.close_delay, config.max_connections / (kHeldShare * config.workers)),
      tls_(tls),
      acceptor_(io_),
      read_buffer_(kReadBuffer) {
  if (!config.sql_box.empty()) sql_box_.emplace(io_, config, access_, rates, metrics, sql_box_places);
  gather_window_.at_end([this] { hub_.send_gathered(); }, [this] {
    due_ = to_flush_.size();
    if (!writing_) write_due();
  });
}

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
  start(io_, tick());
  if (samples_) start(io_, sample_database(io_, config_, database_, metrics_));
  start(io_, source_->run(hub_));
  start(io_, hub_.run());
  start(io_, hub_.presence().run());
  pusher_.run();
  io_.run();
}

awaitable<void> Worker::accept() {
  bool warned = false;
  while (!draining_) {
    boost::system::error_code error;
    TcpSocket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, say: leave some time to get better
      log(Severity::error, "cannot accept a connection: ", error.message());
      co_await sleep_for(io_, kAcceptPause);
      continue;
    }
    auto peer = socket.remote_endpoint(error);
    if (error) continue;
    TurnedAway why{};
    auto place = connections_.enter(peer.address().to_string(), &why);
    if (!place) {
      metrics_.rejections(why).Increment();
      if (!warned) log(Severity::warning, "too many connections; refused one from ", peer.address().to_string());
      warned = true;
      continue;
    }
    warned = false;
    std::string name = peer.address().to_string() + ":" + std::to_string(peer.port());
    auto connection = std::make_shared<Connection>(*this, Stream(std::move(socket), tls_.context().get()), std::move(place),
                                                   std::move(name), peer.address().is_loopback());
    connection->start(make_http(*connection));
  }
}

void Worker::add(std::shared_ptr<Connection> connection) {
  Connection* key = connection.get();
  connected_[key] = std::move(connection);
  metrics_.connections.Increment();
  metrics_.connections_total.Increment();
}

void Worker::remove(Connection& connection) {
  connected_.erase(&connection);
  metrics_.connections.Decrement();
}

void Worker::flush_later(std::shared_ptr<Connection> connection) {
  gather_window_.end_turn_later();
  to_flush_.push_back(std::move(connection));
}

// To write to a thousand clients takes longer than a call of converge.push(): after some,
// what has come is read, so that the database does not wait for its next call.
void Worker::write_due() {
  const auto end = std::chrono::steady_clock::now() + kWritesAtOnce;
  while (due_ > 0) {
    const auto connection = std::move(to_flush_.front());
    to_flush_.pop_front();
    --due_;
    connection->flush();
    if (std::chrono::steady_clock::now() >= end) break;
  }
  writing_ = due_ > 0;
  if (writing_) asio::post(io_, [this] { write_due(); });
}

// One timer for all connections, because most of the time most of them wait
// for nothing.
awaitable<void> Worker::tick() {
  auto shortest = std::min(config_.handshake_timeout, config_.idle_timeout / 2);
  auto pause = std::clamp(Milliseconds(shortest / 8), kShortestTick, kLongestTick);
  double queued_before = 0;
  double gathering_before = 0;
  for (;;) {
    co_await sleep_for(io_, pause);
    auto now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Connection>> connections;
    connections.reserve(connected_.size());
    double queued = 0;
    for (auto& [key, connection] : connected_) {
      connections.push_back(connection);
      queued += static_cast<double>(connection->queued_bytes());
    }
    metrics_.send_queue_bytes.Increment(queued - queued_before);
    queued_before = queued;
    const double gathering = std::chrono::duration<double>(gather_window_.window()).count();
    metrics_.gather_window_seconds.Increment(gathering - gathering_before);
    gathering_before = gathering;
    for (auto& connection : connections) connection->tick(now);
  }
}

void Worker::add(Conversation& conversation) {
  // Not later than an interval from now, and those that come together not all at once.
  const auto latest = config_.recheck_interval.count();
  const auto due = std::chrono::steady_clock::now() +
                   Milliseconds(std::uniform_int_distribution<Milliseconds::rep>(latest / 2, latest)(random_));
  conversations_[&conversation] = due;
  checks_.insert({due, &conversation});
}

void Worker::remove(Conversation& conversation) {
  const auto found = conversations_.find(&conversation);
  if (found == conversations_.end()) return;
  checks_.erase({found->second, &conversation});
  conversations_.erase(found);
}

// Each conversation once in an interval.
awaitable<void> Worker::recheck() {
  // A newcomer's first check is not sooner.
  const auto longest = std::max(std::chrono::steady_clock::duration(config_.recheck_interval / 2),
                                std::chrono::steady_clock::duration(kShortestTick));
  while (!draining_) {
    const auto now = std::chrono::steady_clock::now();
    if (checks_.empty() || checks_.begin()->first > now) {
      co_await sleep_for(io_, checks_.empty() ? longest : std::min(longest, checks_.begin()->first - now));
      continue;
    }
    Conversation* conversation = checks_.begin()->second;
    checks_.erase(checks_.begin());
    const auto due = now + config_.recheck_interval;
    conversations_[conversation] = due;
    checks_.insert({due, conversation});
    if (!conversation->identified()) continue;
    if (auto kept = conversation->weak().lock()) co_await kept->recheck();
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
  for (const auto& [conversation, due] : conversations_) conversation->stop_reading();
  auto deadline = std::chrono::steady_clock::now() + config_.drain_timeout;
  auto idle = [&] { return pusher_.idle() && (!sql_box_ || sql_box_->idle()); };
  while (!idle() && std::chrono::steady_clock::now() < deadline) co_await sleep_for(io_, kTurn);
  std::vector<Conversation*> conversations;
  for (const auto& [conversation, due] : conversations_) conversations.push_back(conversation);
  for (Conversation* conversation : conversations)
    conversation->end(wire::CODE_UNAVAILABLE, "the bridge is shutting down", CloseCode::going_away);
  while (!conversations_.empty() && std::chrono::steady_clock::now() < deadline) co_await sleep_for(io_, kTurn);
  if (!conversations_.empty()) log(Severity::warning, conversations_.size(), " clients were cut off");
  pusher_.stop();
  source_->stop();
  io_.stop();
}

}  // namespace converge::bridge

#include "document_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "session_wire.h"

namespace converge::cli {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto kFirstPause = 50ms;
constexpr auto kLongestPause = 5s;
constexpr auto kResendPause = 500ms;
constexpr auto kRenewalPause = 1s;
// Between repetitions, until the bridge has said how long a presence lasts.
constexpr std::chrono::milliseconds kPresencePause = 1s;
constexpr std::size_t kMaxPushBytes = 256 << 10;
// Changes that may be under way without a verdict.
constexpr std::uint64_t kMaxUnderWay = 1024;

template <typename T>
T check(Result<T> result) {
  if (!result) {
    const Error& error = result.error();
    throw std::runtime_error(error.detail.empty() ? error.message
                                                  : error.message + " (" + error.detail + ")");
  }
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace

DocumentClient::DocumentClient(asio::io_context& io, Options options, DocumentName name,
                               Events events)
    : io_(io),
      options_(std::move(options)),
      name_(std::move(name)),
      events_(std::move(events)),
      session_(draw_replica),
      pause_(io),
      changed_(io, Clock::time_point::max()),
      resend_(io),
      buffer_(io),
      renewal_(io),
      repeat_(io) {}

asio::awaitable<void> DocumentClient::run(FirstConnection first_connection) {
  bool first = first_connection == FirstConnection::must_succeed;
  auto pause = std::chrono::duration_cast<Clock::duration>(kFirstPause);
  while (!stopped_) {
    if (online_) {
      auto connection = std::make_shared<Connection>(io_);
      std::string why;
      try {
        co_await serve(connection);
      } catch (const boost::system::system_error& error) {
        if (first && !caught_up_ && online_ && !stopped_) {
          failure_ = error.code().message();
          changed();
          throw;
        }
        why = error.code().message();
      } catch (const NotNow& refusal) {
        if (first && !stopped_) {
          failure_ = refusal.what();
          changed();
          throw;
        }
        why = refusal.what();
      } catch (const std::runtime_error& error) {
        failure_ = error.what();
        changed();
        throw;
      }
      bytes_sent_before_ += connection->bytes_sent();
      connection_.reset();
      if (caught_up_) pause = kFirstPause;
      if (caught_up_ && events_.presences) events_.presences(nullptr);
      first = false;
      caught_up_ = false;
      changed();
      if (events_.disconnected && online_ && !stopped_) events_.disconnected(why);
    }
    if (stopped_) break;
    pause_.expires_after(online_ ? pause : Clock::duration(1h));
    pause = std::min<Clock::duration>(pause * 2, kLongestPause);
    boost::system::error_code woken;
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

void DocumentClient::stop() {
  stopped_ = true;
  pause_.cancel();
  resend_.cancel();
  buffer_.cancel();
  renewal_.cancel();
  repeat_.cancel();
  if (connection_) connection_->abort();
}

void DocumentClient::set_online(bool online) {
  online_ = online;
  pause_.cancel();
  if (!online && connection_) connection_->abort();
}

asio::awaitable<void> DocumentClient::serve(std::shared_ptr<Connection> connection) {
  connection_ = connection;
  // What it lacks is asked for with the greeting; if the server turns out to be of another
  // epoch, the session will ask again.
  std::optional<wire::ClientMessage> first;
  if (!is_to_reconcile()) first = subscribe_request();
  const wire::Welcome welcome =
      co_await connection->open(parse_url(options_.url), token_ = read_token(options_), session_.epoch(), first);
  plan_renewal(std::chrono::milliseconds(welcome.token_ms()));
  on_epoch(welcome.epoch());
  // What has waited for long is offered as one change.
  if (is_to_reconcile()) session_.reconcile();
  peer_ = welcome.peer();
  presence_ms_ = std::chrono::milliseconds(welcome.presence_ms());
  sent_replica_ = 0;
  sent_seq_ = 0;
  subscribing_ = first.has_value();
  subscribe();
  while (true) {
    const wire::ServerMessage message = co_await connection->read();
    switch (message.message_case()) {
      case wire::ServerMessage::kSubscribed: on_pull(message.subscribed()); break;
      case wire::ServerMessage::kChanges: on_changes(message.changes()); break;
      case wire::ServerMessage::kAck: on_ack(message.ack().replica(), message.ack().seq()); break;
      case wire::ServerMessage::kReject: on_reject(message.reject()); break;
      case wire::ServerMessage::kPresences: on_presences(message.presences()); break;
      case wire::ServerMessage::kNotice:
        if (events_.noticed) events_.noticed(message.notice().message());
        break;
      case wire::ServerMessage::kProblem: {
        const wire::Problem& problem = message.problem();
        if (problem.code() == wire::CODE_UNAVAILABLE) {
          // The database is away, or the bridge catches its breath: come back later.
          connection->abort();
          break;
        }
        if (problem.code() == wire::CODE_UNAUTHENTICATED && !options_.token_file.empty()) {
          // Of a Renew: it is tried again. Of the token in use: perhaps there is another.
          if (!problem.fatal()) break;
          if (read_token(options_) != token_) {
            connection->abort();
            break;
          }
        }
        throw std::runtime_error(problem.message());
      }
      case wire::ServerMessage::kRenewed:
        plan_renewal(std::chrono::milliseconds(message.renewed().token_ms()));
        break;
      default: break;  // a later server may say more than we know
    }
    if (session_.needs_pull()) subscribe();
    flush();
    changed();
  }
}

// From a file only: it is looked at when most of the token's time is over, and then
// until it holds another one that is accepted.
void DocumentClient::plan_renewal(std::chrono::milliseconds token_lifetime) {
  if (!options_.token_file.empty()) renew_in(token_lifetime * 4 / 5);
}

void DocumentClient::renew_in(std::chrono::milliseconds pause) {
  renewal_.expires_after(pause);
  renewal_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled || stopped_ || !connection_) return;
    try {
      if (const std::string token = read_token(options_); token != token_) {
        wire::ClientMessage message;
        message.mutable_renew()->set_token(token);
        connection_->send(message);
        token_ = token;
      }
    } catch (const std::runtime_error&) {
      // It is being written: the next look finds it.
    }
    renew_in(kRenewalPause);
  });
}

// Asks for what the session lacks; once, until it is answered.
void DocumentClient::subscribe() {
  if (subscribing_ || !connection_) return;
  subscribing_ = true;
  connection_->send(subscribe_request());
}

wire::ClientMessage DocumentClient::subscribe_request() {
  wire::ClientMessage message;
  wire::Subscribe* subscribe = message.mutable_subscribe();
  subscribe->set_request(++last_request_);
  subscribe->mutable_document()->set_collection(name_.collection);
  subscribe->mutable_document()->set_key(name_.key);
  subscribe->set_since(session_.log_version());
  return message;
}

bool DocumentClient::is_to_reconcile() const {
  const auto& after = options_.push.reconcile_after;
  const std::vector<session::Change> oldest = session_.unacknowledged(0, 1);
  if (!after || oldest.empty()) return false;
  const std::uint64_t since = Hlc{oldest.front().hlc}.ms();
  return now_ms() >= since + static_cast<std::uint64_t>(after->count());
}

// Sends when the buffer's time is over, at once if it has none.
void DocumentClient::flush_later() {
  if (options_.push.buffer.count() == 0) return flush();
  if (std::exchange(buffering_, true)) return;
  buffer_.expires_after(options_.push.buffer);
  buffer_.async_wait([this](boost::system::error_code cancelled) {
    buffering_ = false;
    if (!cancelled) flush();
  });
}

// Sends what was not yet sent on this connection.
void DocumentClient::flush() {
  if (!connection_ || !caught_up_ || buffering_) return;
  while (true) {
    const std::vector<session::Change> oldest = session_.unacknowledged(0, 1);
    if (oldest.empty()) return;
    if (oldest.front().replica != sent_replica_) {
      sent_replica_ = oldest.front().replica;
      sent_seq_ = oldest.front().seq - 1;
    }
    if (sent_seq_ >= oldest.front().seq + kMaxUnderWay) return;
    const std::vector<session::Change> changes =
        session_.unacknowledged(sent_seq_ + 1, kMaxPushBytes);
    if (changes.empty()) return;
    wire::ClientMessage message;
    message.mutable_push()->set_channel(channel_);
    message.mutable_push()->set_expect(changes.front().expect);
    for (const session::Change& change : changes)
      write_change(change, message.mutable_push()->add_changes());
    sent_seq_ = changes.back().seq;
    connection_->send(message);
  }
}

std::uint64_t DocumentClient::change(
    const std::function<Result<void>(session::DocumentSession&)>& edit, session::Terms terms) {
  check(session_.begin_change(now_ms(), terms));
  const Result<void> edited = edit(session_);
  const session::Change* change = check(session_.commit_change());
  check(edited);
  if (change == nullptr) return 0;
  const std::uint64_t seq = change->seq;
  committed_at_.push_back(Clock::now());
  flush_later();
  return seq;
}

void DocumentClient::on_pull(const wire::Subscribed& subscribed) {
  if (subscribed.request() != last_request_) return;
  subscribing_ = false;
  channel_ = subscribed.channel();
  const wire::PullResponse& pull = subscribed.pull();
  on_epoch(pull.epoch());
  check(session_.on_fields(read_fields(pull)));
  columns_.on_pull(pull);
  for (const wire::Change& change : pull.changes()) columns_.on_change(change);
  session::Update update;
  if (pull.has_state()) {
    update = check(session_.on_state(read_state(pull.state()), pull.state().log_version()));
  } else {
    for (const wire::Change& change : pull.changes())
      received_.push_back({change.replica(), change.seq(), change.principal()});
    update = check(session_.on_changes(read_changes(pull.changes())));
  }
  check(session_.on_caught_up(pull.log_version()));
  note_acknowledged();
  caught_up_ = true;
  if (events_.updated) events_.updated(update, nullptr);
  if (!shown_.state().empty()) send_presence();
}

// ------------------------------------------------------------------ presence

void DocumentClient::show(std::string state, std::string field) {
  shown_.set_state(std::move(state));
  shown_.set_field(std::move(field));
  send_presence();
  if (std::exchange(repeating_, true)) return;
  asio::co_spawn(io_, repeat_presence(), asio::detached);
}

void DocumentClient::send_presence() {
  if (!connection_ || !caught_up_) return;
  wire::ClientMessage message;
  *message.mutable_set_presence() = shown_;
  message.mutable_set_presence()->set_channel(channel_);
  connection_->send(message);
}

asio::awaitable<void> DocumentClient::repeat_presence() {
  while (!stopped_) {
    repeat_.expires_after(presence_ms_.count() > 0 ? presence_ms_ / 2 : kPresencePause);
    boost::system::error_code ignored;
    co_await repeat_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!stopped_ && !shown_.state().empty()) send_presence();
  }
}

void DocumentClient::on_presences(const wire::Presences& presences) {
  if (presences.channel() != channel_ || !events_.presences) return;
  wire::Presences others = presences;
  auto& peers = *others.mutable_peers();
  peers.erase(std::remove_if(peers.begin(), peers.end(), [this](auto& each) { return each.peer() == peer_; }), peers.end());
  events_.presences(&others);
}

void DocumentClient::on_changes(const wire::Changes& changes) {
  if (changes.channel() != channel_) return;
  for (const wire::Change& change : changes.changes()) {
    received_.push_back({change.replica(), change.seq(), change.principal()});
    const session::Update update = check(session_.on_changes({read_change(change)}));
    columns_.on_change(change);
    if (events_.updated) events_.updated(update, &change);
  }
  note_acknowledged();
}

void DocumentClient::on_ack(ReplicaId replica, std::uint64_t seq) {
  check(session_.on_ack(replica, seq));
  note_acknowledged();
}

void DocumentClient::on_epoch(std::uint64_t epoch) {
  session_.on_epoch(epoch);
  if (const std::optional<session::Refusal> refusal = session_.take_refusal()) note_refusal(*refusal);
}

void DocumentClient::note_refusal(const session::Refusal& refusal) {
  note_acknowledged();
  refusals_.push_back(refusal);
  if (events_.refused) events_.refused(refusal);
}

void DocumentClient::on_reject(const wire::Reject& reject) {
  const std::optional<session::Refusal> refusal =
      check(session_.on_reject(reject.replica(), reject.seq(), reject.code(), reject.message(),
                               reject.expected_seq()));
  if (refusal) {
    note_refusal(*refusal);
    return;
  }
  // Not a refusal: the same numbers again, at once for a gap, else a little later.
  if (reject.replica() != sent_replica_) return;
  if (reject.code() == wire::CODE_GAP) {
    sent_seq_ = std::min(sent_seq_, reject.expected_seq() - 1);
    return;
  }
  resend_.expires_after(kResendPause);
  resend_.async_wait([this, seq = reject.seq()](boost::system::error_code cancelled) {
    if (cancelled || seq == 0) return;
    sent_seq_ = std::min(sent_seq_, seq - 1);
    flush();
  });
}

// Takes the time of every change that left the journal.
void DocumentClient::note_acknowledged() {
  while (committed_at_.size() > session_.pending()) {
    ack_latencies_ms_.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - committed_at_.front()).count());
    committed_at_.pop_front();
  }
}

std::uint64_t DocumentClient::bytes_sent() const {
  return bytes_sent_before_ + (connection_ ? connection_->bytes_sent() : 0);
}

void DocumentClient::changed() {
  changed_.cancel();
}

asio::awaitable<bool> DocumentClient::wait_until(std::function<bool()> condition,
                                                 std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!condition()) {
    if (failure_) throw std::runtime_error(*failure_);
    if (Clock::now() >= deadline) co_return false;
    changed_.expires_at(deadline);
    boost::system::error_code woken;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  co_return true;
}

}  // namespace converge::cli

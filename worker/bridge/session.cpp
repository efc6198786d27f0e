#include "session.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <random>
#include <utility>

#include "catch_up.h"
#include "log.h"

namespace converge::bridge {

namespace pb = google::protobuf;

namespace {

// Such a message of a client is parsed into memory on the stack, of kParsed bytes unless
// it needs more.
constexpr std::size_t kSmallMessage = 512;
constexpr std::size_t kParsed = 2048;

// A client that sends more nonsense than this is cut off.
constexpr unsigned kBadMessages = 16;

// Below 2^53, as JavaScript's numbers and a Y.Doc's client ids; never 0. Nothing
// depends on that it cannot be guessed.
std::uint64_t random_peer() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_int_distribution<std::uint64_t>(1, (std::uint64_t{1} << 53) - 1)(random);
}

}  // namespace

Session::Session(const Services& services, Transport& transport, std::string peer)
    : services_(services),
      transport_(&transport),
      peer_(std::move(peer)),
      token_(std::make_shared<std::string>()),
      peer_number_(random_peer()) {}

void Session::send(Frame frame) {
  if (open()) transport_->send(std::move(frame));
}

std::size_t Session::queued_bytes() const { return transport_ != nullptr ? transport_->queued_bytes() : 0; }

// Whatever is refused to the client, but changes (send_reject) and the connection (end).
void Session::problem(wire::Code code, std::string_view message, std::uint32_t request) {
  if (!open()) return;
  services_.metrics.rejections(code).Increment();
  send(problem_frame(code, message, request, false));
}

void Session::end(wire::Code code, std::string_view message, CloseCode close) {
  if (!open()) return;
  services_.metrics.rejections(code).Increment();
  send(problem_frame(code, message, 0, true));
  ending_ = true;
  transport_->close(close);
}

bool Session::may_ask(std::uint32_t request) {
  if (services_.rates.take_request(rates_, tenant_, principal_, std::chrono::steady_clock::now())) return true;
  problem(wire::CODE_LIMIT, kTooMuch, request);
  return false;
}

// A message that makes no sense: harmless after Hello, unless it goes on.
void Session::complain(std::string_view message) {
  if (!identified_) {
    end(wire::CODE_PROTOCOL, message, CloseCode::policy_violation);
  } else if (++bad_messages_ > kBadMessages) {
    end(wire::CODE_LIMIT, "too many messages that are not understood, the last one: " + std::string(message),
        CloseCode::policy_violation);
  } else {
    problem(wire::CODE_PROTOCOL, message);
  }
}

void Session::on_closed() {
  auto subscriptions = std::move(subscriptions_);
  subscriptions_.clear();
  for (auto& [channel, subscription] : subscriptions) services_.hub.leave(*subscription);
  transport_ = nullptr;
}

void Session::on_drained() {
  if (!open()) return;
  transport_->resume();
  if (!open() || !std::exchange(behind_, false)) return;
  for (auto& [channel, subscription] : subscriptions_) {
    if (subscription->phase == Phase::live && subscription->presence_behind) services_.hub.presence().greet(*subscription);
    if (subscription->phase != Phase::lagging) continue;
    services_.hub.rejoin(*subscription);
    start(services_.io, follow(subscription, ""));
  }
}

bool Session::ready() const {
  return open() && !stopped_reading_ && (!identifying_ || expecting_) && pushing_bytes_ <= services_.config.push_queue &&
         queued_bytes() <= services_.config.send_queue;
}

void Session::on_message(std::string_view bytes, bool binary) {
  if (!open()) return;
  if (identifying_) {  // right behind the Hello
    expecting_ = false;
    behind_hello_ = BehindHello{std::string(bytes), binary};
    return;
  }
  // What is kept of one there is copied.
  alignas(std::max_align_t) std::array<char, kParsed> parsed;
  pb::ArenaOptions options;
  options.initial_block = parsed.data();
  options.initial_block_size = parsed.size();
  pb::Arena arena(options);
  wire::ClientMessage large;
  auto& message = bytes.size() <= kSmallMessage ? *pb::Arena::CreateMessage<wire::ClientMessage>(&arena) : large;
  if (!binary) {
    complain("a text message: expected a binary one that is a ClientMessage");
  } else if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    complain("a message of " + std::to_string(bytes.size()) + " bytes that is no ClientMessage");
  } else if (message.message_case() == wire::ClientMessage::kHello) {
    if (identified_) {
      complain("a second Hello");
    } else {
      hello(std::move(*message.mutable_hello()));
    }
  } else if (!identified_) {
    complain("the first message must be Hello");
  } else {
    switch (message.message_case()) {
      case wire::ClientMessage::kSubscribe:
        if (subscriptions_.size() + joining_ >= services_.config.max_subscriptions) {
          problem(wire::CODE_LIMIT,
                  "this connection follows " + std::to_string(services_.config.max_subscriptions) +
                      " documents, which is the limit",
                  message.subscribe().request());
        } else if (may_ask(message.subscribe().request())) {
          start_subscribe(std::move(*message.mutable_subscribe()));
        }
        break;
      case wire::ClientMessage::kUnsubscribe:
        unsubscribe(message.unsubscribe().channel());
        break;
      case wire::ClientMessage::kPush:
        push(*message.mutable_push());
        break;
      case wire::ClientMessage::kSetPresence:
        set_presence(*message.mutable_set_presence());
        break;
      case wire::ClientMessage::kCreate:
        create(*message.mutable_create());
        break;
      case wire::ClientMessage::kPing: {
        wire::ServerMessage answer;
        answer.mutable_pong()->set_nonce(message.ping().nonce());
        send(encode(answer));
        break;
      }
      case wire::ClientMessage::kRenew:
        if (renewing_) {
          complain("a Renew before the one before was answered");
        } else if (message.renew().token().size() > kLongestToken) {
          problem(wire::CODE_UNAUTHENTICATED, kTokenTooLong);
        } else if (may_ask()) {
          renewing_ = true;
          auto self = shared_from_this();
          start(services_.io, [self, token = std::move(*message.mutable_renew()->mutable_token())]() mutable {
            return self->renew(std::move(token));
          });
        }
        break;
      default:
        complain("a ClientMessage without a part that this bridge knows");
    }
  }
}

// -------------------------------------------------------------- the token's end

void Session::adopt(std::shared_ptr<const std::string> token, const Identity& identity) {
  token_ = std::move(token);
  token_end_ = std::chrono::steady_clock::now() + identity.token_lifetime;
  rates_ = identity.rates;
}

void Session::tick(std::chrono::steady_clock::time_point now) {
  // A new one that is being verified may come a moment late.
  if (identified_ && !renewing_ && now >= token_end_)
    end(wire::CODE_UNAUTHENTICATED, "the token has expired", CloseCode::policy_violation);
}

// What is under way goes on with the token it began with.
awaitable<void> Session::renew(std::string given) {
  auto self = shared_from_this();
  auto token = std::make_shared<const std::string>(std::move(given));
  Identity identity;
  std::string failure;
  wire::Code code = wire::CODE_OK;
  try {
    identity = co_await services_.access.identify(token);
    if (identity.tenant != tenant_ || identity.principal != principal_) {
      code = wire::CODE_DENIED;
      failure = "the token is another principal's";
    }
  } catch (const DatabaseError& error) {
    code = error.unavailable ? wire::CODE_UNAVAILABLE : wire::CODE_UNAUTHENTICATED;
    failure = error.unavailable ? "the database cannot be reached" : error.what();
  }
  renewing_ = false;
  if (!open()) co_return;
  if (code != wire::CODE_OK) {
    problem(code, failure);
    co_return;
  }
  adopt(std::move(token), identity);
  wire::ServerMessage answer;
  answer.mutable_renewed()->set_token_ms(static_cast<std::uint64_t>(identity.token_lifetime.count()));
  send(encode(answer));
  // It may let its bearer do less.
  co_await recheck();
}

// ------------------------------------------------------------- subscriptions

std::shared_ptr<Subscription> Session::find(std::uint32_t channel) const {
  auto found = subscriptions_.find(channel);
  return found == subscriptions_.end() ? nullptr : found->second;
}

void Session::start_subscribe(wire::Subscribe request) {
  ++joining_;
  start(services_.io, [self = shared_from_this(), request = std::move(request)]() mutable {
    return self->subscribe(std::move(request));
  });
}

awaitable<bool> Session::subscribe_watched(const wire::Subscribe& request) {
  for (const auto& [channel, existing] : subscriptions_) {
    const wire::DocumentRef& ref = existing->document->ref;
    if (ref.collection() == request.document().collection() && ref.key() == request.document().key()) co_return false;
  }
  auto subscription = services_.hub.join_watched(*this, tenant_, request.document(), request.request());
  if (!subscription) co_return false;
  // It has no channel before it was found that it may read: the long way says why not.
  const auto token = token_;
  std::optional<std::string> pull;
  try {
    pull = co_await services_.access.pull(token, request.document(), request.since());
  } catch (const DatabaseError&) {
  }
  // Under a token that came meanwhile it might not have been given.
  if (pull && token == token_) co_return finish_watched(subscription, *pull);
  services_.hub.leave(*subscription);
  co_return false;
}

bool Session::finish_watched(const std::shared_ptr<Subscription>& subscription, std::string_view pull) {
  const std::uint32_t channel = subscription->document->channel;
  if (!open() || !services_.hub.is_complete(*subscription, pull) || subscriptions_.count(channel) != 0) {
    services_.hub.leave(*subscription);
    return false;
  }
  subscriptions_[channel] = subscription;
  services_.hub.finish_joining(*subscription, pull);
  if (subscription->phase == Phase::lagging && queued_bytes() == 0) on_drained();
  return true;
}

awaitable<void> Session::subscribe(wire::Subscribe request) {
  auto self = shared_from_this();
  if (co_await subscribe_watched(request) || !open()) {
    --joining_;
    co_return;
  }
  Ticket ticket;
  std::string failure;
  wire::Code code = wire::CODE_OK;
  bool renewed = false;
  do {
    const auto token = token_;
    code = wire::CODE_OK;
    try {
      ticket = co_await services_.access.subscribe(token, request.document());
    } catch (const DatabaseError& error) {
      code = code_of(error);
      failure = told_of(error);
    }
    renewed = token != token_;
  } while (code == wire::CODE_UNAUTHENTICATED && renewed && open());
  --joining_;
  if (!open()) co_return;
  if (code == wire::CODE_UNAUTHENTICATED) {
    end(code, failure, CloseCode::policy_violation);
    co_return;
  }
  if (code != wire::CODE_OK) {
    problem(code, failure, request.request());
    co_return;
  }

  // A second Subscribe for the same document starts over from what it says the
  // client has: the way out for a client that lost track.
  std::shared_ptr<Subscription> subscription;
  for (auto& [channel, existing] : subscriptions_)
    if (existing->document->id == ticket.document) subscription = existing;
  if (subscription && subscription->phase == Phase::joining) {
    problem(wire::CODE_PROTOCOL, "the document is being subscribed to already", request.request());
    co_return;
  }
  if (subscription) {
    services_.hub.rejoin(*subscription);
    subscription->request = request.request();
  } else {
    subscription = services_.hub.join(*this, ticket, request.document(), request.request());
    subscriptions_[subscription->document->channel] = subscription;
  }
  subscription->since = std::move(*request.mutable_since());
  co_await follow(subscription, std::move(ticket.bytes));
}

awaitable<void> Session::follow(std::shared_ptr<Subscription> subscription, std::string ticket) {
  auto self = shared_from_this();
  auto pull = [this, subscription] {
    return services_.access.pull(token_, subscription->document->ref, subscription->since);
  };
  CatchUp catch_up(services_, subscription, [this] { return token_; }, pull);
  Refusal refusal = co_await catch_up.run(std::move(ticket));
  if (subscription->ended()) co_return;
  if (refusal.code == wire::CODE_OK) {
    if (subscription->phase == Phase::lagging && queued_bytes() == 0) on_drained();
  } else if (refusal.code == wire::CODE_UNAUTHENTICATED) {
    end(refusal.code, refusal.message, CloseCode::policy_violation);
  } else {
    on_revoked(subscription->document->channel, refusal.code, refusal.message);
  }
}

void Session::on_revoked(std::uint32_t channel, wire::Code code, std::string_view message) {
  auto subscription = find(channel);
  if (!subscription) return;
  subscriptions_.erase(channel);
  services_.hub.leave(*subscription);
  problem(code, message, subscription->request);
}

void Session::unsubscribe(std::uint32_t channel) {
  auto subscription = find(channel);
  if (!subscription) {
    problem(wire::CODE_UNKNOWN_DOCUMENT, "no subscription on channel " + std::to_string(channel));
    return;
  }
  subscriptions_.erase(channel);
  services_.hub.leave(*subscription);
}

// ------------------------------------------------------------------ presence

void Session::on_presence(Subscription&, const PresenceUpdate& update) { send(update.frame()); }

void Session::set_presence(wire::SetPresence& request) {
  auto subscription = find(request.channel());
  if (!subscription) {
    problem(wire::CODE_UNKNOWN_DOCUMENT, "no subscription on channel " + std::to_string(request.channel()));
    return;
  }
  wire::Presence presence;
  presence.set_peer(peer_number_);
  presence.set_field(std::move(*request.mutable_field()));
  presence.set_state(std::move(*request.mutable_state()));
  std::size_t bytes = presence.state().size();
  const Config& config = services_.config;
  switch (services_.hub.presence().set(*subscription, std::move(presence))) {
    case PresenceOutcome::set:
    case PresenceOutcome::stale:
      break;
    case PresenceOutcome::too_large:
      problem(wire::CODE_TOO_LARGE, "a presence of " + std::to_string(bytes) + " bytes, of at most " +
                                        std::to_string(config.max_presence) + ", or of a field with a longer name than a column's");
      break;
    case PresenceOutcome::malformed:
      problem(wire::CODE_MALFORMED, "the presence is not JSON");
      break;
    case PresenceOutcome::too_many:
      problem(wire::CODE_LIMIT, "the document shows " + std::to_string(config.max_presences_per_document) +
                                    " presences, or this connection " +
                                    std::to_string(config.max_presences_per_connection) + ", which is the limit");
      break;
    case PresenceOutcome::taken:
      problem(wire::CODE_DENIED, "the presence is another principal's");
      break;
  }
}

void Session::on_unauthenticated(std::string_view message) {
  end(wire::CODE_UNAUTHENTICATED, message, CloseCode::policy_violation);
}

awaitable<void> Session::recheck() {
  auto self = shared_from_this();
  const auto token = token_;
  for (auto& [channel, subscription] : subscriptions_) services_.hub.check(subscription);
  if (!subscriptions_.empty() || !identified_) co_return;
  try {
    co_await services_.access.identify(token);
  } catch (const DatabaseError& error) {
    if (!error.unavailable && token == token_) on_unauthenticated(error.what());
  }
}

}  // namespace converge::bridge

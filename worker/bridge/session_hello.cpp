// How a session begins: who the client is, and what it asks with its first messages.
//
// A Subscribe right behind the Hello is asked of the database together with whose the
// token is, in one round trip, where this bridge knows whom to charge for it (known_tokens.h)
// and the document's changes come already. Its answer is given out behind the Welcome, when
// the database has verified the token.
#include <algorithm>
#include <utility>

#include "log.h"
#include "session.h"
#include "version.h"

namespace converge::bridge {

namespace {

// The versions of the protocol that are spoken (Hello.newest_protocol says what is new).
constexpr std::uint32_t kOldestProtocol = 1;
constexpr std::uint32_t kNewestProtocol = 2;

}  // namespace

struct Session::FirstSubscribe {
  explicit FirstSubscribe(Hub& with) : hub(with) {}
  ~FirstSubscribe() { leave(); }
  FirstSubscribe(const FirstSubscribe&) = delete;
  FirstSubscribe& operator=(const FirstSubscribe&) = delete;

  void leave() {
    if (subscription) hub.leave(*std::exchange(subscription, nullptr));
  }

  Hub& hub;
  bool hello_charged = false;
  bool charged = false;  // and the Subscribe as well: it is this one's to answer
  wire::Subscribe request;
  std::shared_ptr<Subscription> subscription;  // null: it goes the usual way, once the client is known
  std::string pull;
};

void Session::hello(wire::Hello hello) {
  const std::uint32_t newest = std::max(hello.newest_protocol(), hello.protocol());
  const std::uint32_t protocol = std::min(newest, kNewestProtocol);
  if (protocol < std::max(hello.protocol(), kOldestProtocol)) {
    std::string versions = std::to_string(hello.protocol());
    if (newest != hello.protocol()) versions += " to " + std::to_string(newest);
    end(wire::CODE_UNSUPPORTED_VERSION,
        "protocol version " + versions + " is not spoken here, only versions " + std::to_string(kOldestProtocol) +
            " to " + std::to_string(kNewestProtocol),
        CloseCode::policy_violation);
    return;
  }
  if (hello.token().empty() || hello.token().size() > kLongestToken) {
    end(wire::CODE_UNAUTHENTICATED,
        hello.token().empty() ? std::string_view("the Hello has no token") : kTokenTooLong,
        CloseCode::policy_violation);
    return;
  }
  token_ = std::make_shared<std::string>(std::move(*hello.mutable_token()));
  identifying_ = true;
  auto identify = [self = shared_from_this(), client = std::move(*hello.mutable_client()), protocol]() mutable {
    return self->identify(std::move(client), protocol);
  };
  if (services_.access.known_holder(*token_) == nullptr) return start(services_.io, std::move(identify));
  // What has come with it is taken first.
  expecting_ = true;
  asio::post(services_.io, [&io = services_.io, identify = std::move(identify)]() mutable { start(io, std::move(identify)); });
}

void Session::take_first_subscribe(FirstSubscribe& first) {
  const KnownTokens::Holder* holder = behind_hello_ ? services_.access.known_holder(*token_) : nullptr;
  wire::ClientMessage message;
  if (holder == nullptr || !behind_hello_->binary || !message.ParseFromString(behind_hello_->bytes) ||
      !message.has_subscribe())
    return;
  tenant_ = holder->tenant;
  principal_ = holder->principal;
  const wire::Subscribe& request = message.subscribe();
  first.subscription = services_.hub.join_watched(*this, tenant_, request.document(), request.request());
  if (!first.subscription) return;
  const auto now = std::chrono::steady_clock::now();
  auto charge = [&] { return services_.rates.take_request(holder->rates, tenant_, principal_, now); };
  first.hello_charged = charge();
  first.charged = first.hello_charged && charge();
  if (!first.charged) return first.leave();
  first.request = std::move(*message.mutable_subscribe());
  behind_hello_.reset();
}

// Throws DatabaseError where it is the token that is refused, or the database that is away.
awaitable<Identity> Session::ask_identity(FirstSubscribe& first) {
  if (first.subscription) {
    try {
      Access::Returned returned =
          co_await services_.access.identify_and_pull(token_, first.request.document(), first.request.since());
      first.pull = std::move(returned.pull);
      co_return returned.identity;
    } catch (const DatabaseError& error) {
      if (error.statement == 0) throw;
    }
    first.leave();  // the usual way says what is wrong with the document
  }
  co_return co_await services_.access.identify(token_);
}

awaitable<void> Session::identify(std::string client, std::uint32_t protocol) {
  auto self = shared_from_this();
  expecting_ = false;
  FirstSubscribe first(services_.hub);
  take_first_subscribe(first);
  Identity identity;
  std::string failure;
  wire::Code code = wire::CODE_OK;
  try {
    identity = co_await ask_identity(first);
  } catch (const DatabaseError& error) {
    // Whatever it does not like about a token, the client is not known.
    code = error.unavailable ? wire::CODE_UNAVAILABLE : wire::CODE_UNAUTHENTICATED;
    failure = error.what();
  }
  identifying_ = false;
  if (!open()) co_return;
  if (code == wire::CODE_UNAVAILABLE) {
    log(Severity::warning, "cannot verify the token of ", peer_, ": ", failure);
    end(code, "the database cannot be reached", CloseCode::try_again_later);
    co_return;
  }
  if (code != wire::CODE_OK) {
    log(Severity::info, "refused ", peer_, ": ", failure);
    end(code, failure, CloseCode::policy_violation);
    co_return;
  }

  if (!transport_->assign(identity.tenant)) {
    log(Severity::warning, "too many connections of tenant \"", identity.tenant, "\"; refused one from ", peer_);
    end(wire::CODE_LIMIT,
        "the tenant has " + std::to_string(services_.config.max_connections_per_tenant) +
            " connections, which is the limit",
        CloseCode::try_again_later);
    co_return;
  }

  tenant_ = identity.tenant;
  principal_ = identity.principal;
  adopt(token_, identity);
  if (!first.hello_charged &&
      !services_.rates.take_request(rates_, tenant_, principal_, std::chrono::steady_clock::now())) {
    end(wire::CODE_LIMIT, kTooMuch, CloseCode::try_again_later);
    co_return;
  }
  identified_ = true;
  log(Severity::debug, peer_, " is ", principal_, " of ", tenant_, ", with ", client);
  welcome(identity, protocol);
  if (first.charged) {
    if (!first.subscription || !finish_watched(std::exchange(first.subscription, nullptr), first.pull))
      start_subscribe(std::move(first.request));
  } else if (const auto behind = std::exchange(behind_hello_, std::nullopt)) {
    on_message(behind->bytes, behind->binary);
  }
  if (open()) transport_->resume();
}

void Session::welcome(const Identity& identity, std::uint32_t protocol) {
  wire::ServerMessage answer;
  wire::Welcome& welcome = *answer.mutable_welcome();
  welcome.set_protocol(protocol);
  welcome.set_epoch(identity.epoch);
  welcome.set_tenant(identity.tenant);
  welcome.set_principal(identity.principal);
  welcome.set_server("converge-bridge " CONVERGE_VERSION);
  welcome.set_token_ms(static_cast<std::uint64_t>(identity.token_lifetime.count()));
  welcome.set_peer(peer_number_);
  welcome.set_presence_ms(static_cast<std::uint32_t>(services_.config.presence_timeout.count()));
  send(encode(answer));
  if (protocol < kNewestProtocol) {
    wire::ServerMessage old;
    old.mutable_notice()->set_kind(wire::Notice::OLD_PROTOCOL);
    old.mutable_notice()->set_message("protocol version " + std::to_string(protocol) + " is old: it is served, but version " +
                                      std::to_string(kNewestProtocol) + " is spoken here, and a later server may speak only that");
    send(encode(old));
  }
}

}  // namespace converge::bridge

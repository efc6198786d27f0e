#include "yjs_document.h"

#include <limits>

#include "core/ydoc/update_reader.h"
#include "log.h"
#include "rate_limiter.h"

namespace converge::bridge {

namespace {

// How long open()'s ticket is good for the subscription: well below its lifetime.
constexpr std::chrono::seconds kTicketUse{1};
// Half of the time that Yjs remembers whoever it is not told of.
constexpr std::chrono::seconds kToldAgain{15};
// Who asks who is there again and again is told so often.
constexpr std::chrono::seconds kWhoPause{1};

}  // namespace

YjsDocument::YjsDocument(const Services& services, Carrier& carrier, std::string id, bool named, YjsName name,
                         std::string token)
    : services_(services),
      carrier_(&carrier),
      id_(std::move(id)),
      prefix_(named ? yjs_prefix(id_) : std::string()),
      named_(named),
      name_(std::move(name)),
      translation_(name_.field + '\0' + prefix_),
      token_(std::make_shared<std::string>(std::move(token))) {}

// ------------------------------------------------------------- who, and which

Refusal YjsDocument::check(const std::string& token) {
  if (token.empty()) return {wire::CODE_UNAUTHENTICATED, "no token"};
  if (token.size() > kLongestToken) return {wire::CODE_UNAUTHENTICATED, std::string(kTokenTooLong)};
  return {};
}

// Whatever it does not like about a token, the client is not known.
Refusal YjsDocument::unidentified(const DatabaseError& error) {
  return {error.unavailable ? wire::CODE_UNAVAILABLE : wire::CODE_UNAUTHENTICATED,
          error.unavailable ? told_of(error) : error.what()};
}

awaitable<Refusal> YjsDocument::identify(std::shared_ptr<const std::string> token, Identity* identity) {
  Refusal refusal = check(*token);
  if (refusal.code != wire::CODE_OK) co_return refusal;
  try {
    *identity = co_await services_.access.identify(token);
  } catch (const DatabaseError& error) {
    refusal = unidentified(error);
  }
  co_return refusal;
}

// Whether the provider is one that comes back. It may follow the document then before the
// database has said who it is, and is told of it only afterwards.
bool YjsDocument::begin_return() {
  const KnownTokens::Holder* holder = named_ ? nullptr : services_.access.known_holder(*token_);
  if (holder == nullptr || !services_.hub.is_watched(holder->tenant, name_.document) ||
      !services_.rates.take_request(holder->rates, holder->tenant, holder->principal, std::chrono::steady_clock::now()))
    return false;
  identity_.tenant = holder->tenant;
  identity_.principal = holder->principal;
  expects_copy_ = services_.hub.has_yjs_copy(holder->tenant, name_.document, name_.field);
  return true;
}

awaitable<void> YjsDocument::open() {
  auto self = shared_from_this();
  if (!open_for_use()) co_return;
  Refusal refusal = check(*token_);
  returning_ = refusal.code == wire::CODE_OK && begin_return();
  const bool charged = returning_;
  if (returning_) carrier_->resume();
  if (returning_ && !expects_copy_) {
    refusal = co_await identify(token_, &identity_);
  } else if (refusal.code == wire::CODE_OK) {
    access_mark_ = services_.hub.access_mark();
    try {
      Access::Opened opened =
          co_await services_.access.open(token_, name_.document, named_ ? std::string_view(name_.field) : std::string_view());
      identity_ = std::move(opened.identity);
      ticket_ = std::move(opened.ticket);
      may_write_ = opened.may_write != MayWrite::no;
    } catch (const DatabaseError& error) {
      refusal = error.statement == 0 ? unidentified(error) : Refusal{code_of(error), told_of(error)};
    }
  }
  end_opening();
  if (!open_for_use()) co_return;
  if (refusal.code == wire::CODE_OK) refusal = carrier_->admit(identity_);
  if (refusal.code == wire::CODE_OK && !charged && !may_ask()) co_return;
  if (refusal.code != wire::CODE_OK) {
    over(refusal.code, refusal.message);
    co_return;
  }
  opened_ = true;
  opened_at_ = std::chrono::steady_clock::now();
  token_end_ = opened_at_ + identity_.token_lifetime;
  log(Severity::debug, identity_.principal, " of ", identity_.tenant, " opens ", id_, " as a Yjs document");
  if (named_) tell_scope();
  if (auto held = std::exchange(held_, std::nullopt)) {
    held->message.body = held->body;
    on_message(held->message);
  }
  if (open_for_use()) carrier_->resume();
}

void YjsDocument::end_opening() {
  opening_ = returning_ = false;
  if (opening_ends_) opening_ends_->notify_all();
}

awaitable<void> YjsDocument::opening_ended() {
  while (opening_) {
    if (!opening_ends_) opening_ends_ = std::make_unique<Signal>(services_.io);
    co_await opening_ends_->wait();
  }
}

awaitable<void> YjsDocument::renew(std::string token) {
  auto self = shared_from_this();
  if (!may_ask()) co_return;
  auto fresh = std::make_shared<const std::string>(std::move(token));
  Access::Renewed renewed;
  opening_ = true;
  access_mark_ = services_.hub.access_mark();
  Refusal refusal = check(*fresh);
  if (refusal.code == wire::CODE_OK) {
    try {
      renewed = co_await services_.access.renew(fresh, name_.document, name_.field);
    } catch (const DatabaseError& error) {
      refusal = error.statement == 0 ? unidentified(error) : Refusal{code_of(error), told_of(error)};
    }
  }
  end_opening();
  if (!open_for_use()) co_return;
  const Identity& identity = renewed.identity;
  if (refusal.code == wire::CODE_OK &&
      (identity.tenant != identity_.tenant || identity.principal != identity_.principal))
    refusal = {wire::CODE_UNAUTHENTICATED, "the token is another principal's than the document was opened with"};
  if (refusal.code != wire::CODE_OK) {
    over(refusal.code, refusal.message);
    co_return;
  }
  token_ = std::move(fresh);
  token_end_ = std::chrono::steady_clock::now() + identity.token_lifetime;
  if (renewed.may_write != MayWrite::unknown) may_write_ = renewed.may_write == MayWrite::yes;
  tell_scope();
  ask_again_if_changed();
  carrier_->resume();
}

// Behind a refused update nothing is taken from it, whatever it may.
void YjsDocument::tell_scope() {
  told_may_write_ = may_write_ && refused_.empty();
  carrier_->carry(yjs_authenticated_frame(prefix_, told_may_write_ ? "read-write" : "readonly"));
}

// What it may do, if that was changed since it was asked.
void YjsDocument::ask_again_if_changed() {
  if (named_ && subscription_ && (access_mark_ == 0 || access_mark_ != services_.hub.access_mark()))
    services_.hub.check(subscription_);
}

void YjsDocument::on_may_write(bool may_write) {
  may_write_ = may_write;
  if (open_for_use() && opened_ && told_may_write_ != (may_write_ && refused_.empty())) tell_scope();
}

// Who asks too much is to come back later.
bool YjsDocument::may_ask() {
  if (services_.rates.take_request(identity_.rates, identity_.tenant, identity_.principal,
                                   std::chrono::steady_clock::now()))
    return true;
  carrier_->end(wire::CODE_LIMIT, kTooMuch, CloseCode::try_again_later);
  return false;
}

void YjsDocument::over(wire::Code code, std::string_view message) {
  if (open_for_use()) carrier_->end_document(*this, code, message);
}

void YjsDocument::close() {
  stop_holding();
  carrier_ = nullptr;
  if (subscription_) services_.hub.leave(*std::exchange(subscription_, nullptr));
}

void YjsDocument::tick(std::chrono::steady_clock::time_point now) {
  if (opened_ && !opening_ && now >= token_end_) return over(wire::CODE_UNAUTHENTICATED, "the token has expired");
  const auto told = awareness_.others_told_at();
  if (!told || now - *told < std::min<std::chrono::milliseconds>(kToldAgain, services_.config.presence_timeout / 2)) return;
  // In another phase it is told of all behind that, or of those at the next tick.
  if (!subscription_ || subscription_->phase != Phase::live) return;
  awareness_.tell_others_again();
  services_.hub.presence().tell_again(*subscription_, name_.field);
}

awaitable<void> YjsDocument::recheck() {
  auto self = shared_from_this();
  if (!opened_ || !open_for_use()) co_return;
  if (subscription_ && !subscription_->ended()) {
    services_.hub.check(subscription_);
    co_return;
  }
  Refusal refusal;
  try {
    co_await services_.access.subscribe(token_, name_.document);
  } catch (const DatabaseError& error) {
    refusal = {code_of(error), told_of(error)};
  }
  if (refusal.code != wire::CODE_OK && refusal.code != wire::CODE_UNAVAILABLE) over(refusal.code, refusal.message);
}

void YjsDocument::on_unauthenticated(std::string_view message) { over(wire::CODE_UNAUTHENTICATED, message); }

void YjsDocument::on_revoked(std::uint32_t, wire::Code code, std::string_view message) { over(code, message); }

// ------------------------------------------------------------------- messages

// The first that a provider says, and mostly the question what it lacks. Where there is no
// copy to tell it from, that is asked on another connection to the database, if that makes
// nobody wait.
void YjsDocument::take_early(const YjsMessage& message) {
  if (message.type == YjsMessageType::sync && message.sync == YjsSync::step1 && !expects_copy_ &&
      services_.access.answers_at_once()) {
    sync(std::string(message.body));
  } else {
    held_ = Held{message, std::string(message.body)};
    held_->message.document = {};
  }
}

void YjsDocument::on_message(const YjsMessage& message) {
  if (opening_) return take_early(message);
  switch (message.type) {
    case YjsMessageType::sync:
      if (message.sync == YjsSync::step1) {
        sync(std::string(message.body));
      } else {
        begun();
        take_update(message.body, message.sync);
      }
      break;
    case YjsMessageType::awareness:
      take_awareness(message.body);
      break;
    case YjsMessageType::query_awareness:
      asks_who_ = true;
      tell_who_at(who_told_at_ + kWhoPause);
      break;
    default:  // Hocuspocus's stateless messages are between clients and an application's server
      break;
  }
}

// ------------------------------------------------------------------- the stream

void YjsDocument::send(Frame frame) {
  if (!open_for_use()) return;
  Frame translation = frame->translated(
      translation_, [&](std::string_view message) { return yjs_translation(message, prefix_, name_.field); });
  if (translation) carrier_->carry(std::move(translation));
}

void YjsDocument::on_behind() {
  if (open_for_use()) carrier_->on_behind();
}

std::size_t YjsDocument::queued_bytes() const { return open_for_use() ? carrier_->queued_bytes() : 0; }

// ------------------------------------------------------------------- following

// The first time, which was paid for by opening it, it begins to follow the document;
// later it only tells what the provider lacks.
void YjsDocument::sync(std::string state_vector) {
  auto self = shared_from_this();
  if (subscription_ || joining_) {
    if (!may_ask()) return;
    start(services_.io,
          [self, vector = std::move(state_vector)]() mutable { return self->send_state(std::move(vector), true); });
    return;
  }
  asked_at_ = std::chrono::steady_clock::now();
  if (join_copied(state_vector)) return;
  joining_ = true;
  start(services_.io, [self, vector = std::move(state_vector)]() mutable { return self->join(std::move(vector)); });
}

// The shortest way, for a document of which there is a copy: the database was asked who may
// read it, and nothing else. False: it is to go another one.
bool YjsDocument::join_copied(const std::string& state_vector) {
  if (!ticket_ || std::chrono::steady_clock::now() - opened_at_ >= kTicketUse) return false;
  wire::YjsState lacking;
  auto subscription =
      services_.hub.join_copied(*this, *ticket_, access_mark_, name_.field, state_vector, &lacking);
  if (!subscription) return false;
  begin(subscription);
  if (!open_for_use()) return true;
  told_ = std::make_unique<YjsTold>(lacking);
  carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step2, lacking.update()));
  services_.hub.finish_joining(*subscription);
  carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step1, lacking.state_vector()));
  if (asks_who_) tell_who();
  return true;
}

// The short way, for a document that is watched already. False: it is to go the long one.
awaitable<bool> YjsDocument::join_watched(const std::string& state_vector) {
  auto subscription = services_.hub.join_watched(*this, identity_.tenant, name_.document, 0);
  if (!subscription) co_return false;
  const auto token = token_;
  auto copy = services_.hub.yjs_copy(*subscription, name_.field);
  std::optional<Pulled> pulled;
  try {
    pulled = co_await pull_since(state_vector, copy && !copy->can_answer());
  } catch (const DatabaseError&) {  // the long way says what is wrong
  }
  co_await opening_ended();
  // Under a token that came meanwhile it might not have been given.
  if (!open_for_use() || !opened_ || !pulled || token != token_ ||
      !services_.hub.is_complete(*subscription, pulled->pull)) {
    if (copy && !pulled) copy->forget();
    services_.hub.leave(*subscription);
    co_return false;
  }
  fill(copy.get(), *pulled);
  begin(subscription);
  if (!open_for_use()) co_return true;
  services_.hub.finish_joining(*subscription, pulled->pull);
  carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step1, pulled->state_vector));
  after_catch_up(*subscription, {});
  co_return true;
}

// With the field itself, which has what came before the copy began; without, it is too large for one.
void YjsDocument::fill(YjsCopy* copy, const Pulled& pulled) {
  if (copy == nullptr || copy->can_answer()) return;
  if (pulled.state.empty()) return copy->forget();
  copy->complete(pulled.state);
}

// From here on it is told of the document.
void YjsDocument::begin(std::shared_ptr<Subscription> subscription) {
  ticket_.reset();
  joining_ = false;
  subscription_ = std::move(subscription);
  subscription_->own_replica = replica_;
  subscription_->own_seq = std::numeric_limits<std::uint64_t>::max();
  if (named_) subscription_->written = name_.field;
  ask_again_if_changed();
  for (const YjsAwareness& entry : std::exchange(to_show_, {})) show(entry);
}

awaitable<void> YjsDocument::join(std::string state_vector) {
  auto self = shared_from_this();
  if (co_await join_watched(state_vector)) co_return;
  co_await opening_ended();
  if (!open_for_use() || !opened_) co_return;
  Ticket ticket;
  Refusal refusal;
  // Most ask as soon as they may. Whether it may be read the pull asks once more.
  if (ticket_ && std::chrono::steady_clock::now() - opened_at_ < kTicketUse) {
    ticket = std::move(*ticket_);
  } else {
    try {
      ticket = co_await services_.access.subscribe(token_, name_.document);
    } catch (const DatabaseError& error) {
      refusal = {code_of(error), told_of(error)};
    }
  }
  ticket_.reset();
  joining_ = false;
  if (!open_for_use()) co_return;
  if (refusal.code == wire::CODE_UNAVAILABLE) {
    carrier_->end(refusal.code, refusal.message, CloseCode::try_again_later);
    co_return;
  }
  if (refusal.code != wire::CODE_OK) {
    over(refusal.code, refusal.message);
    co_return;
  }
  begin(services_.hub.join(*this, ticket, name_.document, 0));
  if (!open_for_use()) co_return;

  // What the provider lacks as Yjs counts it; and then it is asked for what the
  // server lacks.
  auto subscription = subscription_;
  auto server_vector = std::make_shared<std::string>();
  auto copy = services_.hub.yjs_copy(*subscription, name_.field);
  auto pull = [this, vector = std::move(state_vector), server_vector, copy]() -> awaitable<std::string> {
    Pulled pulled = co_await pull_since(vector, copy && !copy->can_answer());
    fill(copy.get(), pulled);
    *server_vector = std::move(pulled.state_vector);
    co_return std::move(pulled.pull);
  };
  CatchUp catch_up(services_, subscription, [this] { return token_; }, pull);
  refusal = co_await catch_up.run(std::move(ticket.bytes));
  if (copy && !copy->can_answer()) copy->forget();
  if (subscription->ended() || !open_for_use()) co_return;
  if (refusal.code == wire::CODE_OK) carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step1, *server_vector));
  after_catch_up(*subscription, refusal);
}

// `for_copy`: a copy needs the field itself, if it is small. What the provider lacks of it is
// found here then.
awaitable<YjsDocument::Pulled> YjsDocument::pull_since(std::string state_vector, bool for_copy) {
  // What is wrong with a state vector the database says.
  const std::size_t state_up_to = for_copy && read_state_vector(state_vector) ? kLargestYjsCopy : 0;
  Pulled pulled;
  pulled.pull = co_await services_.access.yjs_pull(token_, name_.document, name_.field, state_vector, state_up_to);
  wire::PullResponse response;
  if (!response.ParseFromString(pulled.pull)) co_return pulled;
  wire::YjsState& yjs = *response.mutable_yjs();
  if (!yjs.state().empty()) {
    pulled.state = std::move(*yjs.mutable_state());
    Result<wire::YjsState> lacking = yjs_state_since(pulled.state, state_vector);
    if (!lacking) throw DatabaseError("the field in the database: " + lacking.error().message, "XX001", 1, false);
    yjs = std::move(*lacking);
    response.SerializeToString(&pulled.pull);
  }
  pulled.state_vector = yjs.state_vector();
  told_ = std::make_unique<YjsTold>(yjs);
  co_return pulled;
}

// From where it was served: the provider did not read, or the stream was lost.
awaitable<void> YjsDocument::follow() {
  auto self = shared_from_this();
  auto subscription = subscription_;
  auto pull = [this, subscription] {
    return services_.access.pull(token_, name_.document, subscription->since);
  };
  CatchUp catch_up(services_, subscription, [this] { return token_; }, pull);
  Refusal refusal = co_await catch_up.run({});
  if (!subscription->ended() && open_for_use()) after_catch_up(*subscription, refusal);
}

void YjsDocument::after_catch_up(const Subscription& subscription, const Refusal& refusal) {
  if (refusal.code == wire::CODE_OK) {
    if (asks_who_) tell_who();
    if (subscription.phase == Phase::lagging && queued_bytes() == 0) on_drained();
  } else if (refusal.code == wire::CODE_UNAVAILABLE) {
    carrier_->end(refusal.code, refusal.message, CloseCode::try_again_later);
  } else {
    over(refusal.code, refusal.message);
  }
}

void YjsDocument::on_drained() {
  if (!open_for_use() || !subscription_) return;
  if (subscription_->phase == Phase::live && subscription_->presence_behind) tell_who();
  if (subscription_->phase != Phase::lagging) return;
  services_.hub.rejoin(*subscription_);
  start(services_.io, [self = shared_from_this()] { return self->follow(); });
}

// One at a time: what is asked for meanwhile is in the answer, or was refused.
awaitable<void> YjsDocument::send_state(std::string state_vector, bool asked) {
  auto self = shared_from_this();
  if (sending_state_) co_return;
  sending_state_ = true;
  Refusal refusal;
  wire::PullResponse response;
  try {
    std::string pull = co_await services_.access.yjs_pull(token_, name_.document, name_.field, state_vector);
    response.ParseFromString(pull);
  } catch (const DatabaseError& error) {
    refusal = {code_of(error), told_of(error)};
  }
  sending_state_ = false;
  if (!open_for_use()) co_return;
  if (refusal.code == wire::CODE_OK) {
    carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step2, response.yjs().update()));
    // Hocuspocus's provider waits for the question, and counts its answer.
    if (named_ && asked) {
      told_ = std::make_unique<YjsTold>(response.yjs());
      carrier_->carry(yjs_sync_frame(prefix_, YjsSync::step1, response.yjs().state_vector()));
    }
  } else if (refusal.code == wire::CODE_UNAVAILABLE) {
    carrier_->end(refusal.code, refusal.message, CloseCode::try_again_later);
  } else {
    over(refusal.code, refusal.message);
  }
}

}  // namespace converge::bridge

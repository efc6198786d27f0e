// YjsDocument's awareness: whose state the provider shows, and when it is told of others'.
#include "yjs_document.h"

namespace converge::bridge {

namespace {

// Awareness entries that wait for the subscription.
constexpr std::size_t kEarlyAwareness = 16;
// Behind its first question a provider says at once what it shows itself. Who has said nothing
// by then is told of the others all the same.
constexpr std::chrono::milliseconds kBeginsWithin{100};
// The state vector of who has nothing: it is followed from there, where no question was asked.
const std::string kNothing(1, '\0');

}  // namespace

void YjsDocument::take_awareness(std::string_view update) {
  auto entries = read_awareness_update(update);
  if (!entries) {
    over(wire::CODE_PROTOCOL, "an awareness update that is malformed");
    return;
  }
  find_client(*entries);
  begun();
  if (!subscription_ && !joining_) tell_who_at({});
  for (YjsAwareness& entry : *entries) {
    if (awareness_.is_from_elsewhere(entry)) passed_on_at_ = std::chrono::steady_clock::now();
    if (!awareness_.is_own(entry)) continue;
    if (subscription_) {
      show(entry);
    } else if (to_show_.size() < kEarlyAwareness) {
      to_show_.push_back(std::move(entry));
    }
  }
}

// Providers begin with what they show themselves, behind their first question, and pass on
// only afterwards what they hear of others. Where they begin without, it is the first that
// nobody else shows, until somebody else does.
void YjsDocument::find_client(const std::vector<YjsAwareness>& entries) {
  const auto is_anothers = [this](std::uint64_t client) {
    return !subscription_ || PresenceExchange::is_anothers(*subscription_, name_.field, client);
  };
  if (guessed_client_ && awareness_.client() && is_anothers(*awareness_.client())) awareness_.be_nobody();
  if (awareness_.client()) return;
  guessed_client_ = begun_;
  for (const YjsAwareness& entry : entries) {
    if (entry.state.empty() || (guessed_client_ && is_anothers(entry.client))) continue;
    awareness_.be(entry.client);
    return;
  }
}

// Who it is, is known by now, or will not be soon: it is told of the others. Before, it
// might have been told of itself, as it was when it was here the last time.
void YjsDocument::begun() {
  if (std::exchange(begun_, true) || !subscription_) return;
  // What it was told as somebody unknown it may have had from other tabs.
  if (hears_ && awareness_.client()) subscription_->presence_behind = true;
  if (subscription_->phase == Phase::live && subscription_->presence_behind)
    services_.hub.presence().greet(*subscription_);
}

// Tells who is there: at once, where that is due and possible. Who is told so before it has begun is
// somebody unknown, who is told nothing of itself that Yjs would take (YjsAwarenessView::tell).
void YjsDocument::tell_who_at(std::chrono::steady_clock::time_point due) {
  const auto now = std::chrono::steady_clock::now();
  if (!subscription_) due = std::max(due, now + kBeginsWithin);
  if (due <= now) return tell_who();
  if (std::exchange(tells_who_, true)) return;
  start(services_.io, [self = shared_from_this(), due] { return self->tell_who_later(due); });
}

awaitable<void> YjsDocument::tell_who_later(std::chrono::steady_clock::time_point due) {
  auto self = shared_from_this();
  co_await sleep_for(services_.io, due - std::chrono::steady_clock::now());
  tells_who_ = false;
  if (!open_for_use()) co_return;
  hears_ = true;
  if (!subscription_ && !joining_) {
    sync(kNothing);
  } else if (subscription_ && (asks_who_ || subscription_->presence_behind)) {
    tell_who();
  }
}

// Where it cannot be told now, it is when it may be, or has read what it was sent.
void YjsDocument::tell_who() {
  hears_ = true;
  subscription_->presence_behind = true;
  if (subscription_->phase != Phase::live) return;
  if (queued_bytes() > 0) return carrier_->on_behind();
  const bool asked = std::exchange(asks_who_, false);
  told_who_ = false;
  services_.hub.presence().greet(*subscription_);
  if (!asked || !open_for_use()) return;
  who_told_at_ = std::chrono::steady_clock::now();
  if (!told_who_) carrier_->carry(yjs_awareness_frame(prefix_, kNobody));
}

void YjsDocument::show(const YjsAwareness& entry) {
  wire::Presence presence = presence_of(entry, name_.field);
  switch (services_.hub.presence().set(*subscription_, presence)) {
    case PresenceOutcome::set:
      awareness_.shows(entry);
      if (open_for_use()) carrier_->carry(yjs_awareness_frame(prefix_, awareness_echo(presence)));
      break;
    case PresenceOutcome::stale:
      break;
    case PresenceOutcome::malformed:
      over(wire::CODE_PROTOCOL, "an awareness state that is no JSON");
      break;
    case PresenceOutcome::too_large:
      pass_over_awareness(wire::CODE_TOO_LARGE, "the awareness state has " + std::to_string(entry.state.size()) +
                                                    " bytes; the limit is " +
                                                    std::to_string(services_.config.max_presence));
      break;
    case PresenceOutcome::too_many:
      pass_over_awareness(wire::CODE_LIMIT, "the document, or the connection, shows as many as it may");
      break;
    default:  // another principal's client: nobody sees it
      break;
  }
}

void YjsDocument::on_presence(Subscription& subscription, const PresenceUpdate& update) {
  if (!open_for_use()) return;
  if (!begun_ && !hears_) {
    subscription.presence_behind = true;
    tell_who_at(asked_at_ + kBeginsWithin);
    return;
  }
  const std::string told = awareness_.tell(update.presences(), name_.field);
  if (told.empty()) return;
  told_who_ = true;
  carrier_->carry(yjs_awareness_frame(prefix_, told));
}

}  // namespace converge::bridge

#include "presence.h"

#include <algorithm>

#include "core/json/json.h"
#include "hub.h"
#include "yjs_awareness.h"

namespace converge::bridge {

namespace {

using Clock = std::chrono::steady_clock;

// A document's subscribers are told at most this often, ...
constexpr std::chrono::milliseconds kShortestPause{50};
// ... and of presence a document sends at most so many bytes a second to all of
// them together: with n at one document, what they do is worth n² messages.
constexpr double kBytesPerSecond = 16 << 20;
// A subscriber with more than this to read gets what there is once it has.
constexpr std::size_t kBehindBytes = 16 << 10;
// A message to the other bridges, but for one presence that is longer.
constexpr std::size_t kPublishBytes = 24 << 10;
constexpr std::size_t kLongestField = 63;  // bytes of a column's name

// Whether `candidate` is later than what is known of the peer, or the same again.
bool is_later(const wire::Presence& known, const wire::Presence& candidate) {
  if (candidate.clock() != known.clock()) return candidate.clock() > known.clock();
  return candidate.state().empty();
}

wire::Presence ended_presence(const wire::Presence& presence) {
  wire::Presence ended = presence;
  ended.clear_state();
  return ended;
}

}  // namespace

PresenceExchange::PresenceExchange(asio::io_context& io, const Config& config, ChangeSource& source, Metrics& metrics)
    : io_(io), config_(config), source_(source), metrics_(metrics) {}

DocumentPresence& PresenceExchange::at(const std::shared_ptr<Document>& document) {
  if (!document->presence) document->presence = std::make_unique<DocumentPresence>();
  documents_.emplace(document->id, document);
  return *document->presence;
}

std::optional<PresenceOutcome> PresenceExchange::fault_of(const wire::Presence& presence) const {
  if (presence.state().size() > config_.max_presence || presence.field().size() > kLongestField)
    return PresenceOutcome::too_large;
  if (!presence.state().empty() && !validate_json(presence.state())) return PresenceOutcome::malformed;
  return {};
}

// ------------------------------------------------------------- what is known

void PresenceExchange::put(DocumentPresence::Entry& entry, const wire::Presence& presence) {
  entry.refreshed = Clock::now();
  if (entry.presence.clock() == presence.clock() && entry.presence.state() == presence.state()) return;
  entry.presence = presence;
  entry.changed = true;
}

// The entry is nobody's of this bridge any more.
void PresenceExchange::disown(DocumentPresence::Entry& entry) {
  if (entry.owner == nullptr) return;
  auto counted = of_subscriber_.find(entry.owner->subscriber);
  if (counted != of_subscriber_.end() && --counted->second == 0) of_subscriber_.erase(counted);
  entry.owner = nullptr;
  entry.to_publish = false;
}

// False: the subscriber has as many as it may.
bool PresenceExchange::own(DocumentPresence::Entry& entry, Subscription& subscription) {
  auto counted = of_subscriber_.find(subscription.subscriber);
  unsigned count = counted == of_subscriber_.end() ? 0 : counted->second;
  if (count >= config_.max_presences_per_connection) return false;
  disown(entry);
  ++of_subscriber_[subscription.subscriber];
  entry.owner = &subscription;
  entry.bridge = 0;
  entry.to_publish = true;
  return true;
}

// Takes an entry away; the subscribers and, if it was of this bridge, the other
// bridges are told at the next flush, if they know of it.
void PresenceExchange::end(DocumentPresence& at, std::map<DocumentPresence::Key, DocumentPresence::Entry>::iterator entry) {
  wire::Presence ended = ended_presence(entry->second.presence);
  if (entry->second.owner != nullptr && entry->second.known_elsewhere) at.ended_here.push_back(ended);
  if (entry->second.told) at.ended.push_back(std::move(ended));
  disown(entry->second);
  at.entries.erase(entry);
  metrics_.presences.Decrement();
}

PresenceOutcome PresenceExchange::set(Subscription& subscription, wire::Presence presence) {
  if (auto fault = fault_of(presence)) return *fault;
  presence.set_principal(subscription.subscriber->principal());
  auto& document = subscription.document;
  DocumentPresence& here = at(document);
  auto found = here.entries.find({presence.field(), presence.peer()});
  if (found == here.entries.end()) {
    if (presence.state().empty()) return PresenceOutcome::set;
    DocumentPresence::Entry entry;
    if (here.entries.size() >= config_.max_presences_per_document || !own(entry, subscription))
      return PresenceOutcome::too_many;
    if (presence.clock() == 0) presence.set_clock(1);
    put(entry, presence);
    here.entries.emplace(DocumentPresence::Key{presence.field(), presence.peer()}, std::move(entry));
    metrics_.presences.Increment();
    flush_soon(document);
    return PresenceOutcome::set;
  }

  DocumentPresence::Entry& entry = found->second;
  if (entry.presence.principal() != presence.principal()) return PresenceOutcome::taken;
  if (presence.clock() == 0)
    presence.set_clock(entry.presence.clock() + (presence.state() == entry.presence.state() ? 0 : 1));
  bool same = presence.clock() == entry.presence.clock() && presence.state() == entry.presence.state();
  if (!same && !is_later(entry.presence, presence)) return PresenceOutcome::stale;
  if (entry.owner != &subscription && !own(entry, subscription)) return PresenceOutcome::too_many;
  if (presence.state().empty()) {
    entry.presence.set_clock(presence.clock());
    end(here, found);
    flush_soon(document);
    return PresenceOutcome::set;
  }
  put(entry, presence);
  if (entry.changed) {
    entry.to_publish = true;
    flush_soon(document);
  }
  return PresenceOutcome::set;
}

void PresenceExchange::leave(Subscription& subscription) {
  auto& document = subscription.document;
  if (!document->presence) return;
  DocumentPresence& here = *document->presence;
  bool any = false;
  for (auto entry = here.entries.begin(); entry != here.entries.end();) {
    auto next = std::next(entry);
    if (entry->second.owner == &subscription) {
      end(here, entry);
      any = true;
    }
    entry = next;
  }
  if (any) flush_soon(document);
}

void PresenceExchange::close(Document& document) {
  if (!document.presence) return;
  publish(document);
  metrics_.presences.Decrement(static_cast<double>(document.presence->entries.size()));
  document.presence.reset();
  documents_.erase(document.id);
}

// ------------------------------------------------------------- other bridges

void PresenceExchange::watched(const std::shared_ptr<Document>& document) {
  if (std::exchange(document->presence_asked, true)) return;
  wire::DocumentPresence question;
  question.set_document(document->id);
  question.set_wanted(true);
  source_.send_presence(question);
  if (!document->presence) return;
  for (auto& [key, entry] : document->presence->entries)
    if (entry.owner != nullptr) entry.to_publish = true;
  publish(*document);
}

void PresenceExchange::arrived(const std::shared_ptr<Document>& document, const wire::DocumentPresence& incoming) {
  if (incoming.peers().empty() && !document->presence) return;  // nothing to answer
  DocumentPresence& here = at(document);
  for (const wire::Presence& presence : incoming.peers()) {
    if (fault_of(presence)) continue;
    auto found = here.entries.find({presence.field(), presence.peer()});
    if (found == here.entries.end()) {
      if (presence.state().empty() || here.entries.size() >= config_.max_presences_per_document) continue;
      metrics_.presences.Increment();
      found = here.entries.try_emplace({presence.field(), presence.peer()}).first;
    } else {
      const wire::Presence& known = found->second.presence;
      if (known.principal() != presence.principal()) continue;
      bool same = known.clock() == presence.clock() && known.state() == presence.state();
      if (!same && !is_later(known, presence)) continue;
      // It has come here from the other bridge, which learns of that now.
      if (found->second.owner != nullptr && known.clock() == presence.clock()) {
        if (!same) found->second.to_publish = true;
        continue;
      }
      disown(found->second);
    }
    found->second.bridge = incoming.bridge();
    found->second.known_elsewhere = true;
    if (presence.state().empty()) {
      found->second.presence.set_clock(presence.clock());
      end(here, found);
    } else {
      put(found->second, presence);
    }
  }
  if (incoming.wanted())
    for (auto& [key, entry] : here.entries)
      if (entry.owner != nullptr) entry.to_publish = true;
  flush_soon(document);
}

void PresenceExchange::bridge_detached(std::uint64_t bridge) {
  auto documents = documents_;
  for (auto& [id, document] : documents) {
    DocumentPresence& here = *document->presence;
    bool any = false;
    for (auto entry = here.entries.begin(); entry != here.entries.end();) {
      auto next = std::next(entry);
      if (entry->second.owner == nullptr && entry->second.bridge == bridge) {
        end(here, entry);
        any = true;
      }
      entry = next;
    }
    if (any) flush_soon(document);
  }
}

// What the other bridges' clients show stays, as long as it lasts: most likely
// they are back in a moment, under new numbers.
void PresenceExchange::worker_lost(Document& document) {
  document.presence_asked = false;
  if (!document.presence) return;
  for (auto& [key, entry] : document.presence->entries) entry.bridge = 0;
}

// ---------------------------------------------------------------- the telling

void PresenceExchange::flush_soon(const std::shared_ptr<Document>& document) {
  DocumentPresence& here = *document->presence;
  if (here.flush_waits || document->ended()) return;
  here.flush_waits = true;
  start(io_, flush_when_due(document));
}

awaitable<void> PresenceExchange::flush_when_due(std::shared_ptr<Document> document) {
  if (!document->presence) co_return;
  auto pause = std::chrono::ceil<std::chrono::milliseconds>(document->presence->next_flush - Clock::now());
  // Also when it is due: what comes in this turn goes out as one.
  co_await sleep_for(io_, std::max(pause, std::chrono::milliseconds(0)));
  if (document->presence) flush(*document);
}

void PresenceExchange::flush(Document& document) {
  document.presence->flush_waits = false;
  tell(document);
  publish(document);
}

// Tells the subscribers what has changed.
void PresenceExchange::tell(Document& document) {
  DocumentPresence& here = *document.presence;
  wire::ServerMessage message;
  wire::Presences& presences = *message.mutable_presences();
  presences.set_channel(document.channel);
  Subscription* sole_owner = nullptr;
  bool others = !here.ended.empty();
  for (wire::Presence& presence : here.ended) presences.add_peers()->Swap(&presence);
  here.ended.clear();
  for (auto& [key, entry] : here.entries) {
    if (!entry.changed) continue;
    entry.changed = false;
    entry.told = true;
    *presences.add_peers() = entry.presence;
    if (sole_owner == nullptr) sole_owner = entry.owner;
    if (entry.owner == nullptr || entry.owner != sole_owner) others = true;
  }
  if (presences.peers_size() == 0) return;

  metrics_.presences_out.Increment(presences.peers_size());
  PresenceUpdate update(std::move(message));
  std::size_t told = 0;
  auto subscriptions = document.subscriptions;
  for (const auto& subscription : subscriptions) {
    // Its own only: it knows.
    if (subscription->ended() || (!others && subscription.get() == sole_owner)) continue;
    // Who is joining is greeted.
    if (subscription->phase == Phase::joining) continue;
    // Who may have lost access is told of nothing until that is known.
    if (subscription->phase == Phase::checking) {
      subscription->presence_behind = true;
      continue;
    }
    if (subscription->subscriber->queued_bytes() > kBehindBytes) {
      subscription->presence_behind = true;
      subscription->subscriber->on_behind();
      continue;
    }
    ++told;
    subscription->subscriber->on_presence(*subscription, update);
  }
  if (!document.presence) return;
  double bytes = static_cast<double>(update.presences().ByteSizeLong() * told);
  auto pause = std::chrono::duration<double>(bytes / kBytesPerSecond);
  here.next_flush = Clock::now() + std::max<Clock::duration>(kShortestPause, std::chrono::duration_cast<Clock::duration>(pause));
}

void PresenceExchange::greet(Subscription& subscription) {
  bool was_behind = std::exchange(subscription.presence_behind, false);
  Document& document = *subscription.document;
  if (!document.presence || (document.presence->entries.empty() && !was_behind && !subscription.greeted)) return;
  subscription.greeted = true;
  wire::ServerMessage message;
  wire::Presences& presences = *message.mutable_presences();
  presences.set_channel(document.channel);
  presences.set_all(true);
  for (auto& [key, entry] : document.presence->entries) {
    entry.told = true;
    *presences.add_peers() = entry.presence;
  }
  subscription.subscriber->on_presence(subscription, PresenceUpdate(std::move(message)));
}

void PresenceExchange::tell_again(Subscription& subscription, const std::string& field) {
  const Document& document = *subscription.document;
  if (!document.presence || subscription.presence_behind) return;  // it is told of all when it reads
  if (subscription.subscriber->queued_bytes() > kBehindBytes) {
    subscription.presence_behind = true;
    subscription.subscriber->on_behind();
    return;
  }
  wire::ServerMessage message;
  wire::Presences& presences = *message.mutable_presences();
  presences.set_channel(document.channel);
  for (const auto& [key, entry] : document.presence->entries) {
    if (key.first == field && !is_yjs(entry.presence) && entry.told) *presences.add_peers() = entry.presence;
  }
  if (presences.peers_size() > 0) subscription.subscriber->on_presence(subscription, PresenceUpdate(std::move(message)));
}

bool PresenceExchange::is_anothers(const Subscription& subscription, const std::string& field, std::uint64_t peer) {
  const auto& here = subscription.document->presence;
  if (!here) return false;
  const auto found = here->entries.find({field, peer});
  return found != here->entries.end() && found->second.owner != &subscription;
}

// Sends the other bridges what this one's clients have set.
void PresenceExchange::publish(Document& document) {
  DocumentPresence& here = *document.presence;
  wire::DocumentPresence message;
  message.set_document(document.id);
  std::size_t bytes = 0;
  auto add = [&](const wire::Presence& presence) {
    if (bytes > 0 && bytes + presence.ByteSizeLong() > kPublishBytes) {
      source_.send_presence(message);
      message.clear_peers();
      bytes = 0;
    }
    bytes += presence.ByteSizeLong() + 4;
    *message.add_peers() = presence;
  };
  for (const wire::Presence& presence : here.ended_here) add(presence);
  here.ended_here.clear();
  auto now = Clock::now();
  for (auto& [key, entry] : here.entries) {
    if (!entry.to_publish) continue;
    entry.to_publish = false;
    entry.published = now;
    entry.known_elsewhere = true;
    add(entry.presence);
  }
  if (message.peers_size() > 0) source_.send_presence(message);
}

// ----------------------------------------------------------------------- time

awaitable<void> PresenceExchange::run() {
  for (;;) {
    co_await sleep_for(io_, std::max(config_.presence_timeout / 6, Milliseconds(10)));
    auto now = Clock::now();
    auto documents = documents_;
    for (auto& [id, document] : documents)
      if (document->presence) repeat(document, now);
  }
}

void PresenceExchange::repeat(const std::shared_ptr<Document>& document, Time now) {
  DocumentPresence& here = *document->presence;
  bool any = false;
  for (auto entry = here.entries.begin(); entry != here.entries.end();) {
    auto next = std::next(entry);
    if (now - entry->second.refreshed >= config_.presence_timeout) {
      end(here, entry);
      any = true;
    } else if (entry->second.owner != nullptr && now - entry->second.published >= config_.presence_timeout / 3) {
      entry->second.to_publish = true;
      any = true;
    }
    entry = next;
  }
  if (any) flush_soon(document);
  if (here.entries.empty() && here.ended.empty() && here.ended_here.empty()) documents_.erase(document->id);
}

}  // namespace converge::bridge

// What the hub does after the stream was lost, or one document's watch.
#include <algorithm>
#include <utility>

#include "hub.h"

namespace converge::bridge {

namespace {

constexpr unsigned kRefillers = 4;
constexpr std::chrono::milliseconds kRefillPause{200};
constexpr std::chrono::milliseconds kLongestRefillPause{10000};

}  // namespace

void Hub::on_lost() {
  send_gathered();
  ++access_changes_;
  for (auto& [id, document] : documents_) need_refill(*document);
  to_refill_.clear();
}

void Hub::need_refill(Document& document) {
  document.in_pieces = false;
  document.pieces.Clear();
  document.refilling = true;
  document.forget_copies();
  document.held.clear();
  document.held_bytes = 0;
  document.held_version = LogVersion();
  document.overflowed = false;
  presence_.worker_lost(document);
}

void Hub::on_watch_ended(std::uint64_t id) {
  auto found = documents_.find(id);
  if (found == documents_.end() || found->second->refilling) return;
  send_gathered();
  need_refill(*found->second);
  to_refill_.push_back(id);
  start_refills();
}

void Hub::on_attached() {
  to_refill_.clear();
  for (auto& [id, document] : documents_)
    if (document->refilling) to_refill_.push_back(id);
  start_refills();
}

void Hub::start_refills() {
  while (refillers_ < kRefillers && refillers_ < to_refill_.size()) {
    ++refillers_;
    start(io_, refill_documents());
  }
}

awaitable<void> Hub::refill_documents() {
  while (!to_refill_.empty()) {
    std::uint64_t id = to_refill_.front();
    to_refill_.pop_front();
    auto found = documents_.find(id);
    if (found == documents_.end() || !found->second->refilling) continue;
    auto document = found->second;
    found = documents_.end();
    if (std::exchange(document->being_refilled, true)) continue;
    const Refill outcome = co_await refill(document);
    document->being_refilled = false;
    if (outcome == Refill::done) document->refill_pause = {};
    if (outcome == Refill::refused) start(io_, refill_later(document));
    if (outcome != Refill::not_now) continue;
    // If the worker is gone again, on_attached() starts over.
    co_await sleep_for(io_, kRefillPause);
    if (source_.attached()) to_refill_.push_back(id);
  }
  --refillers_;
}

// The worker has too many watches, say: asking at once again would change nothing.
awaitable<void> Hub::refill_later(std::shared_ptr<Document> document) {
  document->refill_pause = std::clamp(document->refill_pause * 2, kRefillPause, kLongestRefillPause);
  co_await sleep_for(io_, document->refill_pause);
  if (document->ended() || !document->refilling || document->being_refilled || !source_.attached()) co_return;
  to_refill_.push_back(document->id);
  start_refills();
}

// Watches the document again and brings its live subscribers up to date, under
// the identity of one of them; the others are asked about before they get it.
awaitable<Hub::Refill> Hub::refill(std::shared_ptr<Document> document) {
  while (!document->ended()) {
    // One of whom it was found that it may read, if there is one.
    auto subscription = document->subscriptions.front();
    for (const auto& other : document->subscriptions) {
      if (other->phase == Phase::joining) continue;
      subscription = other;
      break;
    }
    const auto token = std::make_shared<const std::string>(subscription->subscriber->token());
    std::string refusal;
    wire::Code code = wire::CODE_OK;
    try {
      Ticket ticket = co_await access_.subscribe(token, document->ref);
      if (document->ended()) co_return Refill::done;
      if (ticket.document != document->id)
        throw DatabaseError("the document was deleted and made anew", "P0002", 0, false);
      const WatchOutcome outcome = co_await source_.watch(document->id, ticket.bytes);
      if (outcome != WatchOutcome::watching)
        co_return outcome == WatchOutcome::refused ? Refill::refused : Refill::not_now;
      document->overflowed = false;
      std::string pull = co_await access_.pull(token, document->ref, document->version.encode());
      if (document->overflowed || !source_.attached()) co_return Refill::not_now;
      finish_refill(*document, pull);
      presence_.watched(document);
      co_return Refill::done;
    } catch (const DatabaseError& error) {
      if (error.unavailable) co_return Refill::not_now;
      code = code_of(error);
      refusal = told_of(error);
    }
    // This one may not read it any longer: perhaps the next.
    if (!subscription->ended()) subscription->subscriber->on_revoked(document->channel, code, refusal);
  }
  co_return Refill::done;
}

void Hub::finish_refill(Document& document, std::string_view pull) {
  document.refilling = false;
  std::vector<Frame> held = std::move(document.held);
  document.held = {};
  document.held_bytes = 0;
  document.renewed = std::chrono::steady_clock::now();
  for (const auto& subscription : document.subscriptions) {
    // What the stream said meanwhile of changed access, nobody knows.
    if (subscription->phase == Phase::live) start_check(*subscription);
    if (subscription->phase != Phase::checking) continue;
    subscription->check_again = true;
    const Frame pulled = subscribed_frame(subscription->request, document.channel, pull);
    hold(subscription->held, subscription->held_bytes, subscription->overflowed, config_.send_queue, pulled);
    for (const Frame& frame : held)
      hold(subscription->held, subscription->held_bytes, subscription->overflowed, config_.send_queue, frame);
  }
  if (auto decoded = LogVersion::decode(pull_head(pull).log_version)) document.version.merge(*decoded);
  document.version.merge(document.held_version);
  document.held_version = LogVersion();
}

}  // namespace converge::bridge

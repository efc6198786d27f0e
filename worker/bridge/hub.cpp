#include "hub.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "log.h"

namespace converge::bridge {

namespace {

// A batch is sent when it has grown to this, even if more is waiting.
constexpr std::size_t kBatchBytes = 128 << 10;
// What a document keeps of that for the next one.
constexpr std::size_t kKeptBatch = 1 << 10;
// A change whose payload comes in pieces and grows beyond this is fetched from
// the log, as part of a state if that is smaller.
constexpr std::size_t kLongestPayload = 64 << 20;
// In a third of the time that a watch lasts. Clients' checks renew it, but not earlier than
// need be; where none has by then, one is made for it.
constexpr int kRenewAfter = 1;
constexpr int kRenewAtLast = 2;
constexpr int kRenewPauses = 30;  // of the whole time
constexpr std::chrono::milliseconds kAttachPause{200};
// Fields of a document of which there are copies.
constexpr std::size_t kMostYjsCopies = 8;

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What a client calls the document.
std::string name_of(const std::string& tenant, const wire::DocumentRef& ref) {
  std::string name = tenant;
  name.push_back('\0');
  name += ref.collection();
  name.push_back('\0');
  return name += ref.key();
}

}  // namespace

void Document::forget_copies() {
  for (const auto& copy : yjs_copies) copy->forget();
  yjs_copies.clear();
}

void Hub::hold(std::vector<Frame>& held, std::size_t& bytes, bool& overflowed, std::size_t bound, const Frame& frame) {
  if (overflowed) return;
  if (bytes + frame->size() > bound && !held.empty()) {
    overflowed = true;
    held.clear();
    bytes = 0;
    return;
  }
  bytes += frame->size();
  held.push_back(frame);
}

Hub::Hub(asio::io_context& io, const Config& config, Access& access, ChangeSource& source, GatherWindow& gathering,
         Metrics& metrics)
    : io_(io),
      config_(config),
      access_(access),
      source_(source),
      gather_window_(gathering),
      metrics_(metrics),
      presence_(io, config, source, metrics),
      yjs_copies_(config.yjs_copies),
      access_check_(io, access, *this) {}

// A number that no document on this worker has; 0 is never used.
std::uint32_t Hub::next_channel() {
  do ++last_channel_;
  while (last_channel_ == 0 || channels_.count(last_channel_) != 0);
  return last_channel_;
}

std::shared_ptr<Subscription> Hub::join(Subscriber& subscriber, const Ticket& ticket, const wire::DocumentRef& ref,
                                        std::uint32_t request) {
  auto& document = documents_[ticket.document];
  if (!document) {
    document = std::make_shared<Document>();
    document->id = ticket.document;
    document->tenant = ticket.tenant;
    document->ref = ref;
    document->channel = next_channel();
    document->renewed = std::chrono::steady_clock::now();
    channels_[document->channel] = document->id;
    names_[name_of(document->tenant, ref)] = document->id;
    tenants_[document->tenant].insert(document.get());
    metrics_.documents.Increment();
  }
  return join(subscriber, document, request);
}

std::shared_ptr<Subscription> Hub::join(Subscriber& subscriber, std::shared_ptr<Document> document,
                                        std::uint32_t request) {
  metrics_.subscriptions.Increment();
  auto subscription = std::make_shared<Subscription>();
  subscription->subscriber = &subscriber;
  subscription->document = std::move(document);
  subscription->request = request;
  auto& all = subscription->document->subscriptions;
  subscription->position = all.size();
  all.push_back(subscription);
  // What came before was not held for this subscriber, and pull() will have it.
  return subscription;
}

std::shared_ptr<Document> Hub::watched(const std::string& tenant, const wire::DocumentRef& ref) const {
  auto name = names_.find(name_of(tenant, ref));
  if (name == names_.end() || !source_.attached()) return nullptr;
  auto document = documents_.at(name->second);
  if (!document->version_known || document->refilling) return nullptr;
  return document;
}

std::shared_ptr<Subscription> Hub::join_watched(Subscriber& subscriber, const std::string& tenant,
                                                const wire::DocumentRef& ref, std::uint32_t request) {
  auto document = watched(tenant, ref);
  if (!document) return nullptr;
  auto subscription = join(subscriber, std::move(document), request);
  subscription->passed = subscription->document->version;
  // The stream told of changed access, perhaps before the pull's snapshot shows it.
  subscription->check_again = access_check_.is_behind();
  return subscription;
}

bool Hub::is_complete(const Subscription& subscription, std::string_view pull) const {
  const PullHead head = pull_head(pull);
  const auto version = LogVersion::decode(head.log_version);
  return head.incarnation == subscription.document->id && version && version->includes(subscription.passed);
}

void Hub::leave(Subscription& subscription) {
  if (subscription.ended()) return;
  auto document = subscription.document;
  presence_.leave(subscription);
  subscription.subscriber = nullptr;
  metrics_.subscriptions.Decrement();
  subscription.held.clear();
  auto& all = document->subscriptions;
  std::size_t position = subscription.position;
  all.back()->position = position;
  std::swap(all[position], all.back());
  all.pop_back();  // `subscription` lives as long as its session's coroutine holds it
  if (all.empty()) {
    presence_.close(*document);
    source_.unwatch(document->id);
    channels_.erase(document->channel);
    auto name = names_.find(name_of(document->tenant, document->ref));
    if (name != names_.end() && name->second == document->id) names_.erase(name);
    auto tenant = tenants_.find(document->tenant);
    tenant->second.erase(document.get());
    if (tenant->second.empty()) tenants_.erase(tenant);
    documents_.erase(document->id);
    metrics_.documents.Decrement();
  }
}

void Hub::rejoin(Subscription& subscription) {
  subscription.phase = Phase::joining;
  subscription.held.clear();
  subscription.held_bytes = 0;
  subscription.overflowed = false;
  subscription.check_again = false;
}

void Hub::finish_joining(Subscription& subscription, std::string_view pull) {
  Document& document = *subscription.document;
  metrics_.catch_ups.Increment();
  subscription.passed = LogVersion();
  subscription.subscriber->send(subscribed_frame(subscription.request, document.channel, pull));
  std::string version = pull_head(pull).log_version;
  presence_.watched(subscription.document);
  if (subscription.overflowed) {
    subscription.phase = Phase::lagging;
    subscription.since = version;
    subscription.overflowed = false;
    subscription.subscriber->on_behind();
    return;
  }
  // Not from later ones: they may have pulled what the stream has yet to bring
  // to the others.
  if (!document.version_known) {
    if (auto decoded = LogVersion::decode(version)) document.version.merge(*decoded);
    document.version_known = true;
  }
  if (subscription.check_again) {  // perhaps since the pull
    subscription.since = version;
    subscription.phase = Phase::checking;
    subscription.check_again = false;
    subscription.presence_behind = true;
    ask(subscription);
    return;
  }
  go_live(subscription);
  presence_.greet(subscription);
}

// ------------------------------------------------------------ copies for Yjs

std::uint64_t Hub::access_mark() const {
  return access_check_.is_behind() || !source_.attached() ? 0 : access_changes_;
}

bool Hub::has_yjs_copy(const std::string& tenant, const wire::DocumentRef& ref, const std::string& field) const {
  auto name = names_.find(name_of(tenant, ref));
  if (name == names_.end()) return false;
  const auto& copies = documents_.at(name->second)->yjs_copies;
  return std::any_of(copies.begin(), copies.end(),
                     [&](const auto& copy) { return copy->field() == field && copy->can_answer(); });
}

std::shared_ptr<YjsCopy> Hub::yjs_copy(const Subscription& subscription, const std::string& field) {
  Document& document = *subscription.document;
  // What the stream told of the document, a pull may not know yet.
  if (document.refilling || access_mark() == 0) return nullptr;
  auto& copies = document.yjs_copies;
  std::erase_if(copies, [](const auto& copy) { return copy->forgotten(); });
  for (const auto& copy : copies)
    if (copy->field() == field) return copy;
  if (copies.size() >= kMostYjsCopies) return nullptr;
  auto copy = yjs_copies_.begin(field);
  if (copy) copies.push_back(copy);
  return copy;
}

std::shared_ptr<Subscription> Hub::join_copied(Subscriber& subscriber, const Ticket& ticket, std::uint64_t mark,
                                               const std::string& field, std::string_view state_vector,
                                               wire::YjsState* lacking) {
  if (mark == 0 || mark != access_mark()) return nullptr;
  auto found = documents_.find(ticket.document);
  if (found == documents_.end()) return nullptr;
  auto document = found->second;
  if (document->tenant != ticket.tenant || !document->version_known || document->refilling) return nullptr;
  for (const auto& copy : document->yjs_copies) {
    if (copy->field() != field || !copy->answer(state_vector, lacking)) continue;
    metrics_.yjs_copy_answers.Increment();
    renew(*document, ticket.bytes);
    return join(subscriber, std::move(document), 0);
  }
  return nullptr;
}

void Hub::finish_joining(Subscription& subscription) {
  presence_.watched(subscription.document);
  go_live(subscription);
  presence_.greet(subscription);
}

void Hub::go_live(Subscription& subscription) {
  subscription.phase = Phase::live;
  subscription.since.clear();
  std::vector<Frame> held = std::move(subscription.held);
  subscription.held = {};
  subscription.held_bytes = 0;
  for (Frame& frame : held) subscription.subscriber->send(std::move(frame));
}

// ------------------------------------------------------------ changed access

// From here on the subscription is sent nothing until on_checked().
void Hub::start_check(Subscription& subscription) {
  subscription.phase = Phase::checking;
  subscription.since = subscription.document->version.encode();
  subscription.held.clear();
  subscription.held_bytes = 0;
  subscription.overflowed = false;
  subscription.check_again = false;
  ask(subscription);
}

void Hub::ask(Subscription& subscription) {
  access_check_.ask(subscription.document->subscriptions[subscription.position]);
}

void Hub::hold_back(Subscription& subscription) {
  switch (subscription.phase) {
    case Phase::live:
      start_check(subscription);
      break;
    case Phase::joining:
    case Phase::checking:
      subscription.check_again = true;
      break;
    case Phase::lagging:
      break;  // it will join again
  }
}

void Hub::on_access(const wire::StreamFrame& frame, const wire::AccessChange& change) {
  send_gathered();  // what was committed before is still theirs
  access_check_.note(frame.xid());
  ++access_changes_;
  auto hold_back_all = [&](const Document& document) {
    for (const auto& subscription : document.subscriptions)
      if (change.principal().empty() || subscription->subscriber->principal() == change.principal())
        hold_back(*subscription);
  };
  if (change.document() != 0) {
    auto found = documents_.find(change.document());
    if (found == documents_.end()) return;
    // Something of it may have been put into quarantine.
    found->second->forget_copies();
    hold_back_all(*found->second);
  } else if (!change.tenant().empty()) {
    auto found = tenants_.find(change.tenant());
    if (found == tenants_.end()) return;
    for (const Document* document : found->second) hold_back_all(*document);
  } else {
    for (const auto& [id, document] : documents_) {
      document->forget_copies();  // of fields that may be gone
      hold_back_all(*document);
    }
  }
}

void Hub::on_checked(Subscription& subscription, const wire::DocumentAccess& access) {
  Document& document = *subscription.document;
  if (access.code() == wire::CODE_UNAUTHENTICATED) {
    subscription.subscriber->on_unauthenticated(access.message());
  } else if (access.code() != wire::CODE_OK) {
    subscription.subscriber->on_revoked(document.channel, access.code(), access.message());
  } else if (access.document() != document.id) {
    subscription.subscriber->on_revoked(document.channel, wire::CODE_UNKNOWN_DOCUMENT,
                                        "the document was deleted and made anew");
  } else {
    renew(document, access.ticket());
    if (!subscription.written.empty() && access.writing() != wire::CODE_UNAVAILABLE)
      subscription.subscriber->on_may_write(access.writing() == wire::CODE_OK);
    if (subscription.phase == Phase::checking) release(subscription);
  }
}

// The database has said that it may read on.
void Hub::release(Subscription& subscription) {
  if (subscription.check_again) {
    subscription.check_again = false;
    ask(subscription);
  } else if (subscription.overflowed) {
    subscription.phase = Phase::lagging;
    subscription.overflowed = false;
    subscription.subscriber->on_behind();
    if (subscription.subscriber->queued_bytes() == 0) subscription.subscriber->on_drained();
  } else {
    go_live(subscription);
    if (subscription.presence_behind) presence_.greet(subscription);
  }
}

void Hub::renew(Document& document, const std::string& ticket) {
  const auto now = std::chrono::steady_clock::now();
  if (now - document.renewed < kRenewAfter * source_.watch_time() / 3) return;
  document.renewed = now;
  document.renews.reset();
  source_.renew(document.id, ticket);
}

awaitable<void> Hub::run() {
  if (source_.watch_time().count() == 0) co_return;
  for (;;) {
    co_await sleep_for(io_, source_.attached() ? source_.watch_time() / kRenewPauses : kAttachPause);
    if (!source_.attached()) continue;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [id, document] : documents_) {
      if (now - document->renewed < kRenewAtLast * source_.watch_time() / 3 || document->refilling) continue;
      const auto asked = document->renews.lock();
      if (asked && !asked->ended()) continue;
      const auto& all = document->subscriptions;
      const auto someone = std::find_if(all.begin(), all.end(), [](const auto& each) { return each->phase != Phase::joining; });
      if (someone == all.end()) continue;
      document->renews = *someone;
      access_check_.look(*someone);
    }
  }
}

// ---------------------------------------------------------------- the stream

void Hub::on_change(const wire::StreamFrame& frame, const wire::StreamChange& change) {
  auto found = documents_.find(change.document());
  if (found == documents_.end()) return;  // its last subscriber has just left
  Document& document = *found->second;
  if (change.tenant() != document.tenant) {
    log(Severity::error, "the worker sent document ", document.id, " as tenant \"", change.tenant(),
        "\", but it belongs to \"", document.tenant, "\"; the change is not passed on");
    return;
  }

  const wire::Change* whole = &change.change();
  if (document.in_pieces || change.continues()) {
    if (document.in_pieces) {
      document.pieces.mutable_payload()->append(whole->payload());
    } else {
      document.pieces = *whole;
    }
    document.in_pieces = change.continues();
    if (document.in_pieces && document.pieces.payload().size() <= kLongestPayload) return;
    if (document.in_pieces) throw std::runtime_error("a change with a payload beyond 64 MB from the worker");
    whole = &document.pieces;
  }
  if (document.batch.size() + whole->ByteSizeLong() > kBatchBytes) flush(document);
  if (document.batch.empty()) document.batch_committed = frame.commit_time();
  append_change(document.batch, *whole);
  document.batch_numbers.push_back({whole->replica(), whole->seq()});
  if (whole == &document.pieces) document.pieces.Clear();
  if (!document.dirty) {
    document.dirty = true;
    dirty_.push_back(found->second);
  }
}

void Hub::on_presence(const wire::DocumentPresence& presence) {
  auto found = documents_.find(presence.document());
  if (found != documents_.end()) presence_.arrived(found->second, presence);
}

// Under load other bursts may follow before the turn's end, and go along.
void Hub::on_pause() {
  if (dirty_.empty()) return;
  if (gather_window_.window().count() == 0) return gather_window_.end_turn_after([this] { send_gathered(); });
  gather_window_.end_turn_later();
}

void Hub::send_gathered() {
  auto dirty = std::move(dirty_);
  dirty_.clear();
  for (auto& document : dirty) {
    document->dirty = false;
    flush(*document);
  }
}

void Hub::flush(Document& document) {
  if (document.batch.empty()) return;
  const auto& numbers = document.batch_numbers;
  const Frame frame = changes_frame(document.channel, document.batch);
  std::uint64_t sole_replica = numbers.front().replica;
  for (const auto& number : numbers)
    if (number.replica != sole_replica) sole_replica = 0;
  deliver(document, frame, sole_replica, numbers.back().seq);
  for (const auto& copy : document.yjs_copies) copy->add(document.batch);
  metrics_.changes_out.Increment(static_cast<double>(numbers.size()));
  metrics_.delivery_seconds.Observe(std::max(0.0, seconds_since_1970() - static_cast<double>(document.batch_committed) / 1e6));
  LogVersion& version = document.refilling ? document.held_version : document.version;
  for (const auto& number : numbers) version.raise(number.replica, number.seq);
  document.batch.clear();
  document.batch_numbers.clear();
  if (document.batch.capacity() <= kKeptBatch) return;
  document.batch.shrink_to_fit();
  document.batch_numbers.shrink_to_fit();
}

// Precondition: document.version does not include the frame yet.
void Hub::deliver(Document& document, const Frame& frame, std::uint64_t sole_replica, std::uint64_t last_seq) {
  if (document.refilling)
    hold(document.held, document.held_bytes, document.overflowed, config_.send_queue, frame);
  for (const auto& subscription : document.subscriptions) {
    switch (subscription->phase) {
      case Phase::checking:
        if (document.refilling) break;
        [[fallthrough]];
      case Phase::joining:
        hold(subscription->held, subscription->held_bytes, subscription->overflowed, config_.send_queue, frame);
        break;
      case Phase::live: {
        if (document.refilling) break;
        // The author has sent it on this connection, and gets an Ack instead. (What
        // it sent on the one before, it may have forgotten in a crash.)
        if (sole_replica != 0 && sole_replica == subscription->own_replica && last_seq <= subscription->own_seq) break;
        std::size_t queued = subscription->subscriber->queued_bytes();
        if (queued > 0 && queued + frame->size() > config_.send_queue) {
          subscription->phase = Phase::lagging;
          subscription->since = document.version.encode();
          subscription->subscriber->on_behind();
        } else {
          subscription->subscriber->send(frame);
        }
        break;
      }
      case Phase::lagging:
        break;
    }
  }
}

}  // namespace converge::bridge

// YjsDocument's updates: from the provider's messages to the pusher, and the verdicts.
#include <algorithm>
#include <random>

#include "log.h"
#include "rate_limiter.h"
#include "yjs_document.h"

namespace converge::bridge {

namespace {

// A provider that hears of the document past the server (from other tabs, from WebRTC
// peers, from a store in its browser) does so again within this time, with a state
// of awareness if not with an edit.
constexpr std::chrono::minutes kPassesOn{1};
// So long what a provider passes on of somebody who is there too waits for that one's own,
// and nobody's deletion is taken for new after another's.
constexpr std::chrono::seconds kOvertaken{1};

std::uint64_t new_replica() {
  std::random_device source;
  const std::uint64_t bits = std::uint64_t{source()} << 32 | source();
  return (bits >> 11) | 1;  // below 2^53, and not 0
}

// JSON's string of a message of the server's, which has no control characters but
// perhaps quotes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  return out + '"';
}

}  // namespace

void YjsDocument::on_dropped(const YjsMessage& message, std::string_view why) {
  if (message.type == YjsMessageType::sync && message.sync != YjsSync::step1) {
    refuse(wire::CODE_TOO_LARGE, why);
  } else if (message.type == YjsMessageType::awareness) {
    pass_over_awareness(wire::CODE_TOO_LARGE, why);
  } else if (message.type != YjsMessageType::stateless) {  // which nobody would have got
    over(wire::CODE_PROTOCOL, why);
  }
}

void YjsDocument::take_update(std::string_view update, YjsSync step) {
  if (!refused_.empty()) {
    refuse(wire::CODE_AFTER_REFUSED, "an earlier update was refused: " + refused_);
    return;
  }
  const std::unique_ptr<YjsTold> told = step == YjsSync::step2 ? std::move(told_) : nullptr;
  if (told && told->includes(update)) {
    acknowledge();
    return;
  }
  // Before it is read, which costs as well.
  if (!services_.rates.take_changes(identity_.rates, identity_.tenant, identity_.principal, 1,
                                    std::chrono::steady_clock::now())) {
    carrier_->end(wire::CODE_LIMIT, kTooMuch, CloseCode::try_again_later);  // it offers this again then
    return;
  }
  const Result<YjsDelta> read = read_yjs_update(update);
  if (!read) {
    const Error& error = read.error();
    const std::string why = error.detail.empty() ? error.message : error.message + ": " + error.detail;
    if (error.code == ErrorCode::too_large) {
      refuse(wire::CODE_TOO_LARGE, why);
    } else {
      over(wire::CODE_MALFORMED, why);
    }
    return;
  }
  if (read->delta.empty()) {  // it has all there is, and nothing of its own
    acknowledge();
    return;
  }
  if (replica_ == 0) replica_ = new_replica();
  if (subscription_) subscription_->own_replica = replica_;
  wire::Change change;
  change.set_replica(replica_);
  change.set_is_new(is_new(read->structs, step, told.get()));
  change.set_payload(encode_payload(name_.field, read->delta));
  if (step == YjsSync::update && is_of_others_here(read->structs)) {
    hold(std::move(change));
  } else {
    push(std::move(change));
  }
}

// Whether their authors are at the document themselves, and will send it. Passed on, it
// may come before theirs: it would be logged twice then, and refused where it is under
// another principal's client.
bool YjsDocument::is_of_others_here(const std::vector<YjsStructs>& structs) const {
  return subscription_ && !structs.empty() && std::all_of(structs.begin(), structs.end(), [this](const YjsStructs& range) {
    return range.client != writes_as_ && PresenceExchange::is_anothers(*subscription_, name_.field, range.client);
  });
}

void YjsDocument::hold(wire::Change change) {
  const std::size_t bytes = change.ByteSizeLong() + sizeof(PassedOn);
  pushing_bytes_ += bytes;
  passed_on_.push_back({std::chrono::steady_clock::now() + kOvertaken, std::move(change), bytes});
  if (passed_on_.size() == 1) start(services_.io, [self = shared_from_this()] { return self->push_passed_on(); });
}

awaitable<void> YjsDocument::push_passed_on() {
  auto self = shared_from_this();
  while (!passed_on_.empty()) {
    const auto due = passed_on_.front().due;
    co_await sleep_for(services_.io, due - std::chrono::steady_clock::now());
    while (!passed_on_.empty() && passed_on_.front().due <= due) push_first_passed_on();
  }
}

// Also when the connection ends: it may have been the only one that had it.
void YjsDocument::stop_holding() {
  while (!passed_on_.empty()) push_first_passed_on();
}

void YjsDocument::push_first_passed_on() {
  PassedOn first = std::move(passed_on_.front());
  passed_on_.pop_front();
  pushing_bytes_ -= first.bytes;
  push(std::move(first.change));
}

// Whether the server certainly lacks something of it; else it looks. A struct of the
// provider's own client that follows directly on what was pushed from here, or on what the
// server had of that client, is new: nobody else makes those. So is a deletion that
// it tells by itself, as it makes it, unless it may have heard of that from others.
bool YjsDocument::is_new(const std::vector<YjsStructs>& structs, YjsSync step, const YjsTold* told) {
  if (structs.empty()) return step == YjsSync::update && !may_be_passed_on();
  if (!writes_as_ && awareness_.client() && !guessed_client_) {
    writes_as_ = awareness_.client();
  } else if (!writes_as_ && step == YjsSync::update && structs.front().client == structs.back().client) {
    writes_as_ = structs.front().client;  // who shows nothing is known by what it writes first
  }
  bool is_new = false;
  for (const YjsStructs& range : structs) {
    if (range.client != writes_as_) {
      if (step == YjsSync::update) passed_on_at_ = std::chrono::steady_clock::now();
      continue;
    }
    if (!pushed_) pushed_ = told ? told->clock_of(range.client) : range.end;
    is_new = is_new || (range.from <= *pushed_ && range.end > *pushed_);
    pushed_ = std::max(*pushed_, range.end);
  }
  return is_new;
}

// Of a deletion by itself, which does not tell whose work it is: by this provider, or, before its
// author's own came, by another.
bool YjsDocument::may_be_passed_on() {
  const auto now = std::chrono::steady_clock::now();
  const bool passes_on = passed_on_at_ && now - *passed_on_at_ < kPassesOn;
  if (!subscription_) return passes_on;
  auto& last = subscription_->document->deletion;
  if (last.by != this) last.others_at = std::exchange(last.by, this) != nullptr ? last.at : now - kOvertaken;
  last.at = now;
  return passes_on || now - last.others_at < kOvertaken;
}

void YjsDocument::push(wire::Change change) {
  PendingPush pending;
  pending.author = weak_from_this();
  pending.token = token_;
  if (!pushed_document_) pushed_document_ = std::make_shared<const wire::DocumentRef>(name_.document);
  pending.document = pushed_document_;
  pending.bytes = change.ByteSizeLong() + sizeof(PendingPush);
  pending.changes.push_back(std::move(change));
  pushing_bytes_ += pending.bytes;
  services_.pusher.enqueue(std::move(pending));
}

void YjsDocument::on_push_done(std::size_t bytes) {
  pushing_bytes_ -= bytes;
  if (open_for_use()) carrier_->resume();
}

void YjsDocument::on_verdicts(std::uint32_t, std::span<const wire::Change>,
                              std::span<const wire::Verdict> verdicts) {
  for (const wire::Verdict& verdict : verdicts) {
    if (!open_for_use()) return;
    switch (verdict.code()) {
      case wire::CODE_OK:
      case wire::CODE_DUPLICATE:
        acknowledge();
        break;
      case wire::CODE_LIMIT:
      case wire::CODE_UNAVAILABLE:  // the provider sends it again when it connects again
        carrier_->end(verdict.code(), verdict.message(), CloseCode::try_again_later);
        break;
      case wire::CODE_UNAUTHENTICATED:
      case wire::CODE_UNKNOWN_DOCUMENT:
      case wire::CODE_UNKNOWN_FIELD:
        over(verdict.code(), verdict.message());
        break;
      default:
        refuse(verdict.code(), verdict.message());
    }
  }
}

void YjsDocument::acknowledge() {
  if (named_) carrier_->carry(yjs_sync_status_frame(prefix_, true));
}

// In Hocuspocus's dialect: to the application, which hears of it as a stateless message.
void YjsDocument::tell(std::string_view type, wire::Code code, std::string_view message) {
  carrier_->carry(yjs_stateless_frame(prefix_, R"({"type":)" + quoted(type) + R"(,"code":)" +
                                                   quoted(wire::Code_Name(code)) + R"(,"message":)" + quoted(message) + "}"));
}

// What the client shows of itself is seen by nobody. Editors show something with each
// movement of a cursor, so it is said once.
void YjsDocument::pass_over_awareness(wire::Code code, std::string_view why) {
  services_.metrics.rejections(code).Increment();
  if (std::exchange(awareness_passed_over_, true) || !open_for_use()) return;
  log(Severity::info, "does not show ", identity_.principal, " of ", identity_.tenant, " at ",
      name_.document.collection(), "/", name_.document.key(), " to others: ", why);
  if (named_) tell("awareness", code, why);
}

// The provider is told, and sent the state, which it has to begin anew from: a Yjs
// document cannot take back what is in it.
void YjsDocument::refuse(wire::Code code, std::string_view message) {
  services_.metrics.rejections(code).Increment();
  const bool first = refused_.empty();
  if (first) refused_ = std::string(message);
  if (named_) {
    carrier_->carry(yjs_sync_status_frame(prefix_, false));
    if (first) tell("refused", code, message);
    if (told_may_write_) tell_scope();
  } else {
    carrier_->carry(yjs_permission_denied_frame(prefix_, false, message));
  }
  if (first) start(services_.io, [self = shared_from_this()] { return self->send_state({}, false); });
}

}  // namespace converge::bridge

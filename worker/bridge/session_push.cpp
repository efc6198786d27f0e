// What a session does with a client's changes and new documents, and tells of them.
#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <utility>

#include "session.h"

namespace converge::bridge {

void Session::push(wire::Push& push) {
  auto subscription = find(push.channel());
  if (!subscription) {
    problem(wire::CODE_UNKNOWN_DOCUMENT, "no subscription on channel " + std::to_string(push.channel()));
    return;
  }
  if (push.changes().empty()) {
    complain("a Push without changes");
    return;
  }
  if (!services_.rates.take_changes(rates_, tenant_, principal_, static_cast<std::size_t>(push.changes_size()),
                                    std::chrono::steady_clock::now())) {
    wire::Verdict verdict;
    verdict.set_code(wire::CODE_LIMIT);
    verdict.set_message(std::string(kTooMuch));
    const std::vector<wire::Change> changes(push.changes().begin(), push.changes().end());
    on_verdicts(push.channel(), changes, std::vector<wire::Verdict>(changes.size(), verdict));
    return;
  }
  PendingPush pending;
  pending.author = weak_from_this();
  pending.channel = push.channel();
  pending.token = token_;
  pending.document = {subscription->document, &subscription->document->ref};
  pending.bytes = push.ByteSizeLong() + sizeof(PendingPush);
  pending.atomic = push.atomic();
  pending.expect = std::move(*push.mutable_expect());
  pending.changes.reserve(static_cast<std::size_t>(push.changes_size()));
  for (wire::Change& change : *push.mutable_changes()) {
    change.clear_principal();  // the server knows
    pending.changes.push_back(std::move(change));
  }
  const wire::Change& last = pending.changes.back();
  if (subscription->own_replica != last.replica()) subscription->own_seq = 0;
  subscription->own_replica = last.replica();
  subscription->own_seq = std::max(subscription->own_seq, last.seq());
  enqueue(std::move(pending));
}

void Session::create(wire::Create& create) {
  if (!create.has_document() || !create.has_change()) {
    complain("a Create without a document or a change");
    return;
  }
  if (!services_.rates.take_changes(rates_, tenant_, principal_, 1, std::chrono::steady_clock::now())) {
    problem(wire::CODE_LIMIT, kTooMuch, create.request());
    return;
  }
  PendingPush pending;
  pending.author = weak_from_this();
  pending.creates = true;
  pending.request = create.request();
  pending.token = token_;
  pending.bytes = create.ByteSizeLong() + sizeof(PendingPush);
  pending.document = std::make_shared<const wire::DocumentRef>(std::move(*create.mutable_document()));
  pending.temporary_key = std::move(*create.mutable_temporary_key());
  pending.changes.push_back(std::move(*create.mutable_change()));
  pending.changes.back().clear_principal();
  enqueue(std::move(pending));
}

void Session::enqueue(PendingPush pending) {
  pushing_bytes_ += pending.bytes;
  services_.pusher.enqueue(std::move(pending));
}

void Session::on_created(std::uint32_t request, const wire::DocumentRef& document, const wire::Verdict& verdict) {
  if (verdict.code() == wire::CODE_UNAUTHENTICATED) {
    end(verdict.code(), verdict.message(), CloseCode::policy_violation);
    return;
  }
  wire::ServerMessage message;
  if (verdict.code() == wire::CODE_OK || verdict.code() == wire::CODE_DUPLICATE) {
    wire::Created& created = *message.mutable_created();
    created.set_request(request);
    *created.mutable_document() = document;
  } else {
    services_.metrics.rejections(verdict.code()).Increment();
    wire::Problem& problem = *message.mutable_problem();
    problem.set_request(request);
    problem.set_code(verdict.code());
    problem.set_message(verdict.message());
    problem.set_sqlstate(verdict.sqlstate());
    problem.set_constraint(verdict.constraint());
  }
  send(encode(message));
}

void Session::on_push_done(std::size_t bytes) {
  pushing_bytes_ -= bytes;
  if (open()) transport_->resume();
}

// For each replica: one Ack up to the last change before a refusal, and one
// Reject for the first refused, which speaks for those after it.
void Session::on_verdicts(std::uint32_t channel, std::span<const wire::Change> changes,
                          std::span<const wire::Verdict> verdicts) {
  struct Summary {
    std::uint64_t replica;
    std::uint64_t acknowledged;
    std::size_t refused;  // index, or the number of changes
  };
  boost::container::small_vector<Summary, 2> summaries;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    std::uint64_t replica = changes[i].replica();
    auto summary = std::find_if(summaries.begin(), summaries.end(), [&](auto& s) { return s.replica == replica; });
    if (summary == summaries.end()) summary = summaries.insert(summaries.end(), {replica, 0, changes.size()});
    wire::Code code = verdicts[i].code();
    if (code == wire::CODE_UNAUTHENTICATED) {
      end(code, verdicts[i].message(), CloseCode::policy_violation);
      return;
    }
    if (summary->refused != changes.size()) continue;
    if (code == wire::CODE_OK || code == wire::CODE_DUPLICATE) {
      summary->acknowledged = std::max(summary->acknowledged, changes[i].seq());
    } else {
      summary->refused = i;
    }
  }
  auto subscription = find(channel);
  for (const Summary& summary : summaries) {
    if (summary.acknowledged != 0) send(ack_frame(channel, summary.replica, summary.acknowledged));
    if (summary.refused == changes.size()) continue;
    send_reject(channel, changes[summary.refused], verdicts[summary.refused]);
    // Perhaps it is not this client's replica at all: then its changes are news.
    if (subscription && subscription->own_replica == summary.replica && summary.acknowledged == 0)
      subscription->own_replica = 0;
  }
}

void Session::send_reject(std::uint32_t channel, const wire::Change& change, const wire::Verdict& verdict) {
  wire::ServerMessage message;
  wire::Reject& reject = *message.mutable_reject();
  services_.metrics.rejections(verdict.code()).Increment();
  reject.set_channel(channel);
  reject.set_replica(change.replica());
  reject.set_seq(change.seq());
  reject.set_code(verdict.code());
  reject.set_message(verdict.message());
  reject.set_expected_seq(verdict.expected_seq());
  reject.set_sqlstate(verdict.sqlstate());
  reject.set_constraint(verdict.constraint());
  send(encode(message));
}

}  // namespace converge::bridge

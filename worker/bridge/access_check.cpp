#include "access_check.h"

#include <algorithm>
#include <unordered_map>

#include "hub.h"
#include "log.h"

namespace converge::bridge {

namespace {

// Of one call: few enough that answers come soon, and that no call is long.
constexpr std::size_t kQuestions = 1000;
constexpr std::size_t kTransactions = 1000;
// Calls at the same time.
constexpr unsigned kCalls = 2;
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

AccessCheck::AccessCheck(asio::io_context& io, Access& access, Listener& listener)
    : io_(io), access_(access), listener_(listener) {}

void AccessCheck::ask(std::shared_ptr<Subscription> subscription) {
  waiting_.push_back(std::move(subscription));
  if (running_ == kCalls || (running_ > 0 && waiting_.size() <= kQuestions)) return;
  begin_run();
}

void AccessCheck::note(std::uint32_t transaction) {
  after_.insert(transaction);
  if (running_ == 0) begin_run();
}

void AccessCheck::begin_run() {
  ++running_;
  // After what else this turn of the event loop asks.
  asio::post(io_, [this] { start(io_, run()); });
}

// The questions of one call, grouped by token: the answers come in their order.
AccessCheck::Questions AccessCheck::take(wire::AccessRequest& request) {
  request.set_tickets(true);
  for (std::uint32_t transaction : after_) {
    if (request.after_size() == static_cast<int>(kTransactions)) return {};  // these first
    request.add_after(transaction);
  }
  Questions taken;
  while (!waiting_.empty() && taken.size() < kQuestions) {
    auto subscription = std::move(waiting_.front());
    waiting_.pop_front();
    if (!subscription->ended()) taken.push_back({subscription, subscription->subscriber->token()});
  }
  std::stable_sort(taken.begin(), taken.end(), [](const Question& a, const Question& b) { return a.token < b.token; });
  const std::string* token = nullptr;
  for (const Question& question : taken) {
    if (token == nullptr || question.token != *token) request.add_questions()->set_token(question.token);
    token = &question.token;
    *request.mutable_questions()->rbegin()->add_documents() = question.subscription->document->ref;
  }
  return taken;
}

void AccessCheck::hand_out(Questions& questions, const wire::AccessRequest& request,
                           const wire::AccessResponse& response) {
  auto question = questions.begin();
  for (int i = 0; i < request.questions_size(); ++i) {
    const wire::AccessAnswer& answer = response.answers(i);
    for (int j = 0; j < request.questions(i).documents_size(); ++j, ++question) {
      if (question->subscription->ended()) continue;
      if (answer.code() == wire::CODE_OK) {
        listener_.on_checked(*question->subscription, answer.documents(j));
        continue;
      }
      // Unless it was renewed meanwhile.
      if (question->subscription->subscriber->token() != question->token) {
        ask(question->subscription);
        continue;
      }
      wire::DocumentAccess refused;
      refused.set_code(answer.code());
      refused.set_message(answer.message());
      listener_.on_checked(*question->subscription, refused);
    }
  }
}

awaitable<void> AccessCheck::run() {
  while (!waiting_.empty() || !after_.empty()) {
    wire::AccessRequest request;
    Questions questions = take(request);
    bool failed = false;
    try {
      const wire::AccessResponse response = co_await access_.check(request);
      for (std::uint32_t transaction : request.after()) after_.erase(transaction);
      hand_out(questions, request, response);
    } catch (const DatabaseError& error) {
      log(Severity::warning, "cannot check what clients may read: ", error.what());
      for (Question& question : questions) waiting_.push_back(std::move(question.subscription));
      failed = true;
    }
    if (failed) co_await sleep_for(io_, kPause);
  }
  --running_;
}

}  // namespace converge::bridge

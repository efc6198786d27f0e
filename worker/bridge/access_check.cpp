#include "access_check.h"

#include <algorithm>
#include <utility>

#include "hub.h"
#include "log.h"

namespace converge::bridge {

namespace {

// Of one call: few enough that answers come soon, and that no call is long.
constexpr std::size_t kQuestions = 1000;
constexpr std::size_t kTransactions = 1000;
// Calls at the same time.
constexpr unsigned kCalls = 2;
// Into so many parts a call is divided that was given up.
constexpr std::size_t kParts = 8;
constexpr std::chrono::milliseconds kPause{100};

// Whether the server would have answered less: a statement timeout, or a bound.
bool is_too_much(const DatabaseError& error) { return error.sqlstate == "57014" || error.sqlstate.starts_with("54"); }

}  // namespace

AccessCheck::AccessCheck(asio::io_context& io, Access& access, Listener& listener)
    : io_(io), access_(access), listener_(listener), at_once_(kQuestions) {}

void AccessCheck::ask(std::shared_ptr<Subscription> subscription) {
  if (subscription->check == CheckState::asked) subscription->check = CheckState::outdated;
  look(std::move(subscription));
}

void AccessCheck::look(std::shared_ptr<Subscription> subscription) {
  if (subscription->check != CheckState::none) return;
  wait(std::move(subscription));
  if (may_run() || (running_ < kCalls && waiting_.size() > kQuestions)) begin_run();
}

void AccessCheck::wait(std::shared_ptr<Subscription> subscription) {
  subscription->check = CheckState::waiting;
  waiting_.push_back(std::move(subscription));
}

// Whether nobody is about to take what waits.
bool AccessCheck::may_run() const { return running_ == 0 || (running_ < kCalls && asking_suspects_); }

void AccessCheck::note(std::uint32_t transaction) {
  after_.insert(transaction);
  if (may_run()) begin_run();
}

void AccessCheck::begin_run() {
  ++running_;
  // After what else this turn of the event loop asks.
  asio::post(io_, [this] { start(io_, run()); });
}

// The questions of one call, grouped by token: the answers come in their order.
AccessCheck::Questions AccessCheck::take(wire::AccessRequest& request, bool suspects) {
  request.set_tickets(true);
  for (std::uint32_t transaction : after_) {
    if (request.after_size() == static_cast<int>(kTransactions)) return {};  // these first
    request.add_after(transaction);
  }
  Questions taken;
  auto take_one = [&](std::shared_ptr<Subscription> subscription) {
    subscription->check = CheckState::asked;
    if (!subscription->ended()) taken.push_back({subscription, subscription->subscriber->token()});
  };
  if (suspects) {
    const Batch batch = std::move(suspects_.front());
    suspects_.pop_front();
    for (const auto& subscription : batch) take_one(subscription);
  }
  while (!suspects && !waiting_.empty() && taken.size() < at_once_) {
    auto subscription = std::move(waiting_.front());
    waiting_.pop_front();
    take_one(std::move(subscription));
  }
  std::stable_sort(taken.begin(), taken.end(), [](const Question& a, const Question& b) { return a.token < b.token; });
  const std::string* token = nullptr;
  for (const Question& question : taken) {
    if (token == nullptr || question.token != *token) request.add_questions()->set_token(question.token);
    token = &question.token;
    wire::AccessQuestion& asked = *request.mutable_questions()->rbegin();
    *asked.add_documents() = question.subscription->document->ref;
    if (question.subscription->written.empty()) continue;
    while (asked.fields_size() < asked.documents_size()) asked.add_fields();
    *asked.mutable_fields()->rbegin() = question.subscription->written;
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
      const CheckState state = std::exchange(question->subscription->check, CheckState::none);
      const bool is_allowed = answer.code() == wire::CODE_OK && answer.documents(j).code() == wire::CODE_OK;
      // Under a token that came meanwhile the answer may be another.
      if ((is_allowed && state == CheckState::outdated) || question->subscription->subscriber->token() != question->token) {
        ask(question->subscription);
        continue;
      }
      if (answer.code() == wire::CODE_OK) {
        listener_.on_checked(*question->subscription, answer.documents(j));
        continue;
      }
      wire::DocumentAccess refused;
      refused.set_code(answer.code());
      refused.set_message(answer.message());
      listener_.on_checked(*question->subscription, refused);
    }
  }
}

void AccessCheck::divide(Questions& questions) {
  if (questions.size() == 1) {
    Subscription& subscription = *questions.front().subscription;
    subscription.check = CheckState::none;
    if (subscription.ended()) return;
    wire::DocumentAccess unknown;
    unknown.set_code(wire::CODE_UNAVAILABLE);
    unknown.set_message("the database did not say in time whether the document may be read");
    listener_.on_checked(subscription, unknown);
    return;
  }
  const std::size_t part = (questions.size() + kParts - 1) / kParts;
  Batch batch;
  for (Question& question : questions) {
    question.subscription->check = CheckState::waiting;
    batch.push_back(std::move(question.subscription));
    if (batch.size() == part) suspects_.push_back(std::exchange(batch, {}));
  }
  if (!batch.empty()) suspects_.push_back(std::move(batch));
}

awaitable<void> AccessCheck::run() {
  for (;;) {
    const bool suspects = !suspects_.empty() && !asking_suspects_;
    if (!suspects && waiting_.empty() && after_.empty()) break;
    if (suspects) asking_suspects_ = true;
    // What is not suspect does not wait for what is.
    if (suspects && !waiting_.empty() && running_ < kCalls) begin_run();
    wire::AccessRequest request;
    Questions questions = take(request, suspects);
    bool failed = false;
    try {
      const wire::AccessResponse response = co_await access_.check(request);
      for (std::uint32_t transaction : request.after()) after_.erase(transaction);
      hand_out(questions, request, response);
      if (questions.size() == at_once_) at_once_ = std::min(at_once_ * 2, kQuestions);
    } catch (const DatabaseError& error) {
      log(Severity::warning, "cannot check what ", questions.size(), " clients may read: ", error.what());
      if (!questions.empty() && is_too_much(error)) {
        if (!suspects) at_once_ = std::max<std::size_t>(at_once_ / 2, 1);
        divide(questions);
      } else {
        for (Question& question : questions) wait(std::move(question.subscription));
        failed = true;
      }
    }
    if (suspects) asking_suspects_ = false;
    if (failed) co_await sleep_for(io_, kPause);
  }
  --running_;
}

}  // namespace converge::bridge

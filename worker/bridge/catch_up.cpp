#include "catch_up.h"

#include <algorithm>

namespace converge::bridge {

namespace {

constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{500};

}  // namespace

awaitable<Refusal> CatchUp::run(std::string ticket) {
  auto document = subscription_->document;
  auto pause = kFirstPause;
  auto deadline = std::chrono::steady_clock::now() + services_.config.subscribe_timeout;
  Refusal refusal{wire::CODE_OK, "the stream of changes is not available"};
  while (!subscription_->ended()) {
    const auto token = token_();
    refusal.code = wire::CODE_OK;
    try {
      if (ticket.empty()) {
        Ticket fresh = co_await services_.access.subscribe(token, document->ref);
        if (fresh.document != document->id)
          throw DatabaseError("the document was deleted and made anew", "P0002", 0, false);
        ticket = std::move(fresh.bytes);
      }
      if (subscription_->ended()) break;
      WatchOutcome outcome = co_await services_.hub.source().watch(document->id, std::exchange(ticket, {}));
      if (subscription_->ended()) break;
      if (outcome == WatchOutcome::watching) {
        document->renewed = std::chrono::steady_clock::now();
        std::string pull = co_await pull_();
        if (!subscription_->ended()) services_.hub.finish_joining(*subscription_, pull);
        break;
      }
    } catch (const DatabaseError& error) {
      refusal = {code_of(error), told_of(error)};
    }
    if (subscription_->ended()) break;
    if (refusal.code == wire::CODE_UNAUTHENTICATED && token != token_()) continue;  // it was renewed
    if (refusal.code != wire::CODE_OK && refusal.code != wire::CODE_UNAVAILABLE) co_return refusal;
    if (std::chrono::steady_clock::now() >= deadline) {
      refusal.code = wire::CODE_UNAVAILABLE;
      co_return refusal;
    }
    co_await sleep_for(services_.io, pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  co_return Refusal{};
}

}  // namespace converge::bridge

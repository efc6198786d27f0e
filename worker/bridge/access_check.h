// Asks the database again what clients may read, for many of them in one call of
// converge.check_access(): when access changed, and every recheck interval.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "access.h"
#include "async.h"
#include "metrics.h"

namespace converge::bridge {

struct Subscription;

// Of a subscription there is one question at a time.
enum class CheckState {
  none,
  waiting,
  asked,
  outdated,  // asked, and to be asked again: what is answered may be as of before
};

class AccessCheck {
 public:
  // Who takes the answers.
  class Listener {
   public:
    virtual ~Listener() = default;
    // CODE_UNAUTHENTICATED: the client's token is no longer good. CODE_UNAVAILABLE: the
    // database could not say in time. With CODE_OK, `ticket` is a new one for the
    // document's watch.
    virtual void on_checked(Subscription& subscription, const wire::DocumentAccess& access) = 0;
  };

  AccessCheck(asio::io_context& io, Access& access, Listener& listener);

  // A transaction that the stream brought: what is asked from now on is answered
  // as of a moment when others see it. Waits for that also where nobody asks.
  void note(std::uint32_t transaction);
  // Whether others may not see all of these yet.
  bool is_behind() const { return !after_.empty(); }

  // The answer, which is as of a moment from now on, comes unless the subscription has
  // ended by then. While the database is away the question waits.
  //
  // A call that the database gives up, because it takes longer than --statement-timeout,
  // is made again in parts, down to the question that does: that one is answered with
  // CODE_UNAVAILABLE. The others go on meanwhile by the other call.
  void ask(std::shared_ptr<Subscription> subscription);
  // The same, but the answer to a question that is under way is good enough.
  void look(std::shared_ptr<Subscription> subscription);

 private:
  struct Question {
    std::shared_ptr<Subscription> subscription;
    std::string token;
  };
  using Questions = std::vector<Question>;

  using Batch = std::vector<std::shared_ptr<Subscription>>;

  void begin_run();
  awaitable<void> run();
  bool may_run() const;
  // `suspects`: of the first batch of those, or else of what waits.
  Questions take(wire::AccessRequest& request, bool suspects);
  void wait(std::shared_ptr<Subscription> subscription);
  void divide(Questions& questions);
  void hand_out(Questions& questions, const wire::AccessRequest& request, const wire::AccessResponse& response);

  asio::io_context& io_;
  Access& access_;
  Listener& listener_;
  std::deque<std::shared_ptr<Subscription>> waiting_;
  std::size_t at_once_;           // of these in one call: fewer after one that was given up
  std::deque<Batch> suspects_;    // parts of calls that were given up
  bool asking_suspects_ = false;
  std::set<std::uint32_t> after_;  // not known yet to have been waited for
  unsigned running_ = 0;
};

}  // namespace converge::bridge

// Asks the database again what clients may read, for many of them in one call of
// converge.check_access(): when access changed, and every recheck interval.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "access.h"
#include "async.h"
#include "metrics.h"

namespace converge::bridge {

struct Subscription;

class AccessCheck {
 public:
  // Who takes the answers.
  class Listener {
   public:
    virtual ~Listener() = default;
    // CODE_UNAUTHENTICATED: the client's token is no longer good. With CODE_OK,
    // `ticket` is a new one for the document's watch.
    virtual void on_checked(Subscription& subscription, const wire::DocumentAccess& access) = 0;
  };

  AccessCheck(asio::io_context& io, Access& access, Listener& listener);

  // A transaction that the stream brought: what is asked from now on is answered
  // as of a moment when others see it. Waits for that also where nobody asks.
  void note(std::uint32_t transaction);
  // Whether others may not see all of these yet.
  bool is_behind() const { return !after_.empty(); }

  // The answer comes unless the subscription has ended by then. While the database
  // is away the question waits.
  void ask(std::shared_ptr<Subscription> subscription);

 private:
  struct Question {
    std::shared_ptr<Subscription> subscription;
    std::string token;
  };
  using Questions = std::vector<Question>;

  void begin_run();
  awaitable<void> run();
  Questions take(wire::AccessRequest& request);
  void hand_out(Questions& questions, const wire::AccessRequest& request, const wire::AccessResponse& response);

  asio::io_context& io_;
  Access& access_;
  Listener& listener_;
  std::deque<std::shared_ptr<Subscription>> waiting_;
  std::set<std::uint32_t> after_;  // not known yet to have been waited for
  unsigned running_ = 0;
};

}  // namespace converge::bridge

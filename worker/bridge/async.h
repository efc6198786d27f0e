// What the bridge uses of Asio. A worker of the bridge is one io_context run by
// one thread, and everything in it is touched by that thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace converge::bridge {

namespace asio = boost::asio;
using asio::awaitable;

// Wakes coroutines that wait for a condition: they test it in a loop around
// wait(). Nothing is remembered: a notify without a waiter is lost.
class Signal {
 public:
  explicit Signal(asio::io_context& io) : timer_(io, std::chrono::steady_clock::time_point::max()) {}

  awaitable<void> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void notify_one() { timer_.cancel_one(); }
  void notify_all() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

// As Signal, for one coroutine, which goes on inside notify(): nothing is posted, and
// no other event is looked for before.
class DirectSignal {
 public:
  awaitable<void> wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto handler) { waiter_ = std::make_unique<WaiterOf<decltype(handler)>>(std::move(handler)); },
        asio::use_awaitable);
  }
  void notify() {
    if (auto waiter = std::move(waiter_)) waiter->resume();
  }

 private:
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume() = 0;
  };
  template <class Handler>
  struct WaiterOf final : Waiter {
    explicit WaiterOf(Handler given) : handler(std::move(given)) {}
    void resume() override { std::move(handler)(); }
    Handler handler;
  };

  std::unique_ptr<Waiter> waiter_;
};

inline awaitable<void> sleep_for(asio::io_context& io, std::chrono::steady_clock::duration time) {
  asio::steady_timer timer(io, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Starts a coroutine that handles its own errors: one that escapes is a bug and
// ends the process.
template <class Coroutine>
void start(asio::io_context& io, Coroutine&& coroutine) {
  asio::co_spawn(io, std::forward<Coroutine>(coroutine), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

}  // namespace converge::bridge

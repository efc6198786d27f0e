#include "change_source.h"

#include <algorithm>

#include "log.h"

namespace converge::bridge {

namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2000};

}  // namespace

ChangeSource::ChangeSource(asio::io_context& io, Metrics& metrics, std::string name)
    : io_(io), metrics_(metrics), name_(std::move(name)), pause_(io) {}

void ChangeSource::stop() {
  stopped_ = true;
  pause_.cancel();
  drop();
}

void ChangeSource::drop() {
  if (attached_) metrics_.worker_attached.Decrement();
  attached_ = false;
  drop_connection();
}

void ChangeSource::now_attached(Listener& listener) {
  attached_ = true;
  metrics_.worker_attached.Increment();
  log(Severity::info, "attached to ", name_);
  listener.on_attached();
}

awaitable<void> ChangeSource::run(Listener& listener) {
  auto pause = kFirstPause;
  while (!stopped_) {
    std::string problem;
    try {
      co_await attach_and_read(listener);
    } catch (const boost::system::system_error& error) {
      problem = error.code().message();
    } catch (const std::exception& error) {
      problem = error.what();
    }
    bool was_attached = attached_;
    drop();
    if (was_attached) listener.on_lost();
    if (stopped_) co_return;
    if (was_attached) {
      log(Severity::warning, "lost ", name_, ": ", problem);
      pause = kFirstPause;
      last_problem_.clear();
    } else if (problem != last_problem_) {  // once, not at every attempt
      log(Severity::warning, "cannot attach to ", name_, ": ", problem);
      last_problem_ = problem;
    }
    pause_.expires_after(pause);
    boost::system::error_code ignored;
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace converge::bridge

// The connection to the background worker: a Unix socket that carries
// WorkerRequests one way and WorkerReplies the other (proto/converge.proto).
// It is kept up for as long as the bridge runs.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "change_source.h"
#include "config.h"
#include "database.h"

namespace converge::bridge {

class WorkerLink final : public ChangeSource {
 public:
  // A worker that is silent for `timeout`, though it was asked for a sign of life, is lost; 0:
  // it is not asked.
  WorkerLink(asio::io_context& io, DatabasePool& database, Metrics& metrics, std::chrono::milliseconds timeout);

  // Calls for one document are gathered: those that come while a Watch is on its
  // way share the next one.
  awaitable<WatchOutcome> watch(std::uint64_t document, std::string ticket) override;
  std::chrono::milliseconds watch_time() const override { return watch_time_; }
  void renew(std::uint64_t document, const std::string& ticket) override;
  void unwatch(std::uint64_t document) override;
  void send_presence(const wire::DocumentPresence& presence) override;

 private:
  struct Waiter {
    explicit Waiter(asio::io_context& io) : signal(io) {}
    Signal signal;
    bool done = false;
    WatchOutcome outcome = WatchOutcome::lost;
  };
  using Waiters = std::vector<std::shared_ptr<Waiter>>;
  struct Watched {
    Waiters sent;          // wait for the answer to the Watch on its way
    Waiters next;          // wait for the one after
    std::string ticket;    // for that one
    bool unwatch = false;  // to be sent when the answer is there
  };

  awaitable<void> attach_and_read(Listener& listener) override;
  void drop_connection() override;
  void handle(const wire::WorkerReply& reply, Listener& listener);
  // Whether somebody waited for the answer.
  bool answered(std::uint64_t document, WatchOutcome outcome);
  void send(const wire::WorkerRequest& request);
  void send_watch(std::uint64_t document, const std::string& ticket);
  void send_unwatch(std::uint64_t document);
  void give_up();
  awaitable<void> write_queued();
  awaitable<void> expect_life(std::uint64_t attachment);
  void log_refusal(const wire::WatchRefused& refused);
  static void release(Waiters& waiters, WatchOutcome outcome);

  DatabasePool& database_;
  const std::chrono::milliseconds timeout_;
  std::chrono::milliseconds watch_time_;
  std::uint64_t attachments_ = 0;  // so far
  bool heard_ = false;             // something came since that was looked at
  asio::local::stream_protocol::socket socket_;
  std::string outgoing_;
  bool writing_ = false;
  std::chrono::steady_clock::time_point write_began_;
  // Refused watches that are not in the log, which has one line for them in a while.
  unsigned unlogged_refusals_ = 0;
  std::chrono::steady_clock::time_point logged_refusal_{};
  std::unordered_map<std::uint64_t, Watched> watched_;
};

}  // namespace converge::bridge

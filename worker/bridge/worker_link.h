// The connection to the background worker: a Unix socket that carries
// WorkerRequests one way and WorkerReplies the other (proto/converge.proto).
// It is kept up for as long as the bridge runs.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "async.h"
#include "config.h"
#include "converge.pb.h"
#include "database.h"
#include "metrics.h"

namespace converge::bridge {

// What a wait for Watching ended with.
enum class WatchOutcome {
  watching,
  refused,  // the ticket is not, or no longer, good
  lost,     // no connection to the worker, or it was lost meanwhile
};

class WorkerLink {
 public:
  // Who takes what the worker sends. Calls come from the link's own coroutine.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_attached() = 0;
    virtual void on_lost() = 0;
    virtual void on_change(const wire::StreamFrame& frame, wire::StreamChange& change) = 0;
    // All that had arrived has been handed over.
    virtual void on_pause() = 0;
    // What another bridge's clients show at a document; and that bridge's end.
    virtual void on_presence(const wire::DocumentPresence& presence) = 0;
    virtual void on_bridge_detached(std::uint64_t bridge) = 0;
  };

  WorkerLink(asio::io_context& io, const Config& config, DatabasePool& database, Metrics& metrics);

  // Attaches, reads, and attaches again after a loss, until stop().
  awaitable<void> run(Listener& listener);
  void stop();

  bool attached() const { return attached_; }

  // A barrier in the stream: once it returns `watching`, whatever commits from
  // then on reaches the listener, and whatever the listener was not given
  // because it was passed over before this call is visible to a snapshot taken
  // now. Calls for one document are gathered: those that come while a Watch is
  // on its way share the next one.
  awaitable<WatchOutcome> watch(std::uint64_t document, std::string ticket);

  // The listener needs this document no longer.
  void unwatch(std::uint64_t document);

  // For the other bridges that watch the document, which this one watches.
  // Dropped when there is no connection to the worker.
  void send_presence(const wire::DocumentPresence& presence);

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

  awaitable<void> attach_and_read(Listener& listener);
  void handle(wire::WorkerReply& reply, Listener& listener);
  void answered(std::uint64_t document, WatchOutcome outcome);
  void send(const wire::WorkerRequest& request);
  void send_watch(std::uint64_t document, const std::string& ticket);
  void send_unwatch(std::uint64_t document);
  awaitable<void> write_queued();
  void drop_connection();
  static void release(Waiters& waiters, WatchOutcome outcome);

  asio::io_context& io_;
  const Config& config_;
  DatabasePool& database_;
  Metrics& metrics_;
  asio::local::stream_protocol::socket socket_;
  asio::steady_timer pause_;
  std::string outgoing_;
  bool writing_ = false;
  bool attached_ = false;
  bool stopped_ = false;
  std::string last_problem_;
  std::unordered_map<std::uint64_t, Watched> watched_;
};

}  // namespace converge::bridge

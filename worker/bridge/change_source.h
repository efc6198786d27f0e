// Where a worker of the bridge reads the stream of changes from, which it keeps
// up for as long as it runs: the background worker's socket on the database's
// host (worker_link.h), or the replication protocol (replication_source.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "async.h"
#include "converge.pb.h"
#include "metrics.h"

namespace converge::bridge {

// What a wait in watch() ended with.
enum class WatchOutcome {
  watching,
  refused,  // the ticket is not, or no longer, good
  lost,     // no stream, or it was lost meanwhile
};

class ChangeSource {
 public:
  // Who takes what comes. Calls come from the source's own coroutine.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_attached() = 0;
    virtual void on_lost() = 0;
    // Before the changes of the frame.
    virtual void on_access(const wire::StreamFrame& frame, const wire::AccessChange& change) = 0;
    virtual void on_change(const wire::StreamFrame& frame, const wire::StreamChange& change) = 0;
    // The document's changes come no longer.
    virtual void on_watch_ended(std::uint64_t document) = 0;
    // All that had arrived has been handed over.
    virtual void on_pause() = 0;
    // What another bridge's clients show at a document; and that bridge's end.
    virtual void on_presence(const wire::DocumentPresence& presence) = 0;
    virtual void on_bridge_detached(std::uint64_t bridge) = 0;
  };

  // `name` is for the log: "the background worker".
  ChangeSource(asio::io_context& io, Metrics& metrics, std::string name);
  virtual ~ChangeSource() = default;

  // Attaches, reads, and attaches again after a loss, until stop().
  awaitable<void> run(Listener& listener);
  void stop();

  bool attached() const { return attached_; }

  // A barrier in the stream: once it returns `watching`, whatever commits from
  // then on reaches the listener, and whatever the listener was not given
  // because it was passed over before this call is visible to a snapshot taken
  // now. `ticket` is converge.subscribe()'s, for this document.
  virtual awaitable<WatchOutcome> watch(std::uint64_t document, std::string ticket) = 0;

  // After what time a watch ends by itself; 0: it does not.
  virtual std::chrono::milliseconds watch_time() const { return {}; }
  // Has it last for longer then, by another ticket.
  virtual void renew(std::uint64_t, const std::string&) {}

  // The listener needs this document no longer.
  virtual void unwatch(std::uint64_t document) = 0;

  // For the other bridges that watch the document, which this one watches.
  // Dropped when there is no stream.
  virtual void send_presence(const wire::DocumentPresence& presence) = 0;

 protected:
  // Attaches, says so by now_attached(), and reads until it fails, which it says
  // by an exception.
  virtual awaitable<void> attach_and_read(Listener& listener) = 0;
  // Forgets the connection, and whoever waits for something on it.
  virtual void drop_connection() = 0;
  void now_attached(Listener& listener);
  bool stopped() const { return stopped_; }

  asio::io_context& io_;
  Metrics& metrics_;

 private:
  void drop();

  const std::string name_;
  asio::steady_timer pause_;
  bool attached_ = false;
  bool stopped_ = false;
  std::string last_problem_;
};

}  // namespace converge::bridge

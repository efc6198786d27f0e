// Gathers what all clients of this worker push into calls of converge.push(),
// and hands out the verdicts once the transaction is committed and flushed.
//
// There are a few lanes: database connections with one call under way at most. A
// free lane takes all that waits, but for documents that are in another lane's
// call: so each document's pushes are decided in the order in which they came,
// and none waits for another document's commit while a lane is free. While no
// lane is, they gather for the next call; under load (gather_window.h) a call waits
// a little for more.
//
// A document whose row somebody keeps locked is answered with CODE_UNAVAILABLE
// after push() has waited a little for it. Its pushes go on in a lane and a queue
// of their own, so that the others do not wait, until they are decided or older
// than the push timeout.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converge.pb.h"
#include "database.h"
#include "gather_window.h"
#include "metrics.h"

namespace converge::bridge {

// Who waits for the verdicts.
class Author {
 public:
  virtual ~Author() = default;
  // One verdict for each change, in order.
  virtual void on_verdicts(std::uint32_t channel, std::span<const wire::Change> changes,
                           std::span<const wire::Verdict> verdicts) = 0;
  // The push left the queue: `bytes` of it are no longer in the works.
  virtual void on_push_done(std::size_t bytes) = 0;
  // The verdict on the change of a Create, and the document's key: to who sends one.
  virtual void on_created(std::uint32_t, const wire::DocumentRef&, const wire::Verdict&) {}
};

struct PendingPush {
  std::weak_ptr<Author> author;
  std::uint32_t channel = 0;
  std::shared_ptr<const std::string> token;
  wire::DocumentRef document;
  std::vector<wire::Change> changes;
  bool atomic = false;  // as wire.Push has them
  std::string expect;
  bool creates = false;  // a Create, numbered `request`
  std::uint32_t request = 0;
  std::string temporary_key;
  std::size_t bytes = 0;

  // The pusher's own.
  std::string document_key;  // of collection, key and temporary key
  std::chrono::steady_clock::time_point since;
  bool alone = false;  // a call with this and others failed as a whole
  bool slow = false;   // in the lane for locked rows
};

struct PushPlace;  // push_request.h

class Pusher {
 public:
  Pusher(asio::io_context& io, const Config& config, GatherWindow& gathering, Metrics& metrics);

  void enqueue(PendingPush push);
  // Whether nothing waits and no call is under way.
  bool idle() const { return main_.idle() && slow_.idle(); }

  void run();
  void stop();

 private:
  struct Lane {
    Lane(asio::io_context& io, const Config& config) : connection(io, config) {}
    DatabaseConnection connection;
    DirectSignal arrived;
    bool free = false;                          // waits for `arrived`
    std::unordered_set<std::string> documents;  // in its call
    std::deque<PendingPush> next;               // for this lane only: of those documents
    std::chrono::steady_clock::time_point apart_until{};  // a call as a whole has failed
  };
  // What waits for a call, and the lanes that take it.
  struct Queue {
    Queue(asio::io_context& io, const Config& config, unsigned lane_count);
    bool idle() const;
    // The only lane that may take the push; null where any may.
    Lane* lane_for(const PendingPush& push) const;
    // The free lanes that there is something for.
    void wake_lanes();
    std::deque<PendingPush> waiting;  // for any lane
    std::vector<std::unique_ptr<Lane>> lanes;
    bool gathering = false;           // one of the lanes waits for more
  };

  awaitable<void> run(Queue& queue, Lane& lane);
  awaitable<void> connect(DatabaseConnection& connection);
  awaitable<void> push_batch(Lane& lane, std::vector<PendingPush>& batch);
  std::chrono::microseconds time_to_gather(const Queue& queue);
  std::vector<PendingPush> take_batch(Queue& queue, Lane& lane);
  static void release_documents(Queue& queue, Lane& lane);
  void put(Queue& queue, PendingPush push);
  bool is_too_old(const PendingPush& push) const;
  std::vector<PendingPush> answer_batch(std::vector<PendingPush>& batch, const std::vector<PushPlace>& places,
                                        const wire::PushResponse& response);
  void move_to_slow_lane(Lane& lane, std::vector<PendingPush> locked);
  void answer(PendingPush& push, std::span<const wire::Verdict> verdicts, const std::string& key = {});
  void answer_all(PendingPush& push, wire::Code code, std::string_view message);

  asio::io_context& io_;
  const Config& config_;
  GatherWindow& gather_window_;
  Metrics& metrics_;
  Queue main_;
  Queue slow_;
  std::unordered_map<std::string, std::size_t> slow_documents_;  // how many pushes of each are in that lane
  bool locked_ = false;                                          // its last call found a row locked still
  bool stopped_ = false;
};

}  // namespace converge::bridge

// Gathers what all clients of this worker push into one call of converge.push()
// while the previous call commits, and hands out the verdicts once the
// transaction is committed and flushed.
//
// A document whose row somebody keeps locked is answered with CODE_UNAVAILABLE
// after push() has waited a little for it. Its pushes go on in a lane of their
// own, with a connection of its own, so that the others do not wait, until they
// are decided or older than the push timeout.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "converge.pb.h"
#include "database.h"
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
  std::chrono::steady_clock::time_point since;
  bool alone = false;  // a call with this and others failed as a whole
  bool slow = false;   // in the lane for locked rows
};

class Pusher {
 public:
  Pusher(asio::io_context& io, const Config& config, Metrics& metrics);

  void enqueue(PendingPush push);
  bool idle() const { return main_.idle() && slow_.idle(); }

  awaitable<void> run();
  void stop();

 private:
  struct Lane {
    Lane(asio::io_context& io, const Config& config) : connection(io, config), arrived(io) {}
    bool idle() const { return queue.empty() && !busy; }
    DatabaseConnection connection;
    std::deque<PendingPush> queue;
    Signal arrived;
    bool busy = false;
  };
  using DocumentKey = std::tuple<std::string, std::string, std::string>;  // collection, key, temporary key
  static DocumentKey key_of(const PendingPush& push);

  awaitable<void> run(Lane& lane);
  awaitable<void> push_batch(Lane& lane, std::vector<PendingPush>& batch);
  std::vector<PendingPush> take_batch(Lane& lane);
  void put(Lane& lane, PendingPush push);
  bool is_too_old(const PendingPush& push) const;
  void move_to_slow_lane(std::vector<PendingPush> locked);
  void answer(PendingPush& push, std::span<const wire::Verdict> verdicts, const std::string& key = {});
  void answer_all(PendingPush& push, wire::Code code, std::string_view message);

  asio::io_context& io_;
  const Config& config_;
  Metrics& metrics_;
  Lane main_;
  Lane slow_;
  std::map<DocumentKey, std::size_t> slow_documents_;  // how many pushes of each are in that lane
  bool locked_ = false;                                // its last call found a row locked still
  bool stopped_ = false;
};

}  // namespace converge::bridge

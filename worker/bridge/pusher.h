// Gathers what all clients of this worker push into one call of converge.push()
// while the previous call commits, and hands out the verdicts once the
// transaction is committed and flushed.
#pragma once

#include <chrono>
#include <deque>
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
};

struct PendingPush {
  std::weak_ptr<Author> author;
  std::uint32_t channel = 0;
  std::shared_ptr<const std::string> token;
  wire::DocumentRef document;
  std::vector<wire::Change> changes;
  std::size_t bytes = 0;
  std::chrono::steady_clock::time_point since;
  bool alone = false;  // a call with this and others failed as a whole
};

class Pusher {
 public:
  Pusher(asio::io_context& io, const Config& config, Metrics& metrics);

  void enqueue(PendingPush push);
  bool idle() const { return queue_.empty() && !busy_; }

  awaitable<void> run();
  void stop();

 private:
  awaitable<void> push_batch(std::vector<PendingPush>& batch);
  std::vector<PendingPush> take_batch();
  void answer(PendingPush& push, std::span<const wire::Verdict> verdicts);
  void answer_all(PendingPush& push, wire::Code code, std::string_view message);

  asio::io_context& io_;
  const Config& config_;
  Metrics& metrics_;
  DatabaseConnection connection_;
  std::deque<PendingPush> queue_;
  Signal arrived_;
  bool busy_ = false;
  bool stopped_ = false;
};

}  // namespace converge::bridge

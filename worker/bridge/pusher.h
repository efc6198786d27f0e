// Gathers what all clients of this worker push into calls of converge.push(),
// and hands out the verdicts once the transaction is committed and flushed.
//
// There are a few lanes, database connections with one call under way at most, and
// push_queue.h says what each takes. What comes while no lane is free gathers for the next
// call; under load (gather_window.h) a call waits a little for more.
//
// A document whose row somebody keeps locked is answered with CODE_UNAVAILABLE
// after push() has waited a little for it. Its pushes go on in a lane and a queue
// of their own, so that the others do not wait, until they are decided or older
// than the push timeout.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converge.pb.h"
#include "database.h"
#include "gather_window.h"
#include "metrics.h"
#include "push_queue.h"

namespace converge::bridge {

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
    Lane(asio::io_context& io, const Config& config, unsigned number) : number(number), connection(io, config) {}
    const unsigned number;
    DatabaseConnection connection;
    DirectSignal arrived;
    bool free = false;  // waits for `arrived`
    std::chrono::steady_clock::time_point apart_until{};  // a call as a whole has failed
  };
  // What waits for a call, and the lanes that take it.
  struct Queue {
    Queue(asio::io_context& io, const Config& config, unsigned lane_count);
    bool idle() const;
    // The free lanes that there is something for.
    void wake_lanes();
    PushQueue pushes;
    std::vector<std::unique_ptr<Lane>> lanes;
    bool gathering = false;  // one of the lanes waits for more
  };

  awaitable<void> run(Queue& queue, Lane& lane);
  awaitable<void> connect(DatabaseConnection& connection);
  awaitable<void> push_batch(Queue& queue, Lane& lane, std::vector<PendingPush>& batch);
  std::chrono::microseconds time_to_gather(const Queue& queue);
  std::vector<PendingPush> take_batch(Queue& queue, Lane& lane);
  void put(Queue& queue, PendingPush push);
  bool is_too_old(const PendingPush& push) const;
  std::vector<PendingPush> answer_batch(std::vector<PendingPush>& batch, const std::vector<PushPlace>& places,
                                        const wire::PushResponse& response);
  void put_back(Queue& queue, Lane& lane, std::vector<PendingPush> pushes);
  void move_to_slow_lane(Lane& lane, std::vector<PendingPush> locked);
  void answer(PendingPush& push, std::span<const wire::Verdict> verdicts, const std::string& key = {});
  void answer_all(PendingPush& push, wire::Code code, std::string_view message);

  asio::io_context& io_;
  const Config& config_;
  GatherWindow& gather_window_;
  Metrics& metrics_;
  Queue main_;
  Queue slow_;
  bool locked_ = false;  // the slow lane's last call found a row locked still
  bool stopped_ = false;
};

}  // namespace converge::bridge

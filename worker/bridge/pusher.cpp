#include "pusher.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "log.h"
#include "messages.h"
#include "push_request.h"

namespace converge::bridge {

namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1000};
// For so long nothing is pushed as a whole after that failed: who pushes what cannot be
// applied does not have every call made twice.
constexpr std::chrono::seconds kApartFor{1};
constexpr std::string_view kNotAsAWhole = "CV002";

constexpr Query kPush = {"converge_push", "SELECT converge.push($1::converge.secret::bytea)"};

// What push() would set for each call otherwise. A tighter bound of the role's own stays.
constexpr Query kBoundWaits = {
    "converge_bound_waits",
    "SELECT pg_catalog.set_config('lock_timeout', p.setting, false) FROM pg_catalog.pg_settings p, "
    "pg_catalog.pg_settings l WHERE p.name = 'converge.push_lock_timeout' AND l.name = 'lock_timeout' AND "
    "p.setting::int > 0 AND (l.setting::int = 0 OR l.setting::int > p.setting::int)"};

// Different for different documents, whatever bytes their names are of.
std::string document_key_of(const PendingPush& push) {
  const std::string& collection = push.document.collection();
  const std::string& key = push.document.key();
  std::string all = std::to_string(collection.size()) + ':' + std::to_string(key.size()) + ':';
  all.reserve(all.size() + collection.size() + key.size() + push.temporary_key.size());
  return all.append(collection).append(key).append(push.temporary_key);
}

}  // namespace

Pusher::Pusher(asio::io_context& io, const Config& config, GatherWindow& gathering, Metrics& metrics)
    : io_(io),
      config_(config),
      gather_window_(gathering),
      metrics_(metrics),
      main_(io, config, config.push_connections),
      slow_(io, config, 1) {}

Pusher::Queue::Queue(asio::io_context& io, const Config& config, unsigned lane_count) {
  while (lanes.size() < lane_count) lanes.push_back(std::make_unique<Lane>(io, config));
}

bool Pusher::Queue::idle() const {
  return waiting.empty() &&
         std::all_of(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->free && lane->next.empty(); });
}

// New documents go by the first lane: its backend has counted those of the tenant,
// which may have a limit.
Pusher::Lane* Pusher::Queue::lane_for(const PendingPush& push) const {
  if (push.creates) return lanes.front().get();
  auto found = std::find_if(lanes.begin(), lanes.end(),
                            [&](const auto& lane) { return lane->documents.count(push.document_key) != 0; });
  return found == lanes.end() ? nullptr : found->get();
}

// For what waits for any, the first that is free: what its backend has looked up
// before, it knows.
void Pusher::Queue::wake_lanes() {
  for (auto& lane : lanes)
    if (lane->free && !lane->next.empty()) lane->arrived.notify();
  if (gathering || waiting.empty()) return;
  auto lane = std::find_if(lanes.begin(), lanes.end(), [](const auto& each) { return each->free; });
  if (lane != lanes.end()) (*lane)->arrived.notify();
}

void Pusher::enqueue(PendingPush push) {
  push.since = std::chrono::steady_clock::now();
  push.document_key = document_key_of(push);
  // Behind those of its document that wait there: a replica's changes keep their order.
  auto slow = slow_documents_.find(push.document_key);
  push.slow = slow != slow_documents_.end();
  if (push.slow) ++slow->second;
  Queue& queue = push.slow ? slow_ : main_;
  put(queue, std::move(push));
  queue.wake_lanes();
}

void Pusher::put(Queue& queue, PendingPush push) {
  metrics_.push_queue_changes.Increment(static_cast<double>(push.changes.size()));
  if (Lane* lane = queue.lane_for(push)) {
    lane->next.push_back(std::move(push));
  } else {
    queue.waiting.push_back(std::move(push));
  }
}

void Pusher::stop() {
  stopped_ = true;
  for (Queue* queue : {&main_, &slow_})
    for (auto& lane : queue->lanes) lane->arrived.notify();
}

void Pusher::run() {
  for (Queue* queue : {&main_, &slow_})
    for (auto& lane : queue->lanes) start(io_, run(*queue, *lane));
}

awaitable<void> Pusher::run(Queue& queue, Lane& lane) {
  auto pause = kFirstPause;
  while (!stopped_) {
    release_documents(queue, lane);
    if (auto time = time_to_gather(queue); time.count() > 0) {
      queue.gathering = true;
      co_await sleep_for(io_, time);
      queue.gathering = false;
    }
    auto batch = take_batch(queue, lane);
    if (batch.empty()) {
      lane.free = true;
      co_await lane.arrived.wait();
      lane.free = false;
      continue;
    }
    co_await push_batch(lane, batch);
    if (&queue == &slow_ && std::exchange(locked_, false)) {
      co_await sleep_for(io_, pause);
      pause = std::min(pause * 2, kLongestPause);
    } else {
      pause = kFirstPause;
    }
  }
  lane.connection.close();
}

// What waited for this lane is for any; it came before all that waits for the same
// documents.
void Pusher::release_documents(Queue& queue, Lane& lane) {
  lane.documents.clear();
  queue.waiting.insert(queue.waiting.begin(), std::make_move_iterator(lane.next.begin()),
                       std::make_move_iterator(lane.next.end()));
  lane.next.clear();
}

// Until the oldest has waited as long as the load asks for.
std::chrono::microseconds Pusher::time_to_gather(const Queue& queue) {
  if (queue.gathering || queue.waiting.empty() || &queue == &slow_) return {};
  const auto until = queue.waiting.front().since + gather_window_.window();
  return std::chrono::duration_cast<std::chrono::microseconds>(until - std::chrono::steady_clock::now());
}

// Nothing, while another lane gathers: that one takes it.
std::vector<PendingPush> Pusher::take_batch(Queue& queue, Lane& lane) {
  std::vector<PendingPush> batch;
  if (queue.gathering) return batch;
  std::size_t bytes = 0;
  bool full = false;
  while (!queue.waiting.empty() && !full) {
    PendingPush& next = queue.waiting.front();
    Lane* only = queue.lane_for(next);
    if (only != nullptr && only != &lane) {
      only->next.push_back(std::move(next));
      queue.waiting.pop_front();
      continue;
    }
    if (!batch.empty() && (bytes + next.bytes > config_.push_batch || next.alone)) break;
    bytes += next.bytes;
    full = next.alone;
    lane.documents.insert(next.document_key);
    metrics_.push_queue_changes.Decrement(static_cast<double>(next.changes.size()));
    batch.push_back(std::move(next));
    queue.waiting.pop_front();
  }
  if (!queue.waiting.empty()) {
    // The batch is full. What is left of its documents has to come after it.
    std::deque<PendingPush> left;
    for (PendingPush& push : queue.waiting)
      (lane.documents.count(push.document_key) != 0 ? lane.next : left).push_back(std::move(push));
    queue.waiting = std::move(left);
  }
  queue.wake_lanes();
  return batch;
}

bool Pusher::is_too_old(const PendingPush& push) const {
  return std::chrono::steady_clock::now() - push.since >= config_.push_timeout;
}

// With them goes what waits for the lane and the same documents.
void Pusher::move_to_slow_lane(Lane& lane, std::vector<PendingPush> locked) {
  std::vector<PendingPush> again;
  for (PendingPush& push : locked) {
    const std::string key = push.document_key;
    if (push.slow) {
      again.push_back(std::move(push));
      continue;
    }
    push.slow = true;
    bool first = ++slow_documents_[key] == 1;
    put(slow_, std::move(push));
    if (!first) continue;
    std::deque<PendingPush> rest;
    for (PendingPush& waiting : lane.next) {
      if (waiting.document_key != key) {
        rest.push_back(std::move(waiting));
        continue;
      }
      waiting.slow = true;
      ++slow_documents_[key];
      metrics_.push_queue_changes.Decrement(static_cast<double>(waiting.changes.size()));
      put(slow_, std::move(waiting));
    }
    lane.next = std::move(rest);
  }
  slow_.wake_lanes();
  for (auto push = again.rbegin(); push != again.rend(); ++push) {
    metrics_.push_queue_changes.Increment(static_cast<double>(push->changes.size()));
    lane.next.push_front(std::move(*push));
    locked_ = true;
  }
}

awaitable<void> Pusher::connect(DatabaseConnection& connection) {
  co_await connection.connect();
  const Statement bound[] = {{&kBoundWaits, {}}};
  co_await connection.run(bound);
}

// Pushes until the database has decided. After a loss of the connection nobody
// knows whether the transaction committed: the same request is made again, and
// what was there already counts as applied.
awaitable<void> Pusher::push_batch(Lane& lane, std::vector<PendingPush>& batch) {
  auto pause = kFirstPause;
  bool warned = false;
  std::size_t changes = 0;
  for (const PendingPush& push : batch) changes += push.changes.size();
  metrics_.push_changes.Observe(static_cast<double>(changes));
  while (!batch.empty() && !stopped_) {
    std::vector<PushPlace> places;
    // (Of the slow lane's rows it is known that they are locked.)
    const bool whole = !batch.front().slow && std::chrono::steady_clock::now() >= lane.apart_until;
    const std::string request = encode_push_request(batch, whole, places);
    google::protobuf::Arena arena;
    auto& response = *google::protobuf::Arena::CreateMessage<wire::PushResponse>(&arena);
    std::string failure, told = "the database cannot answer now";
    wire::Code code = wire::CODE_OK;
    try {
      if (!lane.connection.connected()) co_await connect(lane.connection);
      std::vector<Statement> statements(1);
      statements[0].query = &kPush;
      statements[0].parameters.push_back({request, true});
      auto rows = co_await lane.connection.run(statements);
      std::string_view bytes = rows.at(0).bytes(0, 0);
      if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        failure = "the database's answer is no PushResponse";
        code = wire::CODE_UNAVAILABLE;
      }
    } catch (const DatabaseError& error) {
      if (error.sqlstate == kNotAsAWhole) {
        lane.apart_until = std::chrono::steady_clock::now() + kApartFor;
        continue;
      }
      failure = error.what();
      told = told_of(error);
      code = code_of(error);
    }

    if (code == wire::CODE_OK) {
      std::vector<PendingPush> locked;
      gather_window_.end_turn_after([&] { locked = answer_batch(batch, places, response); });
      move_to_slow_lane(lane, std::move(locked));
      co_return;
    }

    if (code != wire::CODE_UNAVAILABLE) {
      // The whole call was refused, for the sake of one push: each on its own.
      if (batch.size() > 1) {
        for (std::size_t i = batch.size(); i-- > 0;) {
          batch[i].alone = true;
          metrics_.push_queue_changes.Increment(static_cast<double>(batch[i].changes.size()));
          lane.next.push_front(std::move(batch[i]));
        }
      } else {
        answer_all(batch[0], code, told);
      }
      co_return;
    }

    // Perhaps it was committed: what was new may be there.
    for (PendingPush& push : batch)
      for (wire::Change& change : push.changes) change.clear_is_new();
    if (!warned) log(Severity::warning, "cannot push: ", failure);
    warned = true;
    std::erase_if(batch, [&](PendingPush& push) {
      if (!is_too_old(push)) return false;
      answer_all(push, wire::CODE_UNAVAILABLE, told);
      return true;
    });
    if (batch.empty()) co_return;
    co_await sleep_for(io_, pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

// Gives those whose documents are locked: not decided yet.
std::vector<PendingPush> Pusher::answer_batch(std::vector<PendingPush>& batch, const std::vector<PushPlace>& places,
                                              const wire::PushResponse& response) {
  std::vector<PendingPush> locked;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PushPlace& place = places[i];
    std::vector<wire::Verdict> verdicts;
    std::string key = batch[i].document.key();
    if (place.group < response.groups_size() && place.document < response.groups(place.group).documents_size()) {
      const wire::DocumentPushResult& result = response.groups(place.group).documents(place.document);
      auto& all = result.verdicts();
      if (!batch[i].temporary_key.empty()) key = result.key();
      int last = place.first + static_cast<int>(batch[i].changes.size());
      if (last <= all.size()) verdicts.assign(all.begin() + place.first, all.begin() + last);
    }
    bool is_locked = std::any_of(verdicts.begin(), verdicts.end(), [](const wire::Verdict& verdict) {
      return verdict.code() == wire::CODE_UNAVAILABLE;
    });
    // What a part of it may have done counts as done the next time.
    if (is_locked && !is_too_old(batch[i])) {
      locked.push_back(std::move(batch[i]));
    } else {
      answer(batch[i], verdicts, key);
    }
  }
  return locked;
}

void Pusher::answer(PendingPush& push, std::span<const wire::Verdict> verdicts, const std::string& key) {
  if (verdicts.size() != push.changes.size()) {
    log(Severity::error, "the database gave no verdict on ", push.changes.size(), " changes of document \"",
        push.document.collection(), "/", push.document.key(), "\"");
    answer_all(push, wire::CODE_UNAVAILABLE, "the database gave no verdict");
    return;
  }
  if (push.slow) {
    auto slow = slow_documents_.find(push.document_key);
    if (slow != slow_documents_.end() && --slow->second == 0) slow_documents_.erase(slow);
    push.slow = false;
  }
  metrics_.ack_seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - push.since).count());
  for (const wire::Verdict& verdict : verdicts)
    if (verdict.code() == wire::CODE_OK) metrics_.changes_in.Increment();
  auto author = push.author.lock();
  if (!author) return;
  if (push.creates) {
    wire::DocumentRef document = push.document;
    document.set_key(key);
    author->on_created(push.request, document, verdicts[0]);
  } else {
    author->on_verdicts(push.channel, push.changes, verdicts);
  }
  author->on_push_done(push.bytes);
}

void Pusher::answer_all(PendingPush& push, wire::Code code, std::string_view message) {
  wire::Verdict verdict;
  verdict.set_code(code);
  verdict.set_message(std::string(message));
  answer(push, std::vector<wire::Verdict>(push.changes.size(), verdict));
}

}  // namespace converge::bridge

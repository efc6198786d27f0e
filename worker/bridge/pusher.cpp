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

// push() raises for a request that is malformed or too large, and decides all else change
// by change. Any other error is about the database, whose SQL may be older than the bridge,
// and refuses nobody's changes.
bool is_about_request(const DatabaseError& error) {
  const std::string_view kind = std::string_view(error.sqlstate).substr(0, 2);
  return kind == "22" || kind == "54";
}

}  // namespace

Pusher::Pusher(asio::io_context& io, const Config& config, GatherWindow& gathering, Metrics& metrics)
    : io_(io),
      config_(config),
      gather_window_(gathering),
      metrics_(metrics),
      main_(io, config, config.push_connections),
      slow_(io, config, 1) {}

Pusher::Queue::Queue(asio::io_context& io, const Config& config, unsigned lane_count) : pushes(lane_count) {
  for (unsigned i = 0; i < lane_count; ++i) lanes.push_back(std::make_unique<Lane>(io, config, i));
}

bool Pusher::Queue::idle() const {
  return !pushes.has_any() && std::all_of(lanes.begin(), lanes.end(), [this](const auto& lane) {
    return lane->free && !pushes.has_for(lane->number);
  });
}

// For what waits for any, the first that is free: what its backend has looked up
// before, it knows.
void Pusher::Queue::wake_lanes() {
  for (auto& lane : lanes)
    if (lane->free && pushes.has_for(lane->number)) lane->arrived.notify();
  if (gathering || !pushes.has_any()) return;
  auto lane = std::find_if(lanes.begin(), lanes.end(), [](const auto& each) { return each->free; });
  if (lane != lanes.end()) (*lane)->arrived.notify();
}

void Pusher::enqueue(PendingPush push) {
  push.since = std::chrono::steady_clock::now();
  // Behind those of its document that wait there: a replica's changes keep their order.
  Queue& queue = slow_.pushes.has_document_of(push) ? slow_ : main_;
  put(queue, std::move(push));
  queue.wake_lanes();
}

void Pusher::put(Queue& queue, PendingPush push) {
  metrics_.push_queue_changes.Increment(static_cast<double>(push.changes.size()));
  queue.pushes.add(std::move(push));
}

void Pusher::put_back(Queue& queue, Lane& lane, std::vector<PendingPush> pushes) {
  for (const PendingPush& push : pushes)
    metrics_.push_queue_changes.Increment(static_cast<double>(push.changes.size()));
  queue.pushes.put_back(lane.number, std::move(pushes));
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
    queue.pushes.release(lane.number);
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
    co_await push_batch(queue, lane, batch);
    if (&queue == &slow_ && std::exchange(locked_, false)) {
      // What was decided meanwhile is not slow any more.
      batch.clear();
      queue.pushes.release(lane.number);
      co_await sleep_for(io_, pause);
      pause = std::min(pause * 2, kLongestPause);
    } else {
      pause = kFirstPause;
    }
  }
  lane.connection.close();
}

// Until the oldest has waited as long as the load asks for.
std::chrono::microseconds Pusher::time_to_gather(const Queue& queue) {
  if (queue.gathering || !queue.pushes.has_any() || &queue == &slow_) return {};
  const auto until = queue.pushes.oldest() + gather_window_.window();
  return std::chrono::duration_cast<std::chrono::microseconds>(until - std::chrono::steady_clock::now());
}

// Nothing, while another lane gathers: that one takes it.
std::vector<PendingPush> Pusher::take_batch(Queue& queue, Lane& lane) {
  if (queue.gathering) return {};
  auto batch = queue.pushes.take(lane.number, config_.push_batch);
  std::size_t changes = 0;
  for (const PendingPush& push : batch) changes += push.changes.size();
  metrics_.push_queue_changes.Decrement(static_cast<double>(changes));
  queue.wake_lanes();
  return batch;
}

bool Pusher::is_too_old(const PendingPush& push) const {
  return std::chrono::steady_clock::now() - push.since >= config_.push_timeout;
}

// Behind them, in their order, what waits for the same documents.
void Pusher::move_to_slow_lane(Lane& lane, std::vector<PendingPush> locked) {
  std::vector<const PushedDocument*> documents;
  for (PendingPush& push : locked) {
    documents.push_back(push.pushed_document);
    put(slow_, std::move(push));
  }
  for (const PushedDocument* document : documents) {
    for (PendingPush& push : main_.pushes.withdraw(lane.number, *document)) {
      metrics_.push_queue_changes.Decrement(static_cast<double>(push.changes.size()));
      put(slow_, std::move(push));
    }
  }
  slow_.wake_lanes();
}

awaitable<void> Pusher::connect(DatabaseConnection& connection) {
  co_await connection.connect();
  const Statement bound[] = {{&kBoundWaits, {}}};
  co_await connection.run(bound);
}

// Pushes until the database has decided. After a loss of the connection nobody
// knows whether the transaction committed: the same request is made again, and
// what was there already counts as applied.
awaitable<void> Pusher::push_batch(Queue& queue, Lane& lane, std::vector<PendingPush>& batch) {
  auto pause = kFirstPause;
  bool warned = false;
  std::size_t changes = 0;
  for (const PendingPush& push : batch) changes += push.changes.size();
  metrics_.push_changes.Observe(static_cast<double>(changes));
  while (!batch.empty() && !stopped_) {
    std::vector<PushPlace> places;
    // (Of the slow lane's rows it is known that they are locked.)
    const bool whole = &queue != &slow_ && std::chrono::steady_clock::now() >= lane.apart_until;
    const std::string request = encode_push_request(batch, whole, places);
    google::protobuf::Arena arena;
    auto& response = *google::protobuf::Arena::CreateMessage<wire::PushResponse>(&arena);
    std::string failure, told = "the database cannot answer now";
    wire::Code code = wire::CODE_OK;
    bool about_request = false;
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
      code = code_of(error);
      about_request = is_about_request(error);
      if (about_request) told = told_of(error);
    }

    if (code == wire::CODE_OK) {
      std::vector<PendingPush> locked;
      gather_window_.end_turn_after([&] { locked = answer_batch(batch, places, response); });
      if (locked.empty()) co_return;
      if (&queue == &slow_) {
        put_back(queue, lane, std::move(locked));
        locked_ = true;
      } else {
        move_to_slow_lane(lane, std::move(locked));
      }
      co_return;
    }

    if (code != wire::CODE_UNAVAILABLE) {
      // The whole call was refused, perhaps for the sake of one push: each on its own.
      if (batch.size() > 1) {
        for (PendingPush& push : batch) push.alone = true;
        put_back(queue, lane, std::move(batch));
      } else if (about_request) {
        answer_all(batch[0], code, told);
      } else {
        log(Severity::warning, "cannot push: ", failure);
        co_await sleep_for(io_, kFirstPause);  // nor does it say so, and ask, without an end
        answer_all(batch[0], wire::CODE_UNAVAILABLE, told);
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
  std::vector<wire::Verdict> copies;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PushPlace& place = places[i];
    std::span<const wire::Verdict> verdicts;
    const std::string* key = &batch[i].document->key();
    if (place.group < response.groups_size() && place.document < response.groups(place.group).documents_size()) {
      const wire::DocumentPushResult& result = response.groups(place.group).documents(place.document);
      auto& all = result.verdicts();
      if (!batch[i].temporary_key.empty()) key = &result.key();
      const int count = static_cast<int>(batch[i].changes.size());
      if (place.first + count <= all.size()) {
        if (count == 1) {  // nearly always
          verdicts = {&all.Get(place.first), 1};
        } else {
          copies.assign(all.begin() + place.first, all.begin() + place.first + count);
          verdicts = copies;
        }
      }
    }
    bool is_locked = std::any_of(verdicts.begin(), verdicts.end(), [](const wire::Verdict& verdict) {
      return verdict.code() == wire::CODE_UNAVAILABLE;
    });
    // What a part of it may have done counts as done the next time.
    if (is_locked && !is_too_old(batch[i])) {
      locked.push_back(std::move(batch[i]));
    } else {
      answer(batch[i], verdicts, *key);
    }
  }
  return locked;
}

void Pusher::answer(PendingPush& push, std::span<const wire::Verdict> verdicts, const std::string& key) {
  if (verdicts.size() != push.changes.size()) {
    log(Severity::error, "the database gave no verdict on ", push.changes.size(), " changes of document \"",
        push.document->collection(), "/", push.document->key(), "\"");
    answer_all(push, wire::CODE_UNAVAILABLE, "the database gave no verdict");
    return;
  }
  metrics_.ack_seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - push.since).count());
  for (const wire::Verdict& verdict : verdicts)
    if (verdict.code() == wire::CODE_OK) metrics_.changes_in.Increment();
  auto author = push.author.lock();
  if (!author) return;
  if (push.creates) {
    wire::DocumentRef document = *push.document;
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

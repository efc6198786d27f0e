#include "replication_source.h"

#include <algorithm>
#include <random>

#include "log.h"

namespace converge::bridge {

namespace {

constexpr const char* kPlugin = "converge_output";
// Taken from the stream in one turn of the event loop.
constexpr std::size_t kTurnBytes = 256 << 10;
// How often the slot is confirmed.
constexpr std::chrono::milliseconds kConfirmPause{1000};
// Between two looks for a transaction that has been decoded and has not ended.
constexpr std::chrono::milliseconds kFirstLook{1};
constexpr std::chrono::milliseconds kLongestLook{100};

constexpr Query kPrerequisites = {
    "converge_replication",
    "SELECT CASE WHEN NOT (rolsuper OR rolreplication) "
    "THEN format('the role \"%s\" has not the attribute REPLICATION (ALTER ROLE %I REPLICATION)', rolname, rolname) "
    "WHEN current_setting('wal_level') <> 'logical' "
    "THEN format('the server has wal_level \"%s\", where \"logical\" is needed', current_setting('wal_level')) "
    "WHEN pg_is_in_recovery() THEN 'the server is a standby: name the primary' "
    "ELSE '' END FROM pg_roles WHERE rolname = current_user"};
constexpr Query kSnapshot = {"converge_snapshot", "SELECT pg_current_snapshot()::text"};

awaitable<std::string> ask(DatabasePool& database, const Query& query) {
  std::vector<Statement> statements(1);
  statements[0].query = &query;
  auto answer = co_await database.run(statements);
  co_return std::string(answer.at(0).bytes(0, 0));
}

std::string random_slot() {
  std::random_device random;
  char name[40];
  snprintf(name, sizeof name, "converge_bridge_%08x%08x", random(), random());
  return name;
}

}  // namespace

ReplicationSource::ReplicationSource(asio::io_context& io, const Config& config, DatabasePool& database,
                                     Metrics& metrics, PresenceRelay& relay, unsigned index)
    : ChangeSource(io, metrics, "the replication stream"),
      config_(config),
      database_(database),
      relay_(relay),
      index_(index),
      connection_(io, config) {}

// Says what is missing in words that name the remedy.
awaitable<void> ReplicationSource::check_prerequisites() {
  std::string missing = co_await ask(database_, kPrerequisites);
  if (!missing.empty()) throw std::runtime_error(missing);
}

// The name of a slot that can be read from.
awaitable<std::string> ReplicationSource::prepare_slot() {
  const std::string create = std::string(" LOGICAL ") + kPlugin + " NOEXPORT_SNAPSHOT";
  if (config_.slot.empty()) {
    std::string name = random_slot();
    co_await connection_.run("CREATE_REPLICATION_SLOT \"" + name + "\" TEMPORARY" + create);
    co_return name;
  }
  std::string name = config_.workers > 1 ? config_.slot + "_" + std::to_string(index_ + 1) : config_.slot;
  // The option allows letters, digits and underscores only.
  Rows slot = co_await connection_.run(
      "SELECT coalesce(plugin, ''), coalesce(wal_status, ''), coalesce(database = current_database(), false) "
      "FROM pg_replication_slots WHERE slot_name = '" + name + "'");
  bool exists = slot.count() > 0;
  if (exists && (slot.bytes(0, 0) != kPlugin || slot.bytes(0, 2) != "t"))
    throw std::runtime_error("the replication slot \"" + name + "\" is not of " + kPlugin + " and this database");
  if (exists && slot.bytes(0, 1) == "lost") {
    log(Severity::warning, "the replication slot \"", name, "\" is made anew: the server has removed WAL that it needed");
    co_await connection_.run("DROP_REPLICATION_SLOT \"" + name + "\"");
    exists = false;
  }
  if (!exists) co_await connection_.run("CREATE_REPLICATION_SLOT \"" + name + "\"" + create);
  co_return name;
}

awaitable<void> ReplicationSource::attach_and_read(Listener& listener) {
  co_await check_prerequisites();
  co_await connection_.connect();
  std::string slot = co_await prepare_slot();
  metrics_.set_slot(index_, slot);
  co_await connection_.start(slot);
  if (stopped()) co_return;
  processed_ = 0;
  in_transaction_ = false;
  if (config_.workers > 1) member_ = relay_.join(io_, listener);
  now_attached(listener);
  if (!confirming_) {
    confirming_ = true;
    start(io_, confirm_now_and_then());
  }
  for (;;) {
    // What is there is taken before the listener flushes, so that a burst of small
    // frames becomes one message to each client; but the clients get their turns.
    std::size_t bytes = 0;
    auto message = connection_.next();
    bool any = message.has_value();
    while (message) {
      bytes += message->data.size();
      take(*message, listener);
      if (bytes >= kTurnBytes) break;
      message = connection_.next();
    }
    if (any) listener.on_pause();
    if (message) {
      co_await asio::post(io_, asio::use_awaitable);
    } else {
      co_await connection_.wait();
    }
  }
}

void ReplicationSource::take(const ReplicationConnection::Message& message, Listener& listener) {
  if (message.keepalive) {
    if (!in_transaction_) processed_ = std::max(processed_, message.position);
    if (message.reply_requested) connection_.confirm(confirmable());
    return;
  }
  if (!frame_.ParseFromArray(message.data.data(), static_cast<int>(message.data.size())))
    throw std::runtime_error("a message from the replication stream that is no StreamFrame");
  passed_over_.note(frame_.xid(), processed_);
  for (const wire::AccessChange& change : frame_.access()) listener.on_access(frame_, change);
  for (const wire::StreamChange& change : frame_.changes()) listener.on_change(frame_, change);
  in_transaction_ = !frame_.last();
  if (!in_transaction_) processed_ = std::max(processed_, message.position);
}

void ReplicationSource::drop_connection() {
  if (member_ != 0) relay_.leave(std::exchange(member_, 0));
  connection_.close();
  passed_over_.clear();
  release(WatchOutcome::lost);
}

void ReplicationSource::release(WatchOutcome outcome) {
  auto waiters = std::move(waiters_);
  waiters_.clear();
  for (auto& waiter : waiters) {
    waiter->done = true;
    waiter->outcome = outcome;
    waiter->signal.notify_all();
  }
}

// ------------------------------------------------------------------- barriers

awaitable<WatchOutcome> ReplicationSource::watch(std::uint64_t, std::string) {
  if (!attached()) co_return WatchOutcome::lost;
  // From here on the listener is given the document's changes. What it was not
  // given came before, and whether a new snapshot shows that, a snapshot says.
  if (passed_over_.settled(passed_over_.position())) co_return WatchOutcome::watching;
  auto waiter = std::make_shared<Waiter>(io_, passed_over_.position());
  waiters_.push_back(waiter);
  if (!looking_) {
    looking_ = true;
    start(io_, look_at_snapshots());
  }
  while (!waiter->done) co_await waiter->signal.wait();
  co_return waiter->outcome;
}

// Takes snapshots until nobody waits: one for all who wait when it is taken.
awaitable<void> ReplicationSource::look_at_snapshots() {
  auto pause = kFirstLook;
  while (!waiters_.empty() && !stopped()) {
    // What comes while the snapshot is taken is noted after this, and it may
    // show less than that: a later one decides.
    std::string snapshot;
    try {
      snapshot = co_await ask(database_, kSnapshot);
    } catch (const DatabaseError& error) {
      log(Severity::debug, "no snapshot: ", error.what());
    }
    if (!snapshot.empty() && !passed_over_.take_snapshot(snapshot))
      log(Severity::error, "the database gave a snapshot that is none: ", snapshot);
    std::vector<std::shared_ptr<Waiter>> waiting;
    for (auto& waiter : waiters_) {
      if (!passed_over_.settled(waiter->position)) {
        waiting.push_back(waiter);
        continue;
      }
      waiter->done = true;
      waiter->outcome = WatchOutcome::watching;
      waiter->signal.notify_all();
    }
    bool progress = waiting.size() < waiters_.size();
    waiters_ = std::move(waiting);
    if (waiters_.empty()) break;
    pause = progress ? kFirstLook : std::min(pause * 2, kLongestLook);
    co_await sleep_for(io_, pause);
  }
  looking_ = false;
}

// The next one to read a slot with a name knows nothing of what was passed over.
// A server that shuts down gives no snapshots, and waits for everything to be
// confirmed: after that nothing is running any more.
Lsn ReplicationSource::confirmable() const {
  return config_.slot.empty() || !database_.healthy() ? processed_ : passed_over_.confirmable(processed_);
}

// Also forgets what has ended, though nobody waits for it.
awaitable<void> ReplicationSource::confirm_now_and_then() {
  while (!stopped()) {
    co_await sleep_for(io_, kConfirmPause);
    if (!attached()) continue;
    if (!passed_over_.empty()) {
      try {
        std::string snapshot = co_await ask(database_, kSnapshot);
        passed_over_.take_snapshot(snapshot);
      } catch (const DatabaseError& error) {
        log(Severity::debug, "no snapshot: ", error.what());
      }
    }
    if (attached() && processed_ != 0) connection_.confirm(confirmable());
  }
}

// ------------------------------------------------------------------- presence

void ReplicationSource::send_presence(const wire::DocumentPresence& presence) {
  if (member_ != 0) relay_.send(member_, presence);
}

}  // namespace converge::bridge

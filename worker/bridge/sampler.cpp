#include "sampler.h"

namespace converge::bridge {

namespace {

constexpr std::chrono::milliseconds kPause{5000};

// What is decoded but not confirmed counts as decoded a second late at most.
constexpr Query kLags = {
    "converge_lags",
    "SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), w.confirmed_lsn), 0)::bigint, "
    "coalesce(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), s.restart_lsn), 0)::bigint, "
    "coalesce(m.changes_waiting, 0) "
    "FROM converge.worker_status() w CROSS JOIN converge.maintenance_status() m "
    "LEFT JOIN pg_replication_slots s ON s.slot_name = w.slot"};


// The same of the bridge's own slots, the one that is furthest behind of each.
constexpr Query kOwnLags = {
    "converge_own_lags",
    "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), s.confirmed_flush_lsn)), 0)::bigint, "
    "coalesce(max(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), s.restart_lsn)), 0)::bigint, "
    "coalesce(max(m.changes_waiting), 0) "
    "FROM converge.maintenance_status() m "
    "LEFT JOIN pg_replication_slots s ON s.slot_name = ANY (string_to_array($1, ',')::name[])"};

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all.append(all.empty() ? "" : ",").append(name);
  return all;
}

}  // namespace

awaitable<void> sample_database(asio::io_context& io, const Config& config, DatabasePool& database, Metrics& metrics) {
  std::vector<Statement> statements(1);
  const bool own = config.source == Source::replication;
  statements[0].query = own ? &kOwnLags : &kLags;
  for (;;) {
    const std::string slots = joined(metrics.slots());
    if (own) statements[0].parameters = {{slots}};
    try {
      auto answer = co_await database.run(statements);
      const Rows& row = answer.at(0);
      if (row.count() == 1) {
        metrics.decode_lag_bytes.Set(static_cast<double>(row.integer(0, 0)));
        metrics.slot_lag_bytes.Set(static_cast<double>(row.integer(0, 1)));
        metrics.fold_backlog.Set(static_cast<double>(row.integer(0, 2)));
      }
    } catch (const DatabaseError&) {
      // Not now: what was measured last stays.
    }
    co_await sleep_for(io, kPause);
  }
}

}  // namespace converge::bridge

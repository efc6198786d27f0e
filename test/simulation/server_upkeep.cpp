#include <algorithm>

#include "core/log/compaction.h"
#include "core/log/fold_rule.h"
#include "core/log/pull_answer.h"
#include "server.h"

namespace converge::simulation {

// ---- pull

std::string Server::current(const Document& document, const std::string& field) const {
  std::string state = document.row.at(field);
  if (!committed_.deferred.at(field)) return state;
  auto type = field_type(state);
  for (const auto& [replica, unfolded] : document.unfolded) {
    const Writer* writer = document.find(replica);
    for (auto at = writer->log.lower_bound(unfolded.from_seq); at != writer->log.end(); ++at) {
      for (const FieldDelta& delta : at->second->change.fields) {
        if (delta.field == field) state = *merge(*type, state, delta.delta);
      }
    }
  }
  return state;
}

std::string Server::current(std::size_t document, const std::string& field) const {
  return current(committed_.documents[document], field);
}

// As src/extension/documents/moment.cpp.
std::optional<std::string> Server::state_at(std::size_t number, const std::string& field,
                                            std::int64_t moment_ms) const {
  const Document& document = committed_.documents[number];
  if (moment_ms < document.snapshot_ms) return std::nullopt;
  const FieldType type = *field_type(document.row.at(field));
  auto at = document.snapshot.find(field);
  std::string state = at != document.snapshot.end() ? at->second : empty_state(type);
  for (const auto& [replica, writer] : document.writers) {
    for (const auto& [seq, logged] : writer->log) {
      const std::int64_t when = world_.planted(Fault::moment_by_clients_clock)
                                    ? static_cast<std::int64_t>(logged->change.hlc >> 16)
                                    : logged->recorded_ms;
      if (when > moment_ms) break;
      for (const FieldDelta& delta : logged->change.fields) {
        if (delta.field != field || is_left_out(document.quarantine, replica, seq, field)) continue;
        state = *merge(type, state, delta.delta);
      }
    }
  }
  return state;
}

bool Server::serve_pull(Random& random) {
  if (!running_ || pulls_.empty()) return false;
  auto at = std::next(pulls_.begin(), static_cast<std::ptrdiff_t>(random.below(pulls_.size())));
  const WaitingPull waiting = std::move(*at);
  pulls_.erase(at);
  auto found = peers_.find(waiting.connection);
  if (found == peers_.end()) return true;
  Peer& peer = found->second;
  if (waiting.subscribe.request != peer.request) return true;  // it asked anew since
  if (!may_read(peer.document, peer.principal)) {
    peer.watching = false;
    world_.network.to_client(waiting.connection, Problem{waiting.subscribe.request});
    return true;
  }
  // Row and log under one snapshot.
  const Document& now = committed_.documents[peer.document];
  const bool torn = world_.planted(Fault::pull_version_after_state);
  Subscribed answer = pull(torn ? waiting.seen : now, waiting.subscribe);
  if (torn) answer.log_version = now.version().encode();
  world_.note("  pull at ", now.version().to_text(), answer.state ? ": the state" : ": changes");
  for (const Change& change : answer.changes) {
    for (const FieldDelta& delta : change.fields) {
      if (!world_.ledger.is_left_out(peer.document, change.replica, change.seq, delta.field)) continue;
      world_.violated(Invariant::left_out_is_not_given,
                      "a pull gives field \"" + delta.field + "\" of " + describe(change.replica, change.seq));
    }
  }
  peer.version = *LogVersion::decode(answer.log_version);
  world_.network.to_client(waiting.connection, std::move(answer));
  peer.subscribed = true;
  for (const Change& change : peer.meanwhile) {
    world_.network.to_client(waiting.connection, Changes{{change}});
  }
  peer.meanwhile.clear();
  return true;
}

// As src/extension/documents/pull.cpp.
Subscribed Server::pull(const Document& document, const Subscribe& subscribe) const {
  Subscribed answer;
  answer.request = subscribe.request;
  answer.epoch = static_cast<std::uint64_t>(epoch_);
  answer.fields = world_.plan.fields;
  answer.log_version = document.version().encode();
  auto since = LogVersion::decode(subscribe.since);
  std::uint64_t highest = 0;
  for (const auto& entry : since->entries()) highest = std::max(highest, entry.counter);
  std::size_t state_bytes = 0;
  for (const auto& [field, state] : document.row) state_bytes += state.size();
  RangeSize size(state_bytes);
  bool whole = false;
  for (const auto& [replica, writer] : document.writers) {
    const std::uint64_t after =
        world_.planted(Fault::pull_by_highest_seen) ? highest : since->get(replica);
    whole = whole || !log_reaches(after, writer->compacted);
    for (auto at = writer->log.upper_bound(after); at != writer->log.end() && !whole; ++at) {
      std::size_t bytes = 0;
      for (const FieldDelta& delta : at->second->change.fields) bytes += delta.delta.size();
      whole = !size.add(bytes);
      Change& change = answer.changes.emplace_back(at->second->change);
      if (world_.planted(Fault::quarantined_in_pull)) continue;
      std::erase_if(change.fields, [&](const FieldDelta& delta) {
        return is_left_out(document.quarantine, change.replica, change.seq, delta.field);
      });
    }
  }
  if (!whole) return answer;
  answer.changes.clear();
  answer.state.emplace();
  for (const auto& [field, state] : document.row) answer.state->push_back({field, current(document, field)});
  return answer;
}

// ---- fold

bool Server::fold(Random& random, bool all) {
  if (!running_) return false;
  const std::size_t number = random.below(world_.plan.documents);
  const Document& document = committed_.documents[number];
  if (document.unfolded.empty()) return false;
  if (!all && fold_due(FoldRule{}, waiting(document)) > static_cast<std::int64_t>(world_.now_ms)) return false;
  if (locked(number)) {
    if (!world_.planted(Fault::fold_reads_uncommitted)) return false;
    for (const Transaction& transaction : transactions_) {
      auto seen = transaction.documents.find(number);
      if (seen != transaction.documents.end()) fold_document(committed_.documents[number], seen->second);
    }
    flushed_ = committed_;
    return true;
  }
  Transaction& transaction = begin(false);
  fold_document(lock(transaction, number), document);
  world_.note("  folds document ", number);
  return true;
}

UnfoldedChanges Server::waiting(const Document& document) {
  UnfoldedChanges waiting;
  for (const auto& [replica, unfolded] : document.unfolded) {
    const Writer& writer = *document.find(replica);
    waiting.count += writer.last() - unfolded.from_seq + 1;
    waiting.first_ms = waiting.first_ms == 0 ? unfolded.since_ms : std::min(waiting.first_ms, unfolded.since_ms);
    waiting.last_ms = std::max(waiting.last_ms, writer.log.rbegin()->second->recorded_ms);
  }
  return waiting;
}

bool Server::switch_deferred(Random& random) {
  if (!running_ || !transactions_.empty()) return false;
  for (std::size_t i = 0; i < committed_.documents.size(); ++i) {
    const Document before = committed_.documents[i];
    fold_document(committed_.documents[i], before);
    note_quarantine(i, before.quarantine, committed_.documents[i].quarantine);
  }
  const auto& field = world_.plan.fields[random.below(world_.plan.fields.size())];
  bool& deferred = committed_.deferred.at(field.field);
  deferred = !deferred;
  world_.note("  field \"", field.field, deferred ? "\" is deferred" : "\" is immediate");
  flushed_ = committed_;
  return true;
}

// ---- compaction

bool Server::compact(Random& random) {
  if (!running_) return false;
  const std::size_t number = random.below(world_.plan.documents);
  if (locked(number)) return false;
  Document& document = committed_.documents[number];
  const SettledBelow bound{oldest_running_xid(), epoch_};
  const auto keep_from = static_cast<std::int64_t>(world_.now_ms + 1 - random.below(20'000));
  std::vector<ReplicaId> replicas;
  for (const auto& [replica, writer] : document.writers) replicas.push_back(replica);
  for (const ReplicaId replica : replicas) {
    const Writer& before = *document.find(replica);
    CompactionCut cut(before.compacted, document.folded(replica), keep_from);
    for (const auto& [seq, logged] : before.log) {
      const bool settled = is_settled(logged->xid, logged->epoch, bound);
      auto quarantined = document.quarantine.find({replica, seq});
      const bool waits = quarantined != document.quarantine.end() && !quarantined->second.dropped &&
                         !world_.planted(Fault::quarantined_compacted);
      if (!cut.drops({seq, settled, logged->change.refused || waits, logged->recorded_ms})) break;
    }
    drop(document, replica, world_.planted(Fault::compaction_by_highest_seen) ? before.last() : cut.last());
  }
  flushed_ = committed_;
  return true;
}

// Joins a replica's changes up to a number into the snapshot and takes them out
// of the log.
void Server::drop(Document& document, ReplicaId replica, std::uint64_t until) {
  if (until == document.find(replica)->compacted) return;
  Writer& writer = edit_writer(document, replica);
  writer.compacted_hash = writer.log.at(until)->hash;
  writer.epoch = writer.log.at(until)->epoch;
  writer.compacted = until;
  for (auto at = writer.log.begin(); at != writer.log.end() && at->first <= until;) {
    if (!world_.planted(Fault::horizon_forgotten)) {
      document.snapshot_ms = std::max(document.snapshot_ms, at->second->recorded_ms);
    }
    auto quarantined = document.quarantine.find({replica, at->first});
    const bool given_up = quarantined != document.quarantine.end() && quarantined->second.dropped;
    for (const FieldDelta& delta : at->second->change.fields) {
      if (given_up && quarantined->second.fields.contains(delta.field)) continue;
      const FieldType type = *field_type(delta.delta);
      auto [snapshot, added] = document.snapshot.try_emplace(delta.field, empty_state(type));
      snapshot->second = *merge(type, snapshot->second, delta.delta);
      const std::string& state = document.row.at(delta.field);
      if (*merge(type, state, delta.delta) == state) continue;
      world_.violated(Invariant::nothing_lost_by_compaction,
                      "number " + describe(replica, at->first) + " is dropped, but field \"" +
                          delta.field + "\" lacks it");
    }
    if (given_up) document.quarantine.erase(quarantined);
    at = writer.log.erase(at);
  }
  world_.note("  drops replica ", replica, " up to ", until);
}

}  // namespace converge::simulation

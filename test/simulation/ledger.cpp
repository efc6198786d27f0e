#include "ledger.h"

namespace converge::simulation {

std::string_view invariant_name(Invariant invariant) {
  switch (invariant) {
    case Invariant::acknowledged_survives: return "acknowledged_survives";
    case Invariant::number_names_one_change: return "number_names_one_change";
    case Invariant::log_has_no_gaps: return "log_has_no_gaps";
    case Invariant::row_is_replay: return "row_is_replay";
    case Invariant::nothing_lost_by_compaction: return "nothing_lost_by_compaction";
    case Invariant::replicas_equal: return "replicas_equal";
    case Invariant::refused_is_gone: return "refused_is_gone";
    case Invariant::edit_counts_once: return "edit_counts_once";
    case Invariant::comes_to_rest: return "comes_to_rest";
    case Invariant::survives_restore: return "survives_restore";
    case Invariant::left_out_is_not_given: return "left_out_is_not_given";
    case Invariant::expectation_holds: return "expectation_holds";
    case Invariant::state_of_a_moment: return "state_of_a_moment";
    case Invariant::one_document_a_key: return "one_document_a_key";
    case Invariant::no_error: return "no_error";
  }
  return "";
}

std::string describe(ReplicaId replica, std::uint64_t seq) {
  return std::to_string(replica) + ":" + std::to_string(seq);
}

std::uint64_t hash_change(const Change& change) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  auto add = [&](std::string_view bytes) {
    for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  };
  auto add_number = [&](std::uint64_t number) {
    add({reinterpret_cast<const char*>(&number), sizeof number});
  };
  add_number(change.hlc);
  add_number(static_cast<std::uint64_t>(change.operation));
  for (const FieldDelta& field : change.fields) {
    add_number(field.field.size());
    add(field.field);
    add_number(field.delta.size());
    add(field.delta);
  }
  return hash;
}

Ledger::Ledger(std::size_t documents, const std::vector<session::FieldInfo>& fields)
    : fields_(fields), history_(documents) {
  for (History& history : history_) history.replay = empty();
}

Replay Ledger::empty() const {
  Replay replay;
  for (const auto& info : fields_) {
    replay.emplace(info.field, *session::LiveField::create(info.type));
  }
  return replay;
}

std::optional<Violation> Ledger::use(std::size_t document, const Change& change,
                                     std::uint64_t hash) {
  auto [at, added] = numbers_.try_emplace({document, change.replica, change.seq}, hash);
  if (added || at->second == hash) return std::nullopt;
  return Violation{Invariant::number_names_one_change,
                   "number " + describe(change.replica, change.seq) + " has two contents"};
}

std::optional<Violation> Ledger::offered(std::size_t document, const Change& change) {
  return use(document, change, hash_change(change));
}

void Ledger::refused(std::size_t document, ReplicaId replica, std::uint64_t seq) {
  refused_.insert({document, replica, seq});
}

std::optional<Violation> Ledger::made(std::uint32_t principal, std::uint64_t temporary_key, std::size_t document) {
  const auto [at, first] = made_.try_emplace({principal, temporary_key}, document);
  if (first || at->second == document) return std::nullopt;
  return Violation{Invariant::one_document_a_key, "temporary key " + std::to_string(temporary_key) + " of principal " +
                                                      std::to_string(principal) + " stands for documents " +
                                                      std::to_string(at->second) + " and " + std::to_string(document)};
}

std::optional<Violation> Ledger::committed(std::size_t document, const LoggedChangePtr& change) {
  History& history = history_[document];
  const Change& row = change->change;
  if (auto used = use(document, row, change->hash)) return used;
  if (!history.by_number.emplace(std::pair(row.replica, row.seq), change).second) {
    return Violation{Invariant::number_names_one_change,
                     "number " + describe(row.replica, row.seq) + " is logged twice"};
  }
  if (!row.refused && refused_.contains({document, row.replica, row.seq})) {
    return Violation{Invariant::refused_is_gone,
                     "number " + describe(row.replica, row.seq) + " was refused before"};
  }
  if (!row.refused && !row.expect.empty() && others_wrote_since(history, row)) {
    return Violation{Invariant::expectation_holds,
                     "number " + describe(row.replica, row.seq) + " is committed, but not what its author had seen"};
  }
  history.changes.push_back(change);
  merge(history.replay, history, *change);
  return std::nullopt;
}

bool Ledger::others_wrote_since(const History& history, const Change& change) {
  const LogVersion seen = *LogVersion::decode(change.expect);
  for (const LoggedChangePtr& before : history.changes) {
    const Change& other = before->change;
    if (!other.refused && other.replica != change.replica && seen.get(other.replica) < other.seq) return true;
  }
  return false;
}

void Ledger::merge(Replay& replay, const History& history, const LoggedChange& change) {
  for (const FieldDelta& delta : change.change.fields) {
    if (simulation::is_left_out(history.left_out, change.change.replica, change.change.seq, delta.field)) continue;
    (void)replay.at(delta.field).merge_encoded(delta.delta);
  }
}

void Ledger::replay_again(History& history) const {
  history.replay = empty();
  for (const LoggedChangePtr& change : history.changes) merge(history.replay, history, *change);
}

void Ledger::left_out(std::size_t document, ReplicaId replica, std::uint64_t seq, const std::set<std::string>& fields) {
  history_[document].left_out[{replica, seq}] = {fields, false};
  replay_again(history_[document]);
}

void Ledger::taken_back(std::size_t document, ReplicaId replica, std::uint64_t seq) {
  history_[document].left_out.erase({replica, seq});
  replay_again(history_[document]);
}

Replay Ledger::everything_left_out(std::size_t document) const {
  Replay replay = empty();
  const History& history = history_[document];
  for (const auto& [number, quarantined] : history.left_out) {
    for (const FieldDelta& delta : history.by_number.at(number)->change.fields) {
      if (quarantined.fields.contains(delta.field)) (void)replay.at(delta.field).merge_encoded(delta.delta);
    }
  }
  return replay;
}

std::optional<Violation> Ledger::acknowledged(std::size_t document, ReplicaId replica,
                                              std::uint64_t seq) {
  const History& history = history_[document];
  for (auto at = numbers_.lower_bound({document, replica, 0});
       at != numbers_.end() && at->first <= Number{document, replica, seq}; ++at) {
    auto logged = history.by_number.find({replica, std::get<2>(at->first)});
    if (logged == history.by_number.end() || logged->second->change.refused) {
      return Violation{Invariant::acknowledged_survives,
                       "number " + describe(replica, std::get<2>(at->first)) +
                           " was acknowledged but is not committed"};
    }
  }
  return std::nullopt;
}

Replay Ledger::replay_up_to(std::size_t document, const LogVersion& version) const {
  Replay replay = empty();
  for (const LoggedChangePtr& change : history_[document].changes) {
    if (version.covers({change->change.replica, change->change.seq})) merge(replay, history_[document], *change);
  }
  return replay;
}

Replay Ledger::replay_until(std::size_t document, std::int64_t moment_ms) const {
  Replay replay = empty();
  for (const LoggedChangePtr& change : history_[document].changes) {
    if (change->recorded_ms <= moment_ms) merge(replay, history_[document], *change);
  }
  return replay;
}

std::int64_t Ledger::draw_moment(std::size_t document, Random& random) const {
  const auto& changes = history_[document].changes;
  return changes.empty() ? 0 : changes[random.below(changes.size())]->recorded_ms;
}

Ledger::Moment Ledger::now() const {
  Moment moment;
  for (const History& history : history_) moment.push_back({history.changes, history.left_out});
  return moment;
}

void Ledger::restore(const Moment& moment) {
  refused_.clear();
  for (std::size_t i = 0; i < history_.size(); ++i) {
    History restored;
    restored.changes = moment[i].changes;
    restored.left_out = moment[i].left_out;
    for (const LoggedChangePtr& change : restored.changes) {
      restored.by_number.emplace(std::pair(change->change.replica, change->change.seq), change);
    }
    replay_again(restored);
    history_[i] = std::move(restored);
  }
}

std::optional<Violation> Ledger::check_log(std::size_t document, const Document& tables) const {
  for (const LoggedChangePtr& change : history_[document].changes) {
    const Change& row = change->change;
    const Writer* writer = tables.find(row.replica);
    if (writer != nullptr && row.seq <= writer->compacted) continue;
    if (writer != nullptr && writer->log.contains(row.seq)) continue;
    return Violation{Invariant::acknowledged_survives,
                     "committed number " + describe(row.replica, row.seq) + " is gone"};
  }
  for (const auto& [replica, writer] : tables.writers) {
    std::uint64_t expected = writer->compacted;
    for (const auto& [seq, change] : writer->log) {
      if (seq != ++expected) {
        return Violation{Invariant::log_has_no_gaps,
                         "number " + describe(replica, expected) + " is missing"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace converge::simulation

#include <algorithm>

#include "server.h"

namespace converge::simulation {

// ---- the constraint that a fold can violate

// A row that nothing changes is not written, and not looked at.
bool Server::violates_bound(const Row& before, const Row& after) const {
  if (committed_.bound == 0 || before == after) return false;
  return std::any_of(after.begin(), after.end(), [&](const auto& field) {
    std::int64_t value = 0;
    if (const auto type = *field_type(field.second); type == FieldType::pn_counter) {
      value = *PnCounter::decode(field.second)->value();
    } else if (type == FieldType::g_counter) {
      value = *GCounter::decode(field.second)->value();
    }
    return value > committed_.bound || value < -committed_.bound;
  });
}

bool Server::change_bound(Random& random) {
  constexpr std::int64_t kBounds[] = {0, 0, 3, 30, 300};
  if (!running_ || !transactions_.empty()) return false;
  committed_.bound = kBounds[random.below(std::size(kBounds))];
  world_.note("  counters have at most ", static_cast<std::uint64_t>(committed_.bound));
  flushed_ = committed_;
  return true;
}

// ---- fold

// Merges what `source` has logged, and not folded, into the row of `document`.
void Server::fold_document(Document& document, const Document& source) const {
  std::vector<LoggedChangePtr> changes;
  for (const auto& [replica, unfolded] : source.unfolded) {
    const Writer& writer = *source.find(replica);
    for (auto at = writer.log.lower_bound(unfolded.from_seq); at != writer.log.end(); ++at) {
      if (world_.planted(Fault::fold_skips_a_change) && at->first == writer.last() && at->first > 1) break;
      changes.push_back(at->second);
    }
  }
  document.unfolded.clear();
  fold_range(document, changes);
}

// As src/extension/documents/fold.cpp: of what raises, halves.
void Server::fold_range(Document& document, std::span<const LoggedChangePtr> changes) const {
  if (changes.empty()) return;
  const Row before = document.row;
  for (const LoggedChangePtr& logged : changes) {
    for (const FieldDelta& delta : logged->change.fields) {
      if (!committed_.deferred.at(delta.field)) continue;
      std::string& state = document.row.at(delta.field);
      state = *merge(*field_type(state), state, delta.delta);
    }
  }
  if (!violates_bound(before, document.row)) return;
  document.row = before;
  if (changes.size() > 1) {
    fold_range(document, changes.first(changes.size() / 2));
    fold_range(document, changes.subspan(changes.size() / 2));
    return;
  }
  const Change& change = changes.front()->change;
  Quarantined& quarantined = document.quarantine[{change.replica, change.seq}];
  for (const FieldDelta& delta : change.fields) {
    if (committed_.deferred.at(delta.field)) quarantined.fields.insert(delta.field);
  }
  world_.note("  ", describe(change.replica, change.seq), " goes into quarantine");
}

// Tells the ledger of what a transaction put into quarantine or took out of it.
void Server::note_quarantine(std::size_t number, const Quarantine& before, const Quarantine& after) {
  for (const auto& [change, quarantined] : after) {
    if (!before.contains(change)) world_.ledger.left_out(number, change.first, change.second, quarantined.fields);
  }
  for (const auto& [change, quarantined] : before) {
    if (!after.contains(change)) world_.ledger.taken_back(number, change.first, change.second);
  }
}

// ---- what an administrator does

Quarantine::const_iterator Server::draw_quarantined(Random& random, std::size_t* number) const {
  *number = random.below(world_.plan.documents);
  const Quarantine& quarantine = committed_.documents[*number].quarantine;
  if (locked(*number)) return quarantine.end();
  return std::find_if(quarantine.begin(), quarantine.end(), [](const auto& one) { return !one.second.dropped; });
}

// As quarantine_retry(): an edit in SQL, of what the row gains.
bool Server::retry_quarantined(Random& random) {
  std::size_t number;
  const auto found = draw_quarantined(random, &number);
  if (!running_ || found == committed_.documents[number].quarantine.end()) return false;
  const auto [replica, seq] = found->first;
  const std::set<std::string> fields = found->second.fields;
  Transaction& transaction = begin(false);
  Document& document = lock(transaction, number);
  document.quarantine.erase(found->first);
  const Row before = document.row;
  Change change;
  for (const FieldDelta& delta : document.find(replica)->log.at(seq)->change.fields) {
    if (!fields.contains(delta.field)) continue;
    const std::string& state = before.at(delta.field);
    const FieldType type = *field_type(state);
    const std::string merged = *merge(type, state, delta.delta);
    if (merged != state) change.fields.push_back({delta.field, *difference(type, state, merged)});
    document.row.at(delta.field) = merged;
  }
  world_.note("  ", describe(replica, seq), " is tried again");
  if (violates_bound(before, document.row)) {
    transactions_.pop_back();
    return true;
  }
  if (change.fields.empty() || world_.planted(Fault::retry_not_logged)) return true;
  append_own(transaction, number, document, std::move(change));
  return true;
}

bool Server::drop_quarantined(Random& random) {
  std::size_t number;
  const auto found = draw_quarantined(random, &number);
  if (!running_ || found == committed_.documents[number].quarantine.end()) return false;
  committed_.documents[number].quarantine.at(found->first).dropped = true;
  world_.note("  ", describe(found->first.first, found->first.second), " is dropped");
  flushed_ = committed_;
  return true;
}

bool Server::has_quarantined() const {
  return std::any_of(committed_.documents.begin(), committed_.documents.end(), [](const Document& document) {
    return std::any_of(document.quarantine.begin(), document.quarantine.end(),
                       [](const auto& one) { return !one.second.dropped; });
  });
}

}  // namespace converge::simulation

#include <algorithm>

#include "core/history/authorship.h"
#include "core/lww_map/lww_table.h"
#include "server.h"

namespace converge::simulation {

namespace {

// Whether two maps hold writes of one key with one clock.
bool ties(std::string_view ours, std::string_view theirs) {
  auto mine = LwwTable::decode(FieldType::lww_map, ours);
  auto other = LwwTable::decode(FieldType::lww_map, theirs);
  bool tie = false;
  for (const auto& [key, entry] : other->entries()) {
    const LwwTable::Entry* held = mine->entries().find(key);
    tie |= held != nullptr && held->hlc == entry.hlc && held->dot != entry.dot;
  }
  return tie;
}

// As authors_of_delta() of src/extension/documents/field_value.cpp.
std::vector<ReplicaId> authors_of(const std::string& delta) {
  const FieldType type = *field_type(delta);
  std::vector<ReplicaId> authors;
  if (type == FieldType::pn_counter || type == FieldType::g_counter) {
    const auto edits = VersionVector::decode(*version(type, delta));
    for (const auto& entry : edits->entries()) authors.push_back(entry.replica);
  } else {
    const auto items = items_of(type, delta);
    for (const ItemRange& range : *items) authors.push_back(range.replica);
  }
  return authors;
}

}  // namespace

bool Server::execute_push(Random& random) {
  if (!running_ || pushes_.empty()) return false;
  std::vector<WaitingPush> batch;
  for (std::uint64_t left = 1 + random.below(3); left > 0 && !pushes_.empty(); --left) {
    WaitingPush& first = pushes_.front();
    if (must_wait(first)) {
      // The lock timeout, or it goes on waiting.
      if (random.percent(50)) break;
      world_.network.to_client(first.connection, Reject{first.changes.front().replica,
                                                        first.changes.front().seq,
                                                        Code::unavailable, 0});
    } else {
      batch.push_back(std::move(first));
    }
    pushes_.pop_front();
  }
  if (batch.empty()) return true;
  Transaction& transaction = begin(false);
  for (const WaitingPush& push : batch) {
    if (push.temporary_key != 0) {
      create(transaction, push);
    } else {
      this->push(transaction, push);
    }
  }
  transaction.pushes = std::move(batch);
  if (world_.planted(Fault::ack_before_commit)) {
    for (const Reply& reply : transaction.replies) answer(reply);
  }
  return true;
}

// For another transaction: it has the document, or makes one of that name.
bool Server::must_wait(const WaitingPush& push) const {
  if (push.temporary_key == 0) return locked(push.document);
  const TemporaryKey name{push.principal, push.temporary_key};
  if (!world_.planted(Fault::temporary_key_not_locked)) {
    for (const Transaction& transaction : transactions_) {
      if (transaction.made.contains(name)) return true;
    }
  }
  const auto found = committed_.temporary_keys.find(name);
  return found != committed_.temporary_keys.end() && locked(found->second);
}

// As push.cpp of src/extension/documents has it of documents without a key.
void Server::create(Transaction& transaction, WaitingPush push) {
  const TemporaryKey name{push.principal, push.temporary_key};
  const auto found = find_made(transaction, name);
  push.document = found ? *found : make_document(transaction, name);
  Document& document = lock(transaction, push.document);
  document.made = true;
  const Change& change = push.changes.front();
  const Verdict verdict = decide(transaction, document, push, change, std::nullopt);
  Message reply = Reject{change.replica, change.seq, verdict.code, verdict.expected_seq};
  if (verdict.code == Code::ok || verdict.code == Code::duplicate) {
    reply = Created{push.document, change.replica, change.seq};
  }
  transaction.replies.push_back({push.connection, push.document, std::move(reply)});
  transaction.apologies.push_back(
      {push.connection, push.document, Reject{change.replica, change.seq, Code::unavailable, 0}});
}

std::optional<std::size_t> Server::find_made(const Transaction& transaction, const TemporaryKey& name) const {
  if (world_.planted(Fault::temporary_key_forgotten)) return std::nullopt;
  for (const auto* names : {&transaction.made, &committed_.temporary_keys}) {
    if (auto at = names->find(name); at != names->end()) return at->second;
  }
  return std::nullopt;
}

// Which number a new document has is nobody's business: here it is the one that its
// client counts its edits under, and another one if that is taken.
std::size_t Server::make_document(Transaction& transaction, const TemporaryKey& name) {
  auto taken = [&](std::size_t number) { return committed_.documents[number].made || locked(number); };
  std::size_t number = name.second - 1;
  if (taken(number)) {
    number = world_.plan.makers;
    while (number + 1 < world_.plan.documents && taken(number)) ++number;
  }
  transaction.made[name] = number;
  return number;
}

void Server::push(Transaction& transaction, const WaitingPush& push) {
  Document& document = lock(transaction, push.document);
  std::optional<Ack> ack;
  auto say = [&](Message message) {
    if (ack) transaction.replies.push_back({push.connection, push.document, *ack});
    ack.reset();
    transaction.replies.push_back({push.connection, push.document, std::move(message)});
  };
  std::vector<Verdict> verdicts(push.changes.size());
  apply_range(transaction, document, push, 0, push.changes.size(), verdicts);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Change& change = push.changes[i];
    const Verdict& verdict = verdicts[i];
    if (verdict.code == Code::ok || verdict.code == Code::duplicate) {
      if (ack && ack->replica != change.replica) {
        transaction.replies.push_back({push.connection, push.document, *ack});
      }
      ack = Ack{change.replica, change.seq};
    } else {
      say(Reject{change.replica, change.seq, verdict.code, verdict.expected_seq});
    }
  }
  if (ack) transaction.replies.push_back({push.connection, push.document, *ack});
  const Change& first = push.changes.front();
  transaction.apologies.push_back(
      {push.connection, push.document, Reject{first.replica, first.seq, Code::unavailable, 0}});
}

// As push_group.cpp of src/extension/documents: of what raises, halves, so that only
// the change that raises is refused.
void Server::apply_range(Transaction& transaction, Document& document, const WaitingPush& push, std::size_t first,
                         std::size_t end, std::vector<Verdict>& verdicts) {
  if (first == end) return;
  const Document before = document;
  const std::size_t appended = transaction.appended.size();
  for (std::size_t i = first; i < end; ++i) {
    verdicts[i] = decide(transaction, document, push, push.changes[i], std::nullopt);
  }
  if (!violates_bound(before.row, document.row)) return;
  document = before;
  transaction.appended.resize(appended);
  if (end - first == 1) {
    verdicts[first] = decide(transaction, document, push, push.changes[first], Code::violates_constraint);
    return;
  }
  const std::size_t middle = first + (end - first) / 2;
  apply_range(transaction, document, push, first, middle, verdicts);
  apply_range(transaction, document, push, middle, end, verdicts);
}

// As push_check.cpp and push_apply.cpp of src/extension/documents. What could be
// applied is refused for the reason that is given.
Server::Verdict Server::decide(Transaction& transaction, Document& document, const WaitingPush& push,
                               const Change& change, std::optional<Code> reason) {
  if (!may_read(push.document, push.principal)) return {Code::unknown_document, 0};
  const Writer* known = document.find(change.replica);
  if (known != nullptr && known->principal != push.principal) return {Code::denied, 0};
  const ReplicaRecord record = known != nullptr ? known->record() : ReplicaRecord{};
  const std::uint64_t hash = hash_change(change);
  std::optional<Code> refusal;
  switch (place_of(record, change.seq)) {
    case NumberPlace::after_refused:
      return {Code::after_refused, record.refused_from};
    case NumberPlace::gap:
      if (!world_.planted(Fault::gap_accepted)) return {Code::gap, expected_number(record)};
      break;
    case NumberPlace::taken: {
      auto logged = known->log.find(change.seq);
      std::uint64_t held = 0;
      bool refused = false;
      if (logged != known->log.end()) {
        held = logged->second->hash;
        refused = logged->second->change.refused;
      } else if (change.seq == known->compacted) {
        held = known->compacted_hash;
        refused = known->refused_from == change.seq;
      }
      switch (resolve_taken(held != 0 ? hash_bytes(held) : std::string_view(), refused, hash_bytes(hash))) {
        case TakenBy::same:
          if (world_.planted(Fault::duplicate_applied_twice)) apply_again(document, change);
          return {Code::duplicate, 0};
        case TakenBy::same_refused:
          return {known->refused_code, 0};
        case TakenBy::other:
          refusal = kEquivocation;
          break;
      }
      break;
    }
    case NumberPlace::next:
      refusal = content_problem(push, change);
      if (!refusal && !may_author(document, push, change)) refusal = Code::denied;
      if (!refusal) refusal = reason;
      if (!refusal && !meets_its_expectation(document, push, change)) refusal = Code::expectation_failed;
      break;
  }
  if (!refusal) {
    append(transaction, push.document, document, push.principal, change, hash);
    return {Code::ok, 0};
  }
  if (world_.planted(Fault::refusal_forgotten)) return {*refusal, 0};
  Writer& writer = edit_writer(document, change.replica);
  writer.principal = push.principal;
  if (writer.epoch == 0) writer.epoch = epoch_;
  if (writer.refused_from == 0) {
    writer.refused_from = expected_number(record);
    writer.refused_code = *refusal;
  }
  if (change.seq == expected_number(record)) {
    Change row;
    row.replica = change.replica;
    row.seq = change.seq;
    row.hlc = change.hlc;
    row.refused = true;
    append(transaction, push.document, document, push.principal, std::move(row), hash);
  }
  return {*refusal, 0};
}

bool Server::meets_its_expectation(const Document& document, const WaitingPush& push, const Change& change) const {
  if (change.expect.empty() || world_.planted(Fault::expectation_ignored)) return true;
  const Document& looked_at = world_.planted(Fault::expectation_of_the_committed)
                                  ? committed_.documents[push.document]
                                  : document;
  return meets_expectation(*LogVersion::decode(change.expect), looked_at.written(), change.replica);
}

std::optional<Code> Server::content_problem(const WaitingPush& push, const Change& change) const {
  auto level = committed_.levels.find({push.document, push.principal});
  if (level != committed_.levels.end() && level->second != Level::write) return Code::denied;
  std::size_t bytes = 0;
  for (const FieldDelta& delta : change.fields) bytes += delta.delta.size();
  if (bytes > world_.plan.max_payload) return kTooLarge;
  if (clock_lies_ahead(change.hlc, world_.now_ms)) return kClockAhead;
  for (const FieldDelta& delta : change.fields) {
    auto type = field_type(delta.delta);
    if (clock_lies_ahead(*greatest_hlc(*type, delta.delta), world_.now_ms)) return kClockAhead;
  }
  if (violates_constraint(change)) return Code::violates_constraint;
  return std::nullopt;
}

// As push_state.cpp. Nobody here forges identifiers, so that whoever is refused for
// them has done what the protocol says.
bool Server::may_author(const Document& document, const WaitingPush& push, const Change& change) const {
  for (const FieldDelta& delta : change.fields) {
    for (const ReplicaId author : authors_of(delta.delta)) {
      if (author == change.replica) continue;
      const Writer* writer = document.find(author);
      if (writer == nullptr || writer->principal == push.principal) continue;
      if (change.seq == 1 && is_of_past_epoch(*writer)) continue;
      if (!adds_as(document, delta, author)) continue;
      world_.violated(Invariant::no_error, "number " + describe(change.replica, change.seq) + ", field \"" + delta.field +
                                               "\", is refused for identifiers of replica " + std::to_string(author));
      return false;
    }
  }
  return true;
}

// Whether the document lacks something that the delta has of that author.
bool Server::adds_as(const Document& document, const FieldDelta& delta, ReplicaId author) const {
  const std::string state = current(document, delta.field);
  const FieldType type = *field_type(state);
  const std::string lacking = *difference(type, state, *merge(type, state, delta.delta));
  return std::ranges::count(authors_of(lacking), author) > 0;
}

bool Server::is_of_past_epoch(const Writer& writer) const {
  if (world_.planted(Fault::past_epoch_not_admitted)) return false;
  if (writer.refused_from == 1) return true;
  if (writer.epoch == epoch_) return false;
  const auto last = writer.log.find(writer.refused_from != 0 ? writer.refused_from - 1 : writer.last());
  return last == writer.log.end() || last->second->epoch != epoch_;
}

bool Server::violates_constraint(const Change& change) const {
  return world_.plan.constraint != 0 && !change.fields.empty() && hash_change(change) % world_.plan.constraint == 0;
}

void Server::append(Transaction& transaction, std::size_t number, Document& document,
                    std::uint32_t principal, Change change, std::uint64_t hash) {
  Writer& writer = edit_writer(document, change.replica);
  writer.principal = principal;
  if (writer.epoch == 0) writer.epoch = epoch_;
  bool waits = false;
  const bool own = change.replica == committed_.replica;
  for (const FieldDelta& delta : change.fields) {
    // SQL writes the row itself; only push defers.
    if (own || !committed_.deferred.at(delta.field)) {
      merge_into_row(document, delta);
    } else {
      waits = true;
    }
  }
  const auto now = static_cast<std::int64_t>(world_.now_ms);
  if (waits) document.unfolded.try_emplace(change.replica, Unfolded{change.seq, now});
  hlc_ = std::max(hlc_, Hlc{change.hlc});
  auto logged = std::make_shared<LoggedChange>();
  logged->hash = hash;
  logged->xid = transaction.xid;
  logged->epoch = epoch_;
  logged->recorded_ms = now;
  logged->change = std::move(change);
  writer.log.emplace(logged->change.seq, logged);
  transaction.appended.emplace_back(number, logged);
}

// A change of the server's own, made in SQL.
void Server::append_own(Transaction& transaction, std::size_t number, Document& document, Change change) {
  auto hlc = hlc_.tick(world_.now_ms);
  if (!world_.expect(hlc, "server clock")) return;
  change.replica = committed_.replica;
  const Writer* writer = document.find(change.replica);
  change.seq = (writer != nullptr ? writer->last() : 0) + 1;
  change.hlc = hlc->bits;
  const std::uint64_t hash = hash_change(change);
  append(transaction, number, document, 0, std::move(change), hash);
}

void Server::merge_into_row(Document& document, const FieldDelta& delta) {
  std::string& state = document.row.at(delta.field);
  auto type = field_type(state);
  if (world_.planted(Fault::tie_kept_on_the_wrong_side) && type.value() == FieldType::lww_map &&
      ties(state, delta.delta)) {
    return;
  }
  auto merged = merge(*type, state, delta.delta);
  if (world_.expect(merged, "merge into the row")) state = std::move(*merged);
}

// A planted fault: what an increment would do if its delta were not a state.
void Server::apply_again(Document& document, const Change& change) {
  for (const FieldDelta& delta : change.fields) {
    if (field_type(delta.delta).value() != FieldType::pn_counter) continue;
    auto counter = PnCounter::decode(document.row.at(delta.field));
    auto added = PnCounter::decode(delta.delta)->value();
    (void)counter->increment(world_.draw_replica(), *added);
    document.row.at(delta.field) = counter->encode();
  }
}

// ---- SQL

bool Server::begin_sql() {
  if (!running_ || transactions_.size() >= 4) return false;
  begin(true);
  return true;
}

bool Server::edit_sql(Random& random) {
  auto at = std::find_if(transactions_.begin(), transactions_.end(),
                         [](const Transaction& transaction) { return transaction.sql; });
  if (!running_) return false;
  const std::size_t number = random.below(world_.plan.documents);
  if (!is_made(number)) return false;
  if (at == transactions_.end() || random.percent(30)) {
    if (transactions_.size() >= 4) return false;
    begin(true);
    at = std::prev(transactions_.end());
  }
  if (!at->documents.contains(number) && locked(number)) return false;  // it would wait
  Document& document = lock(*at, number);
  const auto& field = world_.plan.fields[random.below(world_.plan.fields.size())];
  auto live = session::LiveField::create(field.type);
  if (!world_.expect(live->merge_encoded(document.row.at(field.field)), "read the row")) return true;
  const Text* text = live->get<Text>();
  const Edit edit = draw_edit(random, field, text != nullptr ? text->char_length() : 0,
                              world_.marks[number]);
  world_.note("  SQL: ", edit.describe());
  auto version = VersionVector::decode(*converge::version(field.type, document.row.at(field.field)));
  const ReplicaId replica = replica_for(field.type, *version);
  std::string delta;
  if (!world_.expect(make(edit, *live, replica, world_.now_ms, &delta), "edit in SQL")) return true;
  if (is_empty_state(delta)) return true;
  auto after = VersionVector::decode(*converge::version(field.type, live->encode()));
  if (after->get(replica) > version->get(replica)) {
    minted_.push_back({field.type, replica, after->get(replica)});
  }
  Row row = document.row;
  row.at(field.field) = live->encode();
  if (violates_bound(document.row, row)) return true;  // it raises
  Change change;
  change.fields.push_back({field.field, std::move(delta)});
  append_own(*at, number, document, std::move(change));
  return true;
}

// A replica that this backend minted under before goes on only where the state
// shows that it made the last of its identifiers.
ReplicaId Server::replica_for(FieldType type, const VersionVector& version) {
  for (auto at = minted_.rbegin(); at != minted_.rend(); ++at) {
    if (at->type != type || version.get(at->replica) != at->counter) continue;
    const bool newest = std::none_of(minted_.rbegin(), at, [&](const Minted& later) {
      return later.type == type && later.replica == at->replica;
    });
    if (newest) return at->replica;
  }
  return world_.draw_replica();
}

}  // namespace converge::simulation

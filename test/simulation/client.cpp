#include "client.h"

#include <algorithm>

namespace converge::simulation {

namespace {

// After so long without an answer something is sent again. TCP does that for
// itself; with datagrams the client has to.
constexpr std::uint64_t kResendMs = 3000;

}  // namespace

Client::Client(Environment& world, std::size_t number, std::size_t document,
               std::uint32_t principal, bool makes)
    : world_(world), number_(number), document_(document), principal_(principal), makes_(makes) {
  create_session();
  begin_creation();
}

void Client::create_session() {
  session_.emplace([this]() -> ReplicaId {
    if (replica_before_crash_ && world_.planted(Fault::client_number_reused)) {
      last_replica_ = *replica_before_crash_;
    } else {
      last_replica_ = world_.draw_replica();
    }
    replica_before_crash_.reset();
    return last_replica_;
  });
}

// Who makes the document begins with that. Without what it had saved it does so again,
// under another replica; its user's name for the document is the same.
void Client::begin_creation() {
  if (!makes_) return;
  if (!world_.expect(session_->on_fields(world_.plan.fields), "on_fields")) return;
  const std::uint64_t grain = world_.plan.clock_grain_ms;
  if (!world_.expect(session_->begin_creation(world_.now_ms / grain * grain), "begin_creation")) return;
  world_.expect(session_->commit_change(), "commit_change");
  saved_ = false;
}

bool Client::edit(Random& random) {
  if (!session_) return false;
  const auto fields = session_->fields();
  if (fields.empty() || session_->deleted()) return false;
  if (world_.plan.clocks_ahead && random.percent(10)) {
    clock_ahead_ms_ = random.percent(50) ? 0 : 30'000 + random.below(90'000);
  }
  const std::uint64_t grain = world_.plan.clock_grain_ms;
  session::Terms terms;
  if (random.percent(world_.plan.on_terms) && !session_->needs_pull()) (random.percent(30) ? terms.once : terms.expect) = true;
  if (!world_.expect(session_->begin_change((world_.now_ms + clock_ahead_ms_) / grain * grain, terms),
                     "begin_change")) {
    return true;
  }
  std::set<std::string> marks;
  for (std::uint64_t left = random.percent(80) ? 1 : 1 + random.below(4); left > 0; --left) {
    const auto& field = fields[random.below(fields.size())];
    const Text* text = session_->find_text(field.field);
    const Edit edit = draw_edit(random, field, text != nullptr ? text->char_length() : 0,
                                world_.marks[document_]);
    world_.note("  ", edit.describe());
    if (!world_.expect(make(edit, *session_), "edit")) return true;
    if (!edit.value.empty()) marks.insert(edit.value);
  }
  auto change = session_->commit_change();
  if (!world_.expect(change, "commit_change") || *change == nullptr) return true;
  world_.note("  is ", describe((*change)->replica, (*change)->seq), terms.expect ? ", expecting" : terms.once ? ", once" : "");
  if (terms.once || terms.expect) once_.insert({(*change)->replica, (*change)->seq});
  marks_[{(*change)->replica, (*change)->seq}] = std::move(marks);
  saved_ = false;
  return true;
}

bool Client::save() {
  if (!session_ || saved_) return false;
  disk_ = session_->save();
  disk_creates_ = session_->creating();
  saved_ = true;
  return true;
}

bool Client::crash() {
  if (!session_) return false;
  replica_before_crash_ = last_replica_;
  sent_before_crash_ = sent_;
  disconnected();
  turned_away_ = false;
  session_.reset();
  remembered_.clear();
  return true;
}

bool Client::lose_disk() {
  if (disk_.empty()) return false;
  if (session_) crash();
  disk_.clear();
  return true;
}

void Client::remember() {
  remembered_.clear();
  if (!session_) return;
  for (const auto& field : session_->fields()) remembered_[field.field] = *session_->state(field.field);
}

bool Client::start() {
  if (session_) return false;
  create_session();
  saved_ = true;
  if (disk_.empty()) {
    begin_creation();
  } else {
    world_.expect(session_->load(disk_), "load");
  }
  return true;
}

bool Client::adopt(Client& gone) {
  if (!session_ || gone.session_ || gone.disk_.empty()) return false;
  if (gone.document_ != document_ || gone.principal_ != principal_ || gone.disk_creates_) return false;
  if (session_->pending() > 0 || session_->needs_pull()) return false;
  if (!world_.expect(session_->adopt(gone.disk_), "adopt")) return true;
  world_.note("  client ", number_, " adopts what client ", gone.number_, " left");
  marks_.merge(gone.marks_);
  once_.merge(gone.once_);
  saved_ = false;
  save();  // before the other one's is gone
  gone.disk_.clear();
  return true;
}

void Client::connected(ConnectionId connection) {
  connection_ = connection;
  connected_at_ms_ = world_.now_ms;
  turned_away_ = false;
}

void Client::disconnected() {
  connection_ = 0;
  welcomed_ = false;
  subscribing_ = false;
  caught_up_ = false;
  making_ = false;
  sent_replica_ = 0;
  sent_seq_ = 0;
}

bool Client::send() {
  if (!session_ || !welcomed_ || turned_away_) return false;
  if (session_->creating()) return create();
  if (subscribing_ && world_.now_ms - subscribed_at_ms_ > kResendMs) subscribing_ = false;
  const bool subscribes = (!caught_up_ || session_->needs_pull()) && subscribe();
  return push() || subscribes;
}

bool Client::create() {
  if (making_ && world_.now_ms - sent_at_ms_ <= kResendMs) return false;
  making_ = true;
  sent_at_ms_ = world_.now_ms;
  const Change change = session_->unacknowledged(0, 1).front();
  if (world_.plan.saves_before_sending && !saved_) save();
  world_.violated(world_.ledger.offered(document_, change));
  world_.note("  client ", number_, " makes a document by ", describe(change.replica, change.seq));
  world_.network.to_server(connection_, Create{document_ + 1, change});
  return true;
}

bool Client::subscribe() {
  if (subscribing_) return false;
  subscribing_ = true;
  subscribed_at_ms_ = world_.now_ms;
  world_.network.to_server(connection_, Subscribe{++request_, session_->log_version()});
  return true;
}

bool Client::push() {
  if (!caught_up_) return false;
  const std::vector<Change> oldest = session_->unacknowledged(0, 1);
  if (oldest.empty()) return false;
  if (oldest.front().replica != sent_replica_) {
    sent_replica_ = oldest.front().replica;
    sent_seq_ = oldest.front().seq - 1;
  } else if (sent_seq_ >= oldest.front().seq && world_.now_ms - sent_at_ms_ > kResendMs) {
    sent_seq_ = oldest.front().seq - 1;  // no verdict on it came
  }
  if (world_.planted(Fault::lost_tail_taken_as_sent)) {
    auto before = sent_before_crash_.find(sent_replica_);
    if (before != sent_before_crash_.end()) sent_seq_ = std::max(sent_seq_, before->second);
  }
  const std::vector<Change> changes = session_->unacknowledged(sent_seq_ + 1, 200);
  if (changes.empty()) return false;
  if (world_.plan.saves_before_sending && !saved_) save();
  for (const Change& change : changes) world_.violated(world_.ledger.offered(document_, change));
  sent_seq_ = changes.back().seq;
  sent_[sent_replica_] = sent_seq_;
  sent_at_ms_ = world_.now_ms;
  world_.note("  client ", number_, " pushes ", describe(changes.front().replica, changes.front().seq),
              " to ", sent_seq_);
  world_.network.to_server(connection_, Push{changes});
  return true;
}

void Client::receive(ConnectionId connection, const Message& message) {
  if (!session_ || connection != connection_) return;
  if (const auto* welcome = std::get_if<Welcome>(&message)) {
    on_epoch(welcome->epoch);
    if (world_.now_ms % 100 < world_.plan.reconciling) session_->reconcile();
    welcomed_ = true;
  } else if (const auto* subscribed = std::get_if<Subscribed>(&message)) {
    on_subscribed(*subscribed);
  } else if (const auto* changes = std::get_if<Changes>(&message)) {
    if (!caught_up_) return;
    world_.expect(session_->on_changes(changes->changes), "on_changes");
  } else if (const auto* ack = std::get_if<Ack>(&message)) {
    world_.expect(session_->on_ack(ack->replica, ack->seq), "on_ack");
  } else if (const auto* reject = std::get_if<Reject>(&message)) {
    on_reject(*reject);
  } else if (const auto* created = std::get_if<Created>(&message)) {
    on_created(*created);
  } else if (const auto* problem = std::get_if<Problem>(&message)) {
    if (problem->request != 0 && problem->request != request_) return;
    turned_away_ = true;
    caught_up_ = false;
    subscribing_ = false;
  }
  saved_ = false;
}

// What is given up for a server that was restored may be in it all the same: nobody
// asks for those marks.
void Client::on_epoch(std::uint64_t epoch) {
  if (world_.planted(Fault::state_discarded_at_restore) && session_->epoch() != 0 && session_->epoch() != epoch) {
    create_session();
  }
  session_->on_epoch(epoch);
  if (const auto refusal = session_->take_refusal()) {
    world_.note("  client ", number_, " gives up what was to be made once, makes ", refusal->reapplied, " again");
    remembered_.clear();
    saved_ = false;
    save();
  }
}

void Client::on_subscribed(const Subscribed& message) {
  if (message.request != request_) return;
  subscribing_ = false;
  on_epoch(message.epoch);
  if (!world_.expect(session_->on_fields(message.fields), "on_fields")) return;
  if (message.state) {
    if (!world_.expect(session_->on_state(*message.state, message.log_version), "on_state")) return;
  } else if (!world_.expect(session_->on_changes(message.changes), "on_changes")) {
    return;
  }
  const bool offers_anew = session_->needs_pull();
  if (!world_.expect(session_->on_caught_up(message.log_version), "on_caught_up")) return;
  caught_up_ = true;
  if (!offers_anew) return;
  saved_ = false;
  save();
}

void Client::on_reject(const Reject& message) {
  if (world_.planted(Fault::refusal_taken_as_ack)) {
    (void)session_->on_ack(message.replica, message.seq);
    return;
  }
  std::set<Number> awaited;
  for (const Number& number : once_) {
    if (session_->awaits(number.first, number.second)) awaited.insert(number);
  }
  auto refusal = session_->on_reject(message.replica, message.seq,
                                     static_cast<std::uint32_t>(message.code), "",
                                     message.expected_seq);
  if (!world_.expect(refusal, "on_reject")) return;
  if (*refusal) {
    const session::Refusal& refused = **refusal;
    remembered_.clear();
    world_.note("  client ", number_, " rolls back ", describe(message.replica, refused.seq), " for code ", static_cast<std::uint64_t>(message.code), ", makes ",
                refused.reapplied, " again");
    auto marks = marks_.find({message.replica, refused.seq});
    // Who may not see the document is not told whether the change is in it.
    const bool is_told = message.code != Code::unknown_document;
    if (marks != marks_.end() && is_told) refused_marks_.merge(marks->second);
    // And what was behind it and is not made again is nowhere.
    for (const Number& number : awaited) {
      if (is_told && !session_->awaits(number.first, number.second)) refused_marks_.merge(marks_[number]);
    }
    // Or a crash would bring back the journal from before, and with it edits
    // that were made again already.
    saved_ = false;
    save();
    return;
  }
  if (message.replica == sent_replica_ && message.code == Code::gap && message.expected_seq > 0) {
    sent_seq_ = std::min(sent_seq_, message.expected_seq - 1);
  }
}

void Client::on_created(const Created& message) {
  if (message.document != document_) {
    world_.violated(Invariant::one_document_a_key, "client " + std::to_string(number_) + " is given document " +
                                                       std::to_string(message.document) + " for what it called " +
                                                       std::to_string(document_));
    return;
  }
  if (session_->creating()) world_.expect(session_->on_ack(message.replica, message.seq), "on_ack");
}

bool Client::ungreeted() const {
  return connection_ != 0 && !welcomed_ && world_.now_ms - connected_at_ms_ > kResendMs;
}

bool Client::at_rest() const {
  return session_ && !session_->creating() && (turned_away_ || (caught_up_ && !subscribing_ && !session_->needs_pull() &&
                                       session_->pending() == 0));
}

}  // namespace converge::simulation

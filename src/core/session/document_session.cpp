// What the server says, and what is sent to it. Local edits are in
// local_edits.cpp, the way back after a refusal in roll_back.cpp, saving and
// loading in storage.cpp.
#include "core/session/document_session.h"

#include <algorithm>

#include "core/session/observer.h"

namespace converge::session {

namespace {

Error change_is_open() {
  return Error{ErrorCode::invalid, "a change is open", "commit it before the server is heard"};
}

}  // namespace

DocumentSession::DocumentSession(std::function<ReplicaId()> draw_replica)
    : draw_replica_(std::move(draw_replica)) {}

std::size_t DocumentSession::JournalEntry::bytes() const {
  std::size_t bytes = 64 + change.expect.size();
  for (const FieldDelta& field : change.fields) bytes += field.field.size() + field.delta.size();
  for (const Edit& edit : edits) {
    bytes += sizeof(Edit) + edit.field.size() + edit.key.size() + edit.value.size();
  }
  return bytes;
}

void DocumentSession::on_epoch(std::uint64_t epoch) {
  // A document that is being made was never told of: there is nothing to forget.
  if (epoch_ != 0 && epoch != epoch_ && !creating()) start_recovery();
  epoch_ = epoch;
}

Result<void> DocumentSession::on_fields(const std::vector<FieldInfo>& fields) {
  for (const FieldInfo& info : fields) {
    if (auto at = fields_.find(info.field); at != fields_.end()) {
      if (at->second.visible.type() == info.type) continue;
      return Error{ErrorCode::wrong_type, "field \"" + info.field + "\" changed its type",
                   "from " + std::string(field_type_name(at->second.visible.type())) + " to " +
                       std::string(field_type_name(info.type))};
    }
    auto empty = LiveField::create(info.type);
    if (!empty) return empty.error();
    fields_.emplace(info.field, Field{*empty, *empty});
  }
  return {};
}

// A field that nobody declared is one that was added since.
Result<DocumentSession::Field*> DocumentSession::field_for_delta(const FieldDelta& delta) {
  auto at = fields_.find(delta.field);
  if (at == fields_.end()) {
    auto type = field_type(delta.delta);
    if (!type) return type.error();
    auto empty = LiveField::create(*type);
    if (!empty) return empty.error();
    at = fields_.emplace(delta.field, Field{*empty, *empty}).first;
  }
  return &at->second;
}

Result<Update> DocumentSession::on_state(const std::vector<FieldDelta>& fields,
                                         std::string_view log_version) {
  if (open_) return change_is_open();
  auto version = LogVersion::decode(log_version);
  if (!version) return version.error();
  Observer observer(*this);
  for (const FieldDelta& state : fields) {
    auto field = field_for_delta(state);
    if (!field) return field.error();
    observer.touch(state.field, (*field)->visible);
    if (auto merged = (*field)->confirmed.merge_encoded(state.delta); !merged) {
      return merged.error();
    }
    if (auto merged = (*field)->visible.merge_encoded(state.delta); !merged) return merged.error();
  }
  log_version_.merge(*version);
  forget_filled_holes();
  return observer.finish();
}

Result<Update> DocumentSession::on_changes(const std::vector<Change>& changes) {
  if (open_) return change_is_open();
  Observer observer(*this);
  for (const Change& change : changes) {
    if (auto applied = apply(change, observer); !applied) return applied.error();
  }
  forget_filled_holes();
  return observer.finish();
}

void DocumentSession::forget_filled_holes() {
  if (missing_.empty()) return;
  LogVersion left;
  for (const auto& [replica, seq] : missing_.entries()) {
    if (log_version_.get(replica) < seq) left.set(replica, seq);
  }
  missing_ = std::move(left);
}

Result<void> DocumentSession::apply(const Change& change, Observer& observer) {
  if (change.replica >= kReplicaLimit || change.seq == 0 || change.seq >= kCounterLimit) {
    return Error{ErrorCode::malformed, "malformed change",
                 "replica " + std::to_string(change.replica) + ", number " +
                     std::to_string(change.seq)};
  }
  const std::uint64_t known = log_version_.get(change.replica);
  if (change.seq <= known) return {};
  if (change.seq > known + 1) {
    missing_.raise(change.replica, change.seq - 1);
    return {};
  }
  hlc_ = std::max(hlc_, Hlc{change.hlc});
  auto own = std::find_if(journal_.begin(), journal_.end(), [&](const JournalEntry& entry) {
    return entry.change.replica == change.replica && entry.change.seq == change.seq;
  });
  if (own != journal_.end() && !change.refused && own->change.fields == change.fields) {
    return confirm_before(static_cast<std::size_t>(own - journal_.begin()) + 1);
  }
  // An own number with other content, or refused, keeps its journal entry: that
  // is offered until the verdict comes.
  for (const FieldDelta& delta : change.fields) {
    auto field = field_for_delta(delta);
    if (!field) return field.error();
    observer.touch(delta.field, (*field)->visible);
    if (auto merged = (*field)->confirmed.merge_encoded(delta.delta); !merged) {
      return merged.error();
    }
    if (auto merged = (*field)->visible.merge_encoded(delta.delta); !merged) return merged.error();
  }
  if (!change.refused) {
    if (change.operation == Operation::remove) deleted_ = true;
    if (change.operation == Operation::insert) deleted_ = false;
  }
  log_version_.raise(change.replica, change.seq);
  return {};
}

Result<void> DocumentSession::on_caught_up(std::string_view log_version) {
  if (open_) return change_is_open();
  auto version = LogVersion::decode(log_version);
  if (!version) return version.error();
  // It may have begun from another version than this session's: a bridge that
  // lost the stream, or outlived its server, asks from what it has sent, and an
  // author gets a verdict instead of the change. And what the server does not say
  // that it has, it does not have any more.
  missing_ = {};
  for (const auto& [replica, seq] : version->entries()) {
    if (log_version_.get(replica) < seq) missing_.raise(replica, seq);
  }
  if (!missing_.empty()) return {};
  if (!recovering_ && !reconciling_) return {};
  return offer_what_server_lacks();
}

Result<void> DocumentSession::on_ack(ReplicaId replica, std::uint64_t seq) {
  std::size_t end = 0;
  while (end < journal_.size() && journal_[end].change.replica == replica &&
         journal_[end].change.seq <= seq) {
    ++end;
  }
  if (auto confirmed = confirm_before(end); !confirmed) return confirmed.error();
  // What left the journal otherwise, in a recovery, is not told again to its author.
  if (log_version_.get(replica) < seq) missing_.raise(replica, seq);
  return {};
}

// The first `index` entries of the journal are committed.
Result<void> DocumentSession::confirm_before(std::size_t index) {
  for (; index > 0; --index) {
    if (auto confirmed = confirm_front(); !confirmed) return confirmed.error();
  }
  return {};
}

Result<void> DocumentSession::confirm_front() {
  const JournalEntry& entry = journal_.front();
  for (const FieldDelta& delta : entry.change.fields) {
    auto field = field_for_delta(delta);
    if (!field) return field.error();
    if (auto merged = (*field)->confirmed.merge_encoded(delta.delta); !merged) {
      return merged.error();
    }
  }
  if (log_version_.get(entry.change.replica) + 1 == entry.change.seq) {
    log_version_.set(entry.change.replica, entry.change.seq);
  }
  journal_bytes_ -= entry.bytes();
  journal_.pop_front();
  return {};
}

Result<std::optional<Refusal>> DocumentSession::on_reject(ReplicaId replica, std::uint64_t seq,
                                                          std::uint32_t code,
                                                          std::string_view message,
                                                          std::uint64_t expected_seq) {
  if (open_) return change_is_open();
  const std::optional<Refusal> none;
  auto place_of = [&](std::uint64_t number) {
    std::size_t i = 0;
    while (i < journal_.size() && journal_[i].change.replica == replica &&
           journal_[i].change.seq < number) {
      ++i;
    }
    return i;
  };
  std::size_t index = place_of(seq);
  if (index == journal_.size() || journal_[index].change.replica != replica ||
      journal_[index].change.seq != seq) {
    return none;
  }
  switch (static_cast<Code>(code)) {
    case Code::ok:
    case Code::duplicate:
      if (auto acknowledged = on_ack(replica, seq); !acknowledged) return acknowledged.error();
      return none;
    case Code::gap:
      // It asks for a number that it had acknowledged: it forgot it, or the verdict
      // was overtaken by the acknowledgement. Offering again what is there already
      // does no harm; giving up what is to be made once does, and waits for another
      // epoch, which says for certain that the server was restored.
      if (expected_seq != 0 && expected_seq < journal_.front().change.seq && first_once() == journal_.size()) {
        start_recovery();
      }
      return none;
    case Code::unauthenticated:
    case Code::unavailable:
    case Code::limit:
      return none;
    case Code::after_refused:
      // The verdict on the number that was refused got lost.
      if (expected_seq != 0 && expected_seq < seq) index = place_of(expected_seq);
      break;
    default:
      break;
  }
  auto refusal = roll_back(index, code, message);
  if (!refusal) return refusal.error();
  return std::optional<Refusal>(std::move(*refusal));
}

std::optional<Refusal> DocumentSession::take_refusal() {
  std::optional<Refusal> taken = std::move(given_up_);
  given_up_.reset();
  return taken;
}

bool DocumentSession::awaits(ReplicaId replica, std::uint64_t seq) const {
  return std::any_of(journal_.begin(), journal_.end(), [&](const JournalEntry& entry) {
    return entry.change.replica == replica && entry.change.seq == seq;
  });
}

// The place in the journal of the first change that is to be made once; its size if
// there is none.
std::size_t DocumentSession::first_once() const {
  const auto once = std::find_if(journal_.begin(), journal_.end(),
                                 [](const JournalEntry& entry) { return entry.once; });
  return static_cast<std::size_t>(once - journal_.begin());
}

// From here on nothing is known of what the server holds; visible keeps all
// that this session has, the journal's edits included, but for those that are not to
// be offered a second time.
void DocumentSession::start_recovery() {
  if (const std::size_t once = first_once(); once < journal_.size()) {
    auto refusal = roll_back(once, static_cast<std::uint32_t>(Code::aborted),
                             "the server was restored and may have forgotten it");
    if (refusal) given_up_ = std::move(*refusal);
  }
  for (auto& [name, field] : fields_) {
    field.confirmed = *LiveField::create(field.visible.type());
  }
  log_version_ = {};
  journal_.clear();
  journal_bytes_ = 0;
  replica_.reset();
  next_seq_ = 1;
  missing_ = {};
  reconciling_ = false;
  recovering_ = true;
}

void DocumentSession::reconcile() {
  if (!recovering_ && !creating() && journal_.size() > 1 && first_once() == journal_.size()) reconciling_ = true;
}

Result<void> DocumentSession::offer_what_server_lacks() {
  JournalEntry offer;
  for (const auto& [name, field] : fields_) {
    std::string lacking = field.visible.difference(field.confirmed);
    if (!is_empty_state(lacking)) offer.change.fields.push_back(FieldDelta{name, lacking});
  }
  // What was edited meanwhile is part of it.
  journal_.clear();
  journal_bytes_ = 0;
  if (reconciling_) replica_.reset();  // under which some of it may have been offered
  next_seq_ = 1;
  recovering_ = false;
  reconciling_ = false;
  if (offer.change.fields.empty()) return {};
  auto hlc = hlc_.tick(hlc_.ms());
  if (!hlc) return hlc.error();
  offer.change.hlc = hlc->bits;
  append_to_journal(std::move(offer));
  return {};
}

void DocumentSession::append_to_journal(JournalEntry entry) {
  entry.change.replica = replica();
  entry.change.seq = next_seq_++;
  hlc_ = std::max(hlc_, Hlc{entry.change.hlc});
  for (const FieldDelta& delta : entry.change.fields) {
    auto type = field_type(delta.delta);
    auto greatest = type ? greatest_hlc(*type, delta.delta) : Result<std::uint64_t>(0);
    if (greatest) hlc_ = std::max(hlc_, Hlc{*greatest});
  }
  entry.change.hlc = hlc_.bits;
  journal_bytes_ += entry.bytes();
  journal_.push_back(std::move(entry));
}

ReplicaId DocumentSession::replica() {
  if (!replica_) {
    replica_ = draw_replica_() % kReplicaLimit;
    next_seq_ = 1;
  }
  return *replica_;
}

std::vector<Change> DocumentSession::unacknowledged(std::uint64_t from_seq,
                                                    std::size_t max_bytes) const {
  std::vector<Change> changes;
  if (recovering_ || reconciling_ || journal_.empty()) return changes;
  // Numbers in the journal are consecutive.
  const Change& first = journal_.front().change;
  if (creating() && from_seq > first.seq) return changes;
  std::size_t at = from_seq > first.seq ? static_cast<std::size_t>(from_seq - first.seq) : 0;
  std::size_t bytes = 0;
  for (; at < journal_.size() && journal_[at].change.replica == first.replica; ++at) {
    const bool alone = !journal_[at].change.expect.empty();
    for (const FieldDelta& field : journal_[at].change.fields) bytes += field.delta.size();
    if ((alone || bytes > max_bytes) && !changes.empty()) break;
    changes.push_back(journal_[at].change);
    if (alone || creating()) break;
  }
  return changes;
}

std::vector<FieldInfo> DocumentSession::fields() const {
  std::vector<FieldInfo> infos;
  for (const auto& [name, field] : fields_) infos.push_back(FieldInfo{name, field.visible.type()});
  return infos;
}

namespace {

Error no_such_field(std::string_view field, std::string_view type) {
  return Error{ErrorCode::invalid, "no such field",
               "\"" + std::string(field) + "\" is no field of type " + std::string(type)};
}

std::vector<std::string> owned(const std::vector<std::string_view>& items) {
  return std::vector<std::string>(items.begin(), items.end());
}

}  // namespace

const Text* DocumentSession::find_text(std::string_view field) const {
  auto at = fields_.find(field);
  return at == fields_.end() ? nullptr : at->second.visible.get<Text>();
}

const LwwMap* DocumentSession::find_map(std::string_view field) const {
  auto at = fields_.find(field);
  return at == fields_.end() ? nullptr : at->second.visible.get<LwwMap>();
}

const OrSet* DocumentSession::find_set(std::string_view field) const {
  auto at = fields_.find(field);
  return at == fields_.end() ? nullptr : at->second.visible.get<OrSet>();
}

Result<std::string> DocumentSession::text(std::string_view field) const {
  const Text* text = find_text(field);
  if (text == nullptr) return no_such_field(field, "crdt_text");
  return text->text();
}

Result<std::string> DocumentSession::map_json(std::string_view field) const {
  const LwwMap* map = find_map(field);
  if (map == nullptr) return no_such_field(field, "lww_map");
  return map->to_json();
}

Result<std::vector<std::string>> DocumentSession::set_elements(std::string_view field) const {
  auto at = fields_.find(field);
  const LiveField* live = at == fields_.end() ? nullptr : &at->second.visible;
  if (live != nullptr && live->get<OrSet>() != nullptr) {
    return owned(live->get<OrSet>()->elements());
  }
  if (live != nullptr && live->get<LwwSet>() != nullptr) {
    return owned(live->get<LwwSet>()->elements());
  }
  return no_such_field(field, "or_set or lww_set");
}

Result<std::int64_t> DocumentSession::counter_value(std::string_view field) const {
  auto at = fields_.find(field);
  const LiveField* live = at == fields_.end() ? nullptr : &at->second.visible;
  if (live != nullptr && live->get<PnCounter>() != nullptr) {
    return live->get<PnCounter>()->value();
  }
  if (live != nullptr && live->get<GCounter>() != nullptr) return live->get<GCounter>()->value();
  return no_such_field(field, "pn_counter or g_counter");
}

Result<std::vector<std::string>> DocumentSession::register_values(std::string_view field) const {
  auto at = fields_.find(field);
  if (at == fields_.end() || at->second.visible.get<MvRegister>() == nullptr) {
    return no_such_field(field, "mv_register");
  }
  return owned(at->second.visible.get<MvRegister>()->values());
}

Result<std::string> DocumentSession::state(std::string_view field) const {
  auto at = fields_.find(field);
  if (at == fields_.end()) {
    return Error{ErrorCode::invalid, "no such field", "\"" + std::string(field) + "\""};
  }
  return at->second.visible.encode();
}

}  // namespace converge::session

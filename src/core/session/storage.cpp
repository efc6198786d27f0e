// A session kept across a restart.
//
// The encoding: 0xC2; the epoch; the clock; flags (1 recovering, 2 deleted);
// the log_version with its length; the number of fields, and for each its name,
// its type, the confirmed state and what visible has besides (only while
// recovering: otherwise the journal tells it); the number of journal entries,
// and for each replica, seq, hlc, its terms (1: to be made once, 2: it makes the document),
// what it expects, its deltas (a count, then names and states) and its edits (a count, then kind,
// field, key, value). 0xC1, which is read as well, has no terms. Numbers are varints,
// everything else has its length in front.
#include <algorithm>

#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/session/document_session.h"
#include "core/session/observer.h"

namespace converge::session {

namespace {

constexpr char kTag = '\xc2';
constexpr std::uint8_t kTagWithoutTerms = 0xc1;

}  // namespace

std::string DocumentSession::save() const {
  std::string out(1, kTag);
  append_varint(out, epoch_);
  append_varint(out, hlc_.bits);
  append_varint(out, (recovering_ ? 1u : 0u) | (deleted_ ? 2u : 0u));
  append_string(out, log_version_.encode());
  append_varint(out, fields_.size());
  for (const auto& [name, field] : fields_) {
    append_string(out, name);
    append_varint(out, static_cast<std::uint64_t>(field.visible.type()));
    append_string(out, field.confirmed.encode());
    append_string(out, recovering_ ? field.visible.difference(field.confirmed) : std::string());
  }
  append_varint(out, journal_.size());
  for (const JournalEntry& entry : journal_) {
    append_varint(out, entry.change.replica);
    append_varint(out, entry.change.seq);
    append_varint(out, entry.change.hlc);
    const bool makes = entry.change.operation == Operation::insert;
    append_varint(out, (entry.once ? 1u : 0u) | (makes ? 2u : 0u));
    append_string(out, entry.change.expect);
    append_varint(out, entry.change.fields.size());
    for (const FieldDelta& delta : entry.change.fields) {
      append_string(out, delta.field);
      append_string(out, delta.delta);
    }
    append_varint(out, entry.edits.size());
    for (const Edit& edit : entry.edits) {
      append_varint(out, static_cast<std::uint64_t>(edit.kind));
      append_string(out, edit.field);
      append_string(out, edit.key);
      append_string(out, edit.value);
    }
  }
  return out;
}

Result<void> DocumentSession::load(std::string_view bytes) {
  if (!fields_.empty() || !journal_.empty() || open_ || epoch_ != 0) {
    return Error{ErrorCode::invalid, "session is in use", "load into a new one"};
  }
  Reader in(bytes);
  const std::uint8_t tag = in.byte();
  const bool has_terms = tag == static_cast<std::uint8_t>(kTag);
  if (!has_terms && tag != kTagWithoutTerms) in.fail("it is no saved session");
  DocumentSession read(draw_replica_);
  read.epoch_ = in.varint();
  read.hlc_ = Hlc{in.varint()};
  const std::uint64_t flags = in.varint_below(4, "unknown flags");
  read.recovering_ = flags & 1;
  read.deleted_ = flags & 2;
  auto version = LogVersion::decode(in.string());
  if (!version) return version.error();
  read.log_version_ = std::move(*version);
  for (std::size_t left = in.count(4); left > 0 && !in.failed(); --left) {
    const std::string name(in.string());
    const std::uint64_t type = in.varint_below(16, "a field has no known type");
    auto confirmed = LiveField::create(static_cast<FieldType>(type));
    const std::string_view state = in.string();
    const std::string_view kept = in.string();
    if (in.failed()) break;
    if (!confirmed) return confirmed.error();
    if (auto merged = confirmed->merge_encoded(state); !merged) return merged.error();
    LiveField visible = *confirmed;
    if (!kept.empty()) {
      if (auto merged = visible.merge_encoded(kept); !merged) return merged.error();
    }
    if (!read.fields_.emplace(name, Field{std::move(*confirmed), std::move(visible)}).second) {
      in.fail("a field comes twice");
    }
  }
  for (std::size_t left = in.count(5); left > 0 && !in.failed(); --left) {
    JournalEntry entry;
    entry.change.replica = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    entry.change.seq = in.varint_below(kCounterLimit, "a number is not below 2^53");
    entry.change.hlc = in.varint();
    if (has_terms) {
      const std::uint64_t terms = in.varint_below(4, "a change has unknown terms");
      entry.once = (terms & 1) != 0;
      if ((terms & 2) != 0) entry.change.operation = Operation::insert;
      entry.change.expect = in.string();
      if (!entry.change.expect.empty()) {
        if (!entry.once) in.fail("a change that expects something is not made once");
        auto expected = LogVersion::decode(entry.change.expect);
        if (!expected) return expected.error();
      }
    }
    for (std::size_t deltas = in.count(2); deltas > 0 && !in.failed(); --deltas) {
      FieldDelta delta{std::string(in.string()), std::string(in.string())};
      auto field = read.fields_.find(delta.field);
      if (field == read.fields_.end()) in.fail("a change names an unknown field");
      if (in.failed()) break;
      if (auto merged = field->second.visible.merge_encoded(delta.delta); !merged) {
        return merged.error();
      }
      entry.change.fields.push_back(std::move(delta));
    }
    for (std::size_t edits = in.count(4); edits > 0 && !in.failed(); --edits) {
      Edit edit;
      edit.kind =
          static_cast<Edit::Kind>(in.varint_below(Edit::kKinds, "an edit has no known kind"));
      edit.field = in.string();
      edit.key = in.string();
      edit.value = in.string();
      // What a refusal would make again must be possible.
      auto field = read.fields_.find(edit.field);
      const bool fits = field != read.fields_.end() && edit.fits(field->second.visible);
      const bool changed = std::any_of(
          entry.change.fields.begin(), entry.change.fields.end(),
          [&](const FieldDelta& delta) { return delta.field == edit.field; });
      if (!fits || !changed) in.fail("an edit does not fit its change");
      entry.edits.push_back(std::move(edit));
    }
    if (!read.journal_.empty()) {
      const Change& before = read.journal_.back().change;
      if (before.replica == entry.change.replica && before.seq + 1 != entry.change.seq) {
        in.fail("the journal's numbers leave a gap");
      }
    }
    read.journal_bytes_ += entry.bytes();
    read.journal_.push_back(std::move(entry));
  }
  in.expect_end();
  if (in.failed()) return in.error("saved session");
  read.observe_text_ = observe_text_;
  *this = std::move(read);
  return {};
}

// Behind changes of this session the other's would be made again if one of these
// were refused, although they may have been committed long ago: so there must be
// none.
Result<Update> DocumentSession::adopt(std::string_view bytes) {
  if (open_ || recovering_ || !journal_.empty()) {
    return Error{ErrorCode::invalid, "session has changes to offer",
                 std::to_string(journal_.size()) + " are not acknowledged"};
  }
  DocumentSession other(draw_replica_);
  if (auto loaded = other.load(bytes); !loaded) return loaded.error();
  // What was to be made once is not offered to a server that was restored.
  if (epoch_ != 0 && other.epoch_ != 0) other.on_epoch(epoch_);
  for (const auto& [name, field] : other.fields_) {
    auto own = fields_.find(name);
    if (own != fields_.end() && own->second.visible.type() != field.visible.type()) {
      return Error{ErrorCode::wrong_type, "field \"" + name + "\" changed its type", ""};
    }
  }
  Observer observer(*this);
  for (const auto& [name, field] : other.fields_) {
    auto [own, added] = fields_.try_emplace(name, field);
    if (added) continue;
    observer.touch(name, own->second.visible);
    if (auto merged = own->second.confirmed.merge_encoded(field.confirmed.encode()); !merged) {
      return merged.error();
    }
    if (auto merged = own->second.visible.merge_encoded(field.visible.encode()); !merged) {
      return merged.error();
    }
  }
  hlc_ = std::max(hlc_, other.hlc_);
  replica_.reset();  // new changes come behind the adopted ones, under a number line of their own
  if (other.given_up_) given_up_ = std::move(other.given_up_);
  if (other.recovering_) {
    start_recovery();  // which offers what is visible here and not there
    return observer.finish();
  }
  if (epoch_ == 0) epoch_ = other.epoch_;
  log_version_.merge(other.log_version_);
  journal_ = std::move(other.journal_);
  journal_bytes_ = other.journal_bytes_;
  return observer.finish();
}

}  // namespace converge::session

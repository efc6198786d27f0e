// A session's local edits: what stands between begin_change and commit_change.
#include "core/session/document_session.h"

namespace converge::session {

Result<void> DocumentSession::begin_change(std::uint64_t now_ms, Terms terms) {
  if (open_) return Error{ErrorCode::invalid, "a change is open already", ""};
  if (deleted_) return Error{ErrorCode::invalid, "the document is deleted", ""};
  if ((recovering_ || reconciling_) && (terms.once || terms.expect)) {
    return Error{ErrorCode::invalid, "no change can be made on terms now",
                 "what waits is to be offered as one change, and what the server holds is not known yet"};
  }
  if (journal_.size() >= kMaxJournalChanges || journal_bytes_ >= kMaxJournalBytes) {
    return Error{ErrorCode::too_large, "too many changes wait for the server",
                 std::to_string(journal_.size()) + " changes of " +
                     std::to_string(journal_bytes_) + " bytes, the limit is " +
                     std::to_string(kMaxJournalChanges) + " of " +
                     std::to_string(kMaxJournalBytes)};
  }
  auto hlc = hlc_.tick(now_ms);
  if (!hlc) return hlc.error();
  open_.emplace();
  open_->change.hlc = hlc->bits;
  open_->once = terms.once || terms.expect;
  if (terms.expect) {
    // What the author has seen: also what it made itself under other replicas, which
    // are offered first.
    LogVersion seen = log_version_;
    for (const JournalEntry& entry : journal_) seen.raise(entry.change.replica, entry.change.seq);
    open_->change.expect = seen.encode();
  }
  now_ms_ = now_ms;
  return {};
}

Result<void> DocumentSession::begin_creation(std::uint64_t now_ms) {
  if (!journal_.empty() || !log_version_.empty() || recovering_ || deleted_) {
    return Error{ErrorCode::invalid, "the document is there already", ""};
  }
  if (fields_.empty()) return Error{ErrorCode::invalid, "the document's fields are not known", ""};
  if (auto begun = begin_change(now_ms); !begun) return begun.error();
  open_->change.operation = Operation::insert;
  return {};
}

Result<const Change*> DocumentSession::commit_change() {
  if (!open_) return Error{ErrorCode::invalid, "no change is open", ""};
  JournalEntry entry = std::move(*open_);
  open_.reset();
  const bool makes = entry.change.operation == Operation::insert;
  if (entry.change.fields.empty() && !makes) return static_cast<const Change*>(nullptr);
  append_to_journal(std::move(entry));
  return static_cast<const Change*>(&journal_.back().change);
}

namespace {

Error another_type(std::string_view field, FieldType type) {
  return Error{ErrorCode::invalid, "field has another type",
               "\"" + std::string(field) + "\" is of type " + std::string(field_type_name(type))};
}

}  // namespace

Result<LiveField*> DocumentSession::editable(std::string_view field) {
  if (!open_) return Error{ErrorCode::invalid, "no change is open", ""};
  auto at = fields_.find(field);
  if (at == fields_.end()) {
    return Error{ErrorCode::invalid, "no such field", "\"" + std::string(field) + "\""};
  }
  return &at->second.visible;
}

template <class State>
Result<State*> DocumentSession::editable(std::string_view field) {
  auto live = editable(field);
  if (!live) return live.error();
  State* state = (*live)->get<State>();
  if (state == nullptr) return another_type(field, (*live)->type());
  return state;
}

// Adds the delta of an edit that was made to the open change.
Result<void> DocumentSession::record(std::string_view field, std::string delta,
                                     std::optional<Edit> edit) {
  if (is_empty_state(delta)) return {};
  if (edit) open_->edits.push_back(std::move(*edit));
  for (FieldDelta& earlier : open_->change.fields) {
    if (earlier.field != field) continue;
    auto type = field_type(delta);
    if (!type) return type.error();
    auto joined = merge(*type, earlier.delta, delta);
    if (!joined) return joined.error();
    earlier.delta = std::move(*joined);
    return {};
  }
  open_->change.fields.push_back(FieldDelta{std::string(field), std::move(delta)});
  return {};
}

Result<void> DocumentSession::text_insert(std::string_view field, std::uint64_t at,
                                          std::string_view utf8) {
  auto text = editable<Text>(field);
  if (!text) return text.error();
  std::string delta;
  if (auto done = (*text)->insert(replica(), at, utf8, &delta); !done) return done.error();
  return record(field, std::move(delta), std::nullopt);
}

Result<void> DocumentSession::text_delete(std::string_view field, std::uint64_t at,
                                          std::uint64_t count) {
  auto text = editable<Text>(field);
  if (!text) return text.error();
  std::string delta;
  if (auto done = (*text)->erase(at, count, &delta); !done) return done.error();
  return record(field, std::move(delta), std::nullopt);
}

Result<void> DocumentSession::text_splice(std::string_view field, std::uint64_t at,
                                          std::uint64_t count, std::string_view utf8) {
  auto text = editable<Text>(field);
  if (!text) return text.error();
  std::string delta;
  if (auto done = (*text)->splice(replica(), at, count, utf8, &delta); !done) return done.error();
  return record(field, std::move(delta), std::nullopt);
}

Result<void> DocumentSession::text_assign(std::string_view field, std::string_view utf8) {
  auto text = editable<Text>(field);
  if (!text) return text.error();
  std::string delta;
  if (auto done = (*text)->assign(replica(), utf8, &delta); !done) return done.error();
  return record(field, std::move(delta), std::nullopt);
}

Result<void> DocumentSession::map_set(std::string_view field, std::string_view key,
                                      std::string_view json) {
  auto map = editable<LwwMap>(field);
  if (!map) return map.error();
  std::string delta;
  if (auto done = (*map)->set(replica(), now_ms_, key, json, &delta); !done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::map_set, std::string(field), std::string(key), std::string(json)});
}

Result<void> DocumentSession::map_unset(std::string_view field, std::string_view key) {
  auto map = editable<LwwMap>(field);
  if (!map) return map.error();
  std::string delta;
  if (auto done = (*map)->unset(replica(), now_ms_, key, &delta); !done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::map_unset, std::string(field), std::string(key), ""});
}

Result<void> DocumentSession::set_add(std::string_view field, std::string_view element) {
  auto live = editable(field);
  if (!live) return live.error();
  std::string delta;
  Result<void> done;
  if (auto* set = (*live)->get<OrSet>()) {
    done = set->add(replica(), element, &delta);
  } else if (auto* lww = (*live)->get<LwwSet>()) {
    done = lww->add(replica(), now_ms_, element, &delta);
  } else {
    return another_type(field, (*live)->type());
  }
  if (!done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::set_add, std::string(field), std::string(element), ""});
}

Result<void> DocumentSession::set_remove(std::string_view field, std::string_view element) {
  auto live = editable(field);
  if (!live) return live.error();
  std::string delta;
  Result<void> done;
  if (auto* set = (*live)->get<OrSet>()) {
    done = set->remove(replica(), element, &delta);
  } else if (auto* lww = (*live)->get<LwwSet>()) {
    done = lww->remove(replica(), now_ms_, element, &delta);
  } else {
    return another_type(field, (*live)->type());
  }
  if (!done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::set_remove, std::string(field), std::string(element), ""});
}

Result<void> DocumentSession::counter_increment(std::string_view field, std::int64_t n) {
  auto live = editable(field);
  if (!live) return live.error();
  std::string delta;
  Result<void> done;
  if (auto* counter = (*live)->get<PnCounter>()) {
    done = counter->increment(replica(), n, &delta);
  } else if (auto* grows = (*live)->get<GCounter>()) {
    if (n < 0) {
      return Error{ErrorCode::out_of_range, "a g_counter only grows",
                   "\"" + std::string(field) + "\" cannot change by " + std::to_string(n)};
    }
    done = grows->increment(replica(), static_cast<std::uint64_t>(n), &delta);
  } else {
    return another_type(field, (*live)->type());
  }
  if (!done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::counter_increment, std::string(field), "", std::to_string(n)});
}

Result<void> DocumentSession::register_assign(std::string_view field, std::string_view json) {
  auto value = editable<MvRegister>(field);
  if (!value) return value.error();
  std::string delta;
  if (auto done = (*value)->assign(replica(), json, &delta); !done) return done.error();
  return record(field, std::move(delta),
                Edit{Edit::Kind::register_assign, std::string(field), "", std::string(json)});
}

bool DocumentSession::Edit::fits(const LiveField& live) const {
  switch (kind) {
    case Kind::map_set:
    case Kind::map_unset:
      return live.get<LwwMap>() != nullptr;
    case Kind::set_add:
    case Kind::set_remove:
      return live.get<OrSet>() != nullptr || live.get<LwwSet>() != nullptr;
    case Kind::counter_increment:
      return live.get<PnCounter>() != nullptr || live.get<GCounter>() != nullptr;
    case Kind::register_assign:
      return live.get<MvRegister>() != nullptr;
  }
  return false;
}

}  // namespace converge::session

// After a refusal: back to what the server holds, and the journal's later edits
// made again under a new replica.
//
// Two values of each field are led through the journal: the old one, as the
// user saw it, gets the deltas as they were; the new one, from confirmed, gets
// the edits that still make sense. The refused change goes to the old one alone.
#include <cstdlib>
#include <map>

#include "core/session/document_session.h"
#include "core/session/observer.h"
#include "core/session/text_alignment.h"

namespace converge::session {

class DocumentSession::Replay {
 public:
  explicit Replay(DocumentSession& session) : session_(session) {}

  // Begins with the field as confirmed.
  void add_field(const std::string& name, const LiveField& confirmed) {
    if (old_.contains(name)) return;
    const Text* text = confirmed.get<Text>();
    old_.emplace(name, Old{confirmed, TextAlignment(text != nullptr ? text->char_length() : 0)});
  }

  // The refused change.
  Result<void> lose(const JournalEntry& entry) {
    for (const FieldDelta& delta : entry.change.fields) {
      Old& old = old_.at(delta.field);
      auto splice = advance(old, delta.delta);
      if (!splice) return splice.error();
      if (*splice) old.alignment.lose(**splice);
    }
    return {};
  }

  // A later change: makes it again as far as it makes sense. A change is open.
  Result<void> redo(const JournalEntry& entry) {
    for (const FieldDelta& delta : entry.change.fields) {
      Old& old = old_.at(delta.field);
      auto splice = advance(old, delta.delta);
      if (!splice) return splice.error();
      if (!*splice) continue;
      for (const TextAlignment::Step& step : old.alignment.carry(**splice)) {
        auto done = step.inserts
                        ? session_.text_insert(delta.field, step.at, (*splice)->inserted)
                        : session_.text_delete(delta.field, step.at, step.deleted);
        if (!done) return done.error();
      }
    }
    for (const Edit& edit : entry.edits) {
      if (auto done = redo(edit); !done) return done.error();
    }
    return {};
  }

 private:
  struct Old {
    LiveField value;
    TextAlignment alignment;
  };

  // Joins a delta into the old value; gives what that did to a text.
  Result<std::optional<TextSplice>> advance(Old& old, const std::string& delta) {
    const Text* text = old.value.get<Text>();
    const std::string before = text != nullptr ? text->text() : "";
    if (auto merged = old.value.merge_encoded(delta); !merged) return merged.error();
    if (text == nullptr) return std::optional<TextSplice>();
    return splice_between(before, text->text());
  }

  // An edit is made again if the user still saw its effect at the end of its
  // change (nobody, they themselves included, had overtaken it), and if it
  // still changes something.
  Result<void> redo(const Edit& edit) {
    const LiveField& old = old_.at(edit.field).value;
    switch (edit.kind) {
      case Edit::Kind::map_set: {
        const auto* map = old.get<LwwMap>();
        if (map->get(edit.key) != edit.value) return {};
        if (session_.find_map(edit.field)->get(edit.key) == edit.value) return {};
        return session_.map_set(edit.field, edit.key, edit.value);
      }
      case Edit::Kind::map_unset:
        if (old.get<LwwMap>()->contains(edit.key)) return {};
        return session_.map_unset(edit.field, edit.key);
      case Edit::Kind::set_add:
        if (!old.contains(edit.key)) return {};
        return session_.set_add(edit.field, edit.key);
      case Edit::Kind::set_remove:
        if (old.contains(edit.key)) return {};
        return session_.set_remove(edit.field, edit.key);
      case Edit::Kind::counter_increment:
        return session_.counter_increment(edit.field, std::strtoll(edit.value.c_str(), nullptr, 10));
      case Edit::Kind::register_assign: {
        const std::vector<std::string_view> assigned = {edit.value};
        if (old.get<MvRegister>()->values() != assigned) return {};
        return session_.register_assign(edit.field, edit.value);
      }
    }
    return {};
  }

  DocumentSession& session_;
  std::map<std::string, Old> old_;
};

Result<Refusal> DocumentSession::roll_back(std::size_t index, std::uint32_t code,
                                           std::string_view message) {
  // What stands before a refused number was committed.
  if (auto confirmed = confirm_before(index); !confirmed) return confirmed.error();

  Refusal refusal;
  refusal.seq = journal_.front().change.seq;
  refusal.code = code;
  refusal.message = message;
  std::deque<JournalEntry> entries;
  entries.swap(journal_);
  journal_bytes_ = 0;
  replica_.reset();

  Observer observer(*this);
  Replay replay(*this);
  for (const JournalEntry& entry : entries) {
    for (const FieldDelta& delta : entry.change.fields) {
      Field& field = fields_.find(delta.field)->second;
      observer.touch(delta.field, field.visible);
      replay.add_field(delta.field, field.confirmed);
    }
  }
  for (const JournalEntry& entry : entries) {
    for (const FieldDelta& delta : entry.change.fields) {
      Field& field = fields_.find(delta.field)->second;
      field.visible = field.confirmed;
    }
  }

  // Where the user may not write at all, every further attempt would be
  // refused as well.
  const bool hopeless = static_cast<Code>(code) == Code::denied ||
                        static_cast<Code>(code) == Code::unknown_document;
  auto give_up = [&](const JournalEntry& entry) {
    refusal.lost.insert(refusal.lost.end(), entry.change.fields.begin(),
                        entry.change.fields.end());
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JournalEntry& entry = entries[i];
    if (i == 0 || hopeless) {
      if (auto lost = replay.lose(entry); !lost) return lost.error();
      give_up(entry);
      continue;
    }
    open_.emplace();
    open_->change.hlc = entry.change.hlc;
    now_ms_ = Hlc{entry.change.hlc}.ms();
    auto redone = replay.redo(entry);
    auto committed = commit_change();
    if (!redone) return redone.error();
    if (!committed) return committed.error();
    if (*committed != nullptr) {
      ++refusal.reapplied;
    } else {
      give_up(entry);
    }
  }
  refusal.update = observer.finish();
  return refusal;
}

}  // namespace converge::session

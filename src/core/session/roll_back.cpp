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

  // Begins with the field as it is without the refused change and all behind it.
  void add_field(const std::string& name, const LiveField& kept) {
    if (old_.contains(name)) return;
    const Text* text = kept.get<Text>();
    old_.emplace(name, Old{kept, TextAlignment(text != nullptr ? text->char_length() : 0)});
  }

  // The refused change.
  Result<void> lose(const JournalEntry& entry) {
    for (const FieldDelta& delta : entry.change.fields) {
      Old& old = old_.at(delta.field);
      auto splices = advance(old, delta.delta);
      if (!splices) return splices.error();
      for (const TextSplice& splice : *splices) old.alignment.lose(splice);
    }
    return {};
  }

  // A later change: makes it again as far as it makes sense. A change is open.
  Result<void> redo(const JournalEntry& entry) {
    for (const FieldDelta& delta : entry.change.fields) {
      Old& old = old_.at(delta.field);
      auto splices = advance(old, delta.delta);
      if (!splices) return splices.error();
      for (const TextSplice& splice : *splices) {
        for (const TextAlignment::Step& step : old.alignment.carry(splice)) {
          auto done = step.inserts
                          ? session_.text_insert(delta.field, step.at, splice.inserted)
                          : session_.text_delete(delta.field, step.at, step.deleted);
          if (!done) return done.error();
        }
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
  Result<std::vector<TextSplice>> advance(Old& old, const std::string& delta) {
    const Text* text = old.value.get<Text>();
    const Text before = text != nullptr ? *text : Text();
    if (auto merged = old.value.merge_encoded(delta); !merged) return merged.error();
    if (text == nullptr) return std::vector<TextSplice>();
    return splices_between(before, *text);
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
  Refusal refusal;
  refusal.seq = journal_[index].change.seq;
  refusal.code = code;
  refusal.message = message;
  std::deque<JournalEntry> entries;
  entries.swap(journal_);
  journal_bytes_ = 0;
  replica_.reset();
  // What stands before the refused number is committed in most cases, but not in
  // all: where the document cannot be seen, no number was taken. It stays, and
  // gets its own verdict.
  for (; index > 0; --index) {
    journal_bytes_ += entries.front().bytes();
    journal_.push_back(std::move(entries.front()));
    entries.pop_front();
  }

  Observer observer(*this);
  Replay replay(*this);
  for (const JournalEntry& entry : entries) {
    for (const FieldDelta& delta : entry.change.fields) {
      Field& field = fields_.find(delta.field)->second;
      if (!observer.touch(delta.field, field.visible)) continue;
      field.visible = field.confirmed;
      for (const JournalEntry& kept : journal_) {
        for (const FieldDelta& earlier : kept.change.fields) {
          if (earlier.field != delta.field) continue;
          if (auto merged = field.visible.merge_encoded(earlier.delta); !merged) return merged.error();
        }
      }
      replay.add_field(delta.field, field.visible);
    }
  }

  // Where the user may not write at all, or nothing is there to be written to, every
  // further attempt would be refused as well.
  const bool hopeless = entries.front().change.operation == Operation::insert ||
                        static_cast<Code>(code) == Code::denied ||
                        static_cast<Code>(code) == Code::unknown_document;
  auto give_up = [&](const JournalEntry& entry) {
    refusal.lost.insert(refusal.lost.end(), entry.change.fields.begin(),
                        entry.change.fields.end());
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JournalEntry& entry = entries[i];
    if (i == 0 || hopeless || entry.once) {
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

// Edited runs of many lists: which list a unit is in, the heads around those that are
// edited, a map's entries, and what stands for the edge on a list's left.
#include <algorithm>

#include "core/sequence/edited_runs.h"

namespace converge {

EditedRuns::EditedRuns(const RunTable& table, std::string_view text,
                       const std::vector<ReplicaId>& replicas, bool pairs, std::vector<List> lists,
                       const std::vector<Content>& contents)
    : EditedRuns(table, text, replicas, pairs) {
  lists_ = std::move(lists);
  contents_ = contents.data();
  open_.resize(lists_.size());
}

bool EditedRuns::in_table(UnitId unit) const {
  return unit.client < table_.replicas() && unit.clock < table_.known(unit.client);
}

// The list that holds this unit of the run of the table.
std::uint32_t EditedRuns::list_at(std::uint32_t run, std::uint32_t offset) const {
  const auto behind = std::upper_bound(
      lists_.begin(), lists_.end(), List{run, offset}, [](const List& a, const List& b) {
        return a.run != b.run ? a.run < b.run : a.offset < b.offset;
      });
  return static_cast<std::uint32_t>(behind - lists_.begin()) - 1;
}

std::uint32_t EditedRuns::list_of(UnitId unit) const {
  if (!in_table(unit)) return pieces_[find(unit).piece].run.list - kFirstList;
  near_ = table_.find(unit, near_);
  return list_at(near_, unit.clock - table_.id(near_).clock);
}

// The table's unit that stands for the edge on the list's left; the first list has none.
UnitId EditedRuns::edge(std::uint32_t list) const {
  const List& start = lists_[list];
  if (start.offset > 0) return table_.id(start.run).plus(start.offset - 1);
  return start.run > 0 ? table_.last(start.run - 1) : kNoId;
}

UnitId EditedRuns::left_of_table(std::uint32_t run) const {
  const UnitId left = table_.left(run);
  if (lists_.empty() || left.none()) return left;
  return left == edge(list_at(run, 0)) ? kNoId : left;
}

// Puts heads before and behind the list: there it begins and ends for whoever walks.
void EditedRuns::open(std::uint32_t list) {
  put_head(list);
  put_head(list + 1);
}

void EditedRuns::put_head(std::uint32_t list) {
  if (open_[list]) return;
  open_[list] = true;
  const List& start = lists_[list];
  auto at = static_cast<std::uint32_t>(pieces_.size());
  if (start.run < table_.size()) {
    const UnitId unit = table_.id(start.run).plus(start.offset);
    const Place place = find(unit);
    if (const std::uint32_t offset = unit.clock - run(place).id.clock; offset > 0) {
      // The run goes on over the list's beginning.
      const bool begins_unopened = !pieces_[place.piece].fresh() && !open_[list_at(start.run, 0)];
      const std::uint32_t piece = isolate(place);
      if (begins_unopened) pieces_[piece].run.left = table_.left(start.run);
      at = cut(piece, offset);
      pieces_[at].run.left = kNoId;
    } else {
      divide(place.piece, place.at);
      at = place.piece + (place.at > 0);
    }
  }
  pieces_.insert(pieces_.begin() + at, Piece{0, 0, LooseRun{{kHeads, list}, 1, kNoId, kNoId, {}}});
  // Its last run may have been cut by the head of the next list.
  while (++at < pieces_.size() && !pieces_[at].head()) {
    LooseRun& run = pieces_[at].run;
    if (pieces_[at].fresh() && !run.left.none() && run.left == edge(list)) run.left = kNoId;
  }
}

// False if it is the first of its list, or gone.
bool EditedRuns::integrate_in_list(LooseRun run) {
  const UnitId origin = run.left.none() ? run.right : run.left;
  if (origin.none()) return false;
  const std::uint32_t list = list_of(origin);
  if (gone(list)) return false;
  if (!run.left.none() && !run.right.none() && list_of(run.right) != list) return false;
  open(list);
  if (pairs_) {
    const UnitId after = run.left.none() ? kNoId : run.left.plus(1);
    if (!after.none() && integrated(after) && list_of(after) == list) keep_pair_apart(after);
    if (!run.right.none()) keep_pair_apart(run.right);
  }
  run.list = list + kFirstList;
  place(run, run.left.none() ? UnitId{kHeads, list} : run.left);
  lists_[list].units += run.length;
  return !lists_[list].keyed || keep_last(run);
}

// As in a sequence: of a map's entry only the last unit is its value.
bool EditedRuns::keep_last(const LooseRun& run) {
  const Place behind = next(find(run.id));
  if (behind.valid() && !head(behind)) return erase(run.id, run.length);
  const Piece& before = pieces_[find(run.id).piece - 1];
  UnitId replaced = kNoId;
  if (!before.head()) {
    replaced = before.fresh() ? before.run.id.plus(before.run.length - 1) : table_.last(before.end() - 1);
  }
  if (run.length > 1 && !erase(run.id, run.length - 1)) return false;
  return replaced.none() || erase(replaced, 1);
}

bool EditedRuns::holds_type(const LooseRun& run) const {
  if (run.contents == nullptr) return false;
  const std::size_t count = count_placeholders(run.text);
  return std::any_of(run.contents, run.contents + count,
                     [](const Content& content) { return content.kind == ContentKind::type; });
}

std::vector<const Content*> EditedRuns::contents() {
  std::vector<const Content*> all;
  std::size_t at = 0;      // of the table's text
  std::size_t number = 0;  // of the contents before
  for (const Piece& piece : pieces_) {
    if (piece.fresh()) {
      const std::size_t count = piece.run.contents != nullptr ? count_placeholders(piece.run.text) : 0;
      for (std::size_t i = 0; i < count; ++i) all.push_back(piece.run.contents + i);
      continue;
    }
    const std::size_t begin = text_offset(piece.first);
    const std::size_t end = text_offset(piece.end());
    number += count_placeholders(text_.substr(at, begin - at));
    for (std::size_t count = count_placeholders(text_.substr(begin, end - begin)); count > 0; --count) {
      all.push_back(contents_ + number++);
    }
    at = end;
  }
  return all;
}

// Takes the heads out. False if that is too much.
bool EditedRuns::close_lists() {
  UnitId last = kNoId;
  for (std::uint32_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (!piece.head()) {
      last = piece.fresh() ? piece.run.id.plus(piece.run.length - 1) : table_.last(piece.end() - 1);
    } else if (!move_edge(i, last)) {
      return false;
    }
  }
  std::vector<Piece> kept;  // in which what the heads divided is one again
  for (const Piece& piece : pieces_) {
    if (piece.head()) continue;
    if (!kept.empty() && !kept.back().fresh() && !piece.fresh() && kept.back().end() == piece.first) {
      kept.back().count += piece.count;
    } else {
      kept.push_back(piece);
    }
  }
  pieces_ = std::move(kept);
  return true;
}

// From now on the unit `to` stands for the edge on the left of the list that begins
// with this head.
bool EditedRuns::move_edge(std::uint32_t head, UnitId to) {
  const std::uint32_t list = pieces_[head].run.id.clock;
  const UnitId from = edge(list);
  for (Place place = next({head, 0}); place.valid() && !this->head(place); place = next(place)) {
    const Piece& piece = pieces_[place.piece];
    if (piece.fresh()) {
      LooseRun& run = pieces_[place.piece].run;
      if (run.left.none()) run.left = to;
      continue;
    }
    if (to == from) {
      place.at = piece.count - 1;
      continue;
    }
    const std::uint32_t run = piece.first + place.at;
    if (list_at(run, 0) != list) break;  // whose beginning was not touched
    if (table_.left(run) != from) continue;
    place = {isolate(place), 0};
    pieces_[place.piece].run.left = to;
    if (pieces_.size() > kMaxPieces) return false;
  }
  return true;
}

}  // namespace converge

#include "core/sequence/edited_runs.h"

#include <algorithm>

#include "core/sequence/integration.h"
#include "core/sequence/utf16.h"

namespace converge {

EditedRuns::EditedRuns(const RunTable& table, std::string_view text,
                       const std::vector<ReplicaId>& replicas, bool pairs)
    : table_(table),
      text_(text),
      ascii_(table.visible_units() == text.size()),
      pairs_(pairs),
      replicas_(replicas) {
  for (ClientIndex i = 0; i < replicas.size(); ++i) known_.push_back(table.known(i));
  pieces_.push_back({0, table.size(), {}});
}

// ---- finding -------------------------------------------------------------

EditedRuns::Place EditedRuns::next(Place place) const {
  if (place.at + 1 < pieces_[place.piece].count) return {place.piece, place.at + 1};
  return place.piece + 1 < pieces_.size() ? Place{place.piece + 1, 0} : Place{};
}

LooseRun EditedRuns::run(Place place) const {
  const Piece& piece = pieces_[place.piece];
  if (piece.fresh()) return piece.run;
  const std::uint32_t run = piece.first + place.at;
  return {table_.id(run), table_[run].length, left_of_table(run), table_.right(run), {}};
}

EditedRuns::Place EditedRuns::find(UnitId unit) const {
  for (std::uint32_t i = 0; i < pieces_.size(); ++i) {
    const LooseRun& run = pieces_[i].run;
    if (pieces_[i].fresh() && run.id.client == unit.client &&
        unit.clock - run.id.clock < run.length) {
      return {i, 0};
    }
  }
  near_ = table_.find(unit, near_);
  std::uint32_t i = 0;
  while (near_ - pieces_[i].first >= pieces_[i].count) ++i;
  return {i, near_ - pieces_[i].first};
}

// Whether the unit stands behind the gap.
bool EditedRuns::reaches(const Gap& gap, UnitId unit) const {
  if (gap.offset == 0) return true;
  const Place place = find(unit);
  if (place == gap.place) return unit.clock - run(place).id.clock >= gap.offset;
  return gap.place < place;
}

// Where the text of a run of the table begins, or for size() ends.
std::size_t EditedRuns::text_offset(std::uint32_t run) {
  if (run == 0) return 0;
  if (run == table_.size()) return text_.size();
  if (run < measured_run_) measured_run_ = 0, measured_bytes_ = 0;
  std::uint64_t units = 0;
  for (; measured_run_ < run; ++measured_run_) {
    if (!table_.deleted(measured_run_)) units += table_[measured_run_].length;
  }
  measured_bytes_ += ascii_ ? static_cast<std::size_t>(units)
                            : bytes_of_units(text_.substr(measured_bytes_), units);
  return measured_bytes_;
}

// ---- pieces --------------------------------------------------------------

// Divides a piece of the table's runs before its run number `at`, unless that is at
// an end of it.
void EditedRuns::divide(std::uint32_t piece, std::uint32_t at) {
  Piece& first = pieces_[piece];
  if (at == 0 || at >= first.count) return;
  const Piece second{first.first + at, first.count - at, {}};
  first.count = at;
  pieces_.insert(pieces_.begin() + piece + 1, second);
}

// Makes the run a fresh piece. Gives its number.
std::uint32_t EditedRuns::isolate(Place place) {
  if (pieces_[place.piece].fresh()) return place.piece;
  LooseRun alone = run(place);
  divide(place.piece, place.at + 1);
  divide(place.piece, place.at);
  const std::uint32_t number = place.piece + (place.at > 0);
  Piece& piece = pieces_[number];
  if (!table_.deleted(piece.first)) {
    const std::size_t begin = text_offset(piece.first);
    const std::string_view text = text_.substr(begin);
    alone.text = text.substr(0, ascii_ ? alone.length : bytes_of_units(text, alone.length));
    if (!lists_.empty() && count_placeholders(alone.text) > 0) {
      alone.contents = contents_ + count_placeholders(text_.substr(0, begin));
    }
  }
  piece = {0, 0, alone};
  return number;
}

// Cuts a fresh run after 0 < units < length. Gives the number of the second part.
std::uint32_t EditedRuns::cut(std::uint32_t piece, std::uint32_t units) {
  const LooseRun whole = pieces_[piece].run;
  pieces_[piece].run = first_of(whole, units, replaced_.emplace_back());
  LooseRun rest = rest_of(whole, units, replaced_.emplace_back());
  rest.list = whole.list;
  pieces_.insert(pieces_.begin() + piece + 1, Piece{0, 0, rest});
  return piece + 1;
}

// As in a sequence: a reference to the middle of a pair cuts it.
void EditedRuns::keep_pair_apart(UnitId unit) {
  const Place place = find(unit);
  const std::uint32_t offset = unit.clock - run(place).id.clock;
  if (offset == 0) return;
  const std::uint32_t piece = isolate(place);
  const std::string_view text = pieces_[piece].run.text;
  if (text.empty() || text.size() == pieces_[piece].run.length) return;
  if (measure_units(text.data(), offset).units < offset) cut(piece, offset);
}

// ---- integration ---------------------------------------------------------

// The pieces as integration.h asks for them.
struct EditedRuns::Ordered {
  using Gap = EditedRuns::Gap;
  const EditedRuns& runs;

  Place first() const { return runs.first(); }
  Place next(Place place) const { return runs.next(place); }
  LooseRun run(Place place) const { return runs.run(place); }
  bool head(Place place) const { return runs.head(place); }
  ReplicaId replica(ClientIndex client) const { return runs.replicas_[client]; }
  bool reaches(const Gap& gap, UnitId unit) const { return runs.reaches(gap, unit); }
};

// False if that is too much.
bool EditedRuns::integrate(const LooseRun& run) {
  if (!lists_.empty()) return integrate_in_list(run);
  if (pairs_) {
    if (!run.left.none() && integrated(run.left.plus(1))) keep_pair_apart(run.left.plus(1));
    if (!run.right.none()) keep_pair_apart(run.right);
  }
  place(run, run.left);
  return true;
}

// Puts the run where it belongs behind its left origin or the head of its list.
void EditedRuns::place(const LooseRun& run, UnitId behind) {
  Gap gap;
  UnitId after = this->run(first()).id;
  if (!behind.none()) {
    gap.place = find(behind);
    const LooseRun left = this->run(gap.place);
    gap.offset = behind.clock - left.id.clock + 1;
    if (gap.offset < left.length) {
      after = left.id.plus(gap.offset);
    } else {
      const Place place = next(gap.place);
      after = place.valid() && !head(place) ? this->run(place).id : kNoId;
    }
  }
  if (after != run.right) gap = gap_between_origins(Ordered{*this}, run, gap);
  put(gap, run);
  known_[run.id.client] += run.length;
}

void EditedRuns::put(const Gap& gap, const LooseRun& run) {
  std::uint32_t piece = 0;
  if (gap.offset > 0) {
    if (gap.offset < this->run(gap.place).length) {
      piece = cut(isolate(gap.place), gap.offset);
    } else {
      divide(gap.place.piece, gap.place.at + 1);
      piece = gap.place.piece + 1;
    }
  }
  pieces_.insert(pieces_.begin() + piece, Piece{0, 0, run});
}

// False if that is too much.
bool EditedRuns::erase(UnitId id, std::uint32_t length) {
  while (length > 0 && pieces_.size() <= kMaxPieces) {
    if (!lists_.empty()) {
      const std::uint32_t list = list_of(id);
      if (gone(list)) {  // with the rest of its run
        near_ = table_.find(id, near_);
        const std::uint32_t part =
            std::min(length, table_.id(near_).clock + table_[near_].length - id.clock);
        id = id.plus(part);
        length -= part;
        continue;
      }
      open(list);
    }
    const Place place = find(id);
    const LooseRun there = run(place);
    const std::uint32_t from = id.clock - there.id.clock;
    const std::uint32_t part = std::min(length, there.length - from);
    const Piece& piece = pieces_[place.piece];
    const bool visible =
        piece.fresh() ? !piece.run.text.empty() : !table_.deleted(piece.first + place.at);
    if (visible) {
      std::uint32_t number = isolate(place);
      if (from + part < there.length) cut(number, from + part);
      if (from > 0) number = cut(number, from);
      LooseRun& erased = pieces_[number].run;
      if (holds_type(erased)) return false;  // what lives under it goes as well
      erased.text = {};
      erased.contents = nullptr;
    }
    id = id.plus(part);
    length -= part;
  }
  return pieces_.size() <= kMaxPieces;
}

bool EditedRuns::can_integrate(const LooseRun& run) const {
  return run.id.clock <= known_[run.id.client] && (run.left.none() || integrated(run.left)) &&
         (run.right.none() || integrated(run.right));
}

// Takes a run of which the beginning may be known.
EditedRuns::Offer EditedRuns::offer(LooseRun run) {
  const std::uint32_t known = known_[run.id.client];
  if (run.id.clock < known) {
    const std::uint32_t have = std::min(known - run.id.clock, run.length);
    if (run.text.empty() && !erase(run.id, have)) return Offer::too_much;
    if (have == run.length) return Offer::taken;
    run = rest_of(run, have, replaced_.emplace_back());
  }
  if (!can_integrate(run)) return Offer::waits;
  return integrate(run) && pieces_.size() <= kMaxPieces ? Offer::taken : Offer::too_much;
}

ClientIndex EditedRuns::client(ReplicaId replica) {
  const auto at = std::find(replicas_.begin(), replicas_.end(), replica);
  if (at == replicas_.end()) {
    replicas_.push_back(replica);
    known_.push_back(0);
    return static_cast<ClientIndex>(replicas_.size() - 1);
  }
  return static_cast<ClientIndex>(at - replicas_.begin());
}

bool EditedRuns::add(const FlatSequence& flat) {
  std::vector<LooseRun> runs = flat.runs;
  runs.insert(runs.end(), flat.waiting.begin(), flat.waiting.end());
  std::vector<ClientIndex> clients;
  for (ReplicaId replica : flat.replicas) clients.push_back(client(replica));
  auto translate = [&](UnitId id) { return id.none() ? id : UnitId{clients[id.client], id.clock}; };
  for (LooseRun& run : runs) {
    run.id = translate(run.id);
    run.left = translate(run.left);
    run.right = translate(run.right);
    if (run.list != kImplied || holds_type(run)) return false;
    if (run.text.empty() || run.text.size() == run.length) continue;
    pairs_ = true;  // for all one knows
    // Someone may have seen a pair cut that is whole here.
    if (run.text.find(kReplacement) != std::string_view::npos) return false;
  }
  std::sort(runs.begin(), runs.end(),
            [](const LooseRun& a, const LooseRun& b) { return a.id.key() < b.id.key(); });
  // Each may depend on one that comes later.
  while (!runs.empty()) {
    std::vector<LooseRun> later;
    for (const LooseRun& run : runs) {
      const Offer answer = offer(run);
      if (answer == Offer::too_much) return false;
      if (answer == Offer::waits) later.push_back(run);
    }
    if (later.size() == runs.size()) return false;
    runs = std::move(later);
  }
  for (const UnitRange& range : flat.deleted) {
    const UnitId id = translate(range.id);
    if (std::uint64_t{id.clock} + range.length > known_[id.client]) return false;
    if (!erase(id, range.length)) return false;
  }
  return true;
}

// ---- the result ----------------------------------------------------------

std::string EditedRuns::text() {
  std::size_t bytes = text_.size();
  for (const Piece& piece : pieces_) bytes += piece.run.text.size();
  std::string text;
  text.reserve(bytes);
  for (const Piece& piece : pieces_) {
    if (piece.fresh()) {
      text.append(piece.run.text);
    } else {
      const std::size_t begin = text_offset(piece.first);
      text.append(text_, begin, text_offset(piece.end()) - begin);
    }
  }
  return text;
}

bool EditedRuns::join() {
  if (!close_lists()) return false;
  // The run as a fresh one, its text standing for that it is visible.
  auto of_table = [&](std::uint32_t run) {
    return LooseRun{table_.id(run), table_[run].length, table_.left(run), table_.right(run),
                    table_.deleted(run) ? std::string_view{} : kReplacement};
  };
  std::vector<Piece> joined;
  for (Piece piece : pieces_) {
    while (!joined.empty()) {
      Piece& last = joined.back();
      if (!last.fresh() && !piece.fresh()) break;
      const LooseRun a = last.fresh() ? last.run : of_table(last.end() - 1);
      const LooseRun b = piece.fresh() ? piece.run : of_table(piece.first);
      if (!follows(a, b)) break;
      if (!last.fresh()) {
        if (--last.count == 0) joined.pop_back();
        joined.push_back({0, 0, a});
      }
      joined.back().run.length += b.length;
      if (piece.fresh()) {
        piece.first = Place::kNowhere;  // taken
        break;
      }
      ++piece.first;
      if (--piece.count == 0) {
        piece.first = Place::kNowhere;
        break;
      }
    }
    if (piece.first != Place::kNowhere) joined.push_back(piece);
  }
  pieces_ = std::move(joined);
  return true;
}

}  // namespace converge

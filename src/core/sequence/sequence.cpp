#include "core/sequence/sequence.h"

#include <algorithm>

#include "core/long_work.h"
#include "core/sequence/integration.h"

namespace converge {

// ---- replicas ------------------------------------------------------------

ClientIndex Sequence::find_client(ReplicaId replica) const {
  return find_client(replica, static_cast<std::ptrdiff_t>(by_replica_.size()));
}

ClientIndex Sequence::find_client(ReplicaId replica, std::ptrdiff_t first) const {
  const auto end = by_replica_.begin() + first;
  const auto at = std::lower_bound(
      by_replica_.begin(), end, replica,
      [](const std::pair<ReplicaId, ClientIndex>& entry, ReplicaId id) { return entry.first < id; });
  return at != end && at->first == replica ? at->second : kNoId.client;
}

ClientIndex Sequence::client(ReplicaId replica) {
  const ClientIndex known = find_client(replica);
  return known != kNoId.client ? known : clients({replica})[0];
}

std::vector<ClientIndex> Sequence::clients(const std::vector<ReplicaId>& replicas) {
  std::vector<ClientIndex> indexes;
  indexes.reserve(replicas.size());
  const auto known = static_cast<std::ptrdiff_t>(by_replica_.size());
  // What is new goes behind the others first: put in its place one by one, each would
  // move all that come after it.
  for (const ReplicaId replica : replicas) {
    ClientIndex index = find_client(replica, known);
    if (index == kNoId.client) {
      index = static_cast<ClientIndex>(replicas_.size());
      by_replica_.emplace_back(replica, index);
      replicas_.push_back(replica);
      known_.push_back(0);
    }
    indexes.push_back(index);
  }
  std::sort(by_replica_.begin() + known, by_replica_.end());
  std::inplace_merge(by_replica_.begin(), by_replica_.begin() + known, by_replica_.end());
  return indexes;
}

bool Sequence::has_pending_of(ClientIndex client) const {
  std::uint64_t key = UnitId{client, 0}.key();
  auto run = waiting_.lower_bound(key);
  if (run != waiting_.end() && run->first >> 32 == client) return true;
  auto range = early_.lower_bound(key);
  return range != early_.end() && range->first >> 32 == client;
}

Sequence::Stretch Sequence::stretch(UnitId id, std::uint32_t length) const {
  if (integrated(id)) {
    if (lists_) {
      length = lists_->stretch_end(id, id.clock + length) - id.clock;
      if (lists_->list_of(id) == kGone) return {UnitState::gone, length};
    }
    const Run& run = tree_.find(id).run();
    return {run.visible() ? UnitState::visible : UnitState::deleted,
            std::min(length, run.end() - id.clock)};
  }
  std::uint64_t key = id.key();
  std::uint64_t end = key + length;
  auto run = waiting_.upper_bound(key);
  if (run != waiting_.end()) end = std::min(end, run->first);
  if (run != waiting_.begin()) {
    --run;
    std::uint64_t run_end = run->first + run->second.length;
    if (run_end > key) {
      return {run->second.list == kGone      ? UnitState::gone
              : run->second.text.empty() ? UnitState::deleted
                                         : UnitState::visible,
              static_cast<std::uint32_t>(std::min(end, run_end) - key)};
    }
  }
  auto range = early_.upper_bound(key);
  if (range != early_.end()) end = std::min(end, range->first);
  if (range != early_.begin()) {
    --range;
    std::uint64_t range_end = range->first + range->second;
    if (range_end > key) {
      return {UnitState::early, static_cast<std::uint32_t>(std::min(end, range_end) - key)};
    }
  }
  return {UnitState::unknown, static_cast<std::uint32_t>(end - key)};
}

// ---- places --------------------------------------------------------------

Sequence::Gap Sequence::gap_after(UnitId left) const {
  if (left.none()) return Gap{};
  RunTree::Place place = tree_.find(left);
  return Gap{place, left.clock - place.run().id.clock + 1};
}

UnitId Sequence::unit_after(const Gap& gap) const {
  RunTree::Place place = gap.place;
  if (gap.offset == 0) {
    place = tree_.first();
  } else if (gap.offset < place.run().length) {
    return place.run().id.plus(gap.offset);
  } else {
    place = RunTree::next(place);
  }
  return place.valid() && !place.run().head() ? place.run().id : kNoId;
}

// Whether the unit stands behind the gap.
bool Sequence::reaches(const Gap& gap, UnitId unit) const {
  if (gap.offset == 0) return true;
  RunTree::Place place = tree_.find(unit);
  if (place == gap.place) return unit.clock - place.run().id.clock >= gap.offset;
  return tree_.ordered(gap.place, place);
}

// Yjs cuts an item wherever another refers to the middle of it. Between the
// halves of a surrogate pair that changes the text, even if nothing comes to
// stand there.
void Sequence::keep_pair_apart(UnitId unit) {
  RunTree::Place place = tree_.find(unit);
  const Run& run = place.run();
  std::uint32_t offset = unit.clock - run.id.clock;
  if (offset == 0 || !run.visible() || run.ascii()) return;
  if (measure_units(RunTree::text_of(place).data(), offset).units < offset) {
    tree_.cut(place, offset);
  }
}

// ---- integration ---------------------------------------------------------

// The tree as integration.h asks for it.
struct Sequence::Ordered {
  using Gap = Sequence::Gap;
  const Sequence& sequence;

  RunTree::Place first() const { return sequence.tree_.first(); }
  static RunTree::Place next(RunTree::Place place) { return RunTree::next(place); }
  static const Run& run(RunTree::Place place) { return place.run(); }
  static bool head(RunTree::Place place) { return place.run().head(); }
  ReplicaId replica(ClientIndex client) const { return sequence.replicas_[client]; }
  bool reaches(const Gap& gap, UnitId unit) const { return sequence.reaches(gap, unit); }
};

void Sequence::integrate(const LooseRun& run) {
  if (lists_) return integrate_in_list(run);
  if (tree_.bytes() != tree_.units()) {  // not all of it is ASCII
    if (!run.left.none() && integrated(run.left.plus(1))) keep_pair_apart(run.left.plus(1));
    if (!run.right.none()) keep_pair_apart(run.right);
  }
  place(run, gap_after(run.left));
}

// Puts the run where it belongs behind `gap`, where its left origin ends.
void Sequence::place(const LooseRun& run, Gap gap) {
  if (unit_after(gap) != run.right) gap = gap_between_origins(Ordered{*this}, run, gap);
  put(gap, run);
  known_[run.id.client] += run.length;
}

void Sequence::put(Gap gap, const LooseRun& run) {
  UnitId id = run.id;
  UnitId left = run.left;
  std::uint32_t length = run.length;
  std::string_view text = run.text;
  for (;;) {
    std::string_view piece = text.substr(0, RunTree::kPieceBytes);
    if (piece.size() < text.size()) {
      while ((static_cast<std::uint8_t>(text[piece.size()]) & 0xc0) == 0x80) piece.remove_suffix(1);
    }
    TextSize size = text.size() == length ? TextSize{static_cast<std::uint32_t>(piece.size()),
                                                     static_cast<std::uint32_t>(piece.size()),
                                                     static_cast<std::uint32_t>(piece.size())}
                                          : measure(piece);
    Run part{id, text.empty() ? length : size.units, left, run.right,
             static_cast<std::uint16_t>(size.bytes), static_cast<std::uint16_t>(size.chars)};
    if (gap.offset == 0) {
      RunTree::Place first = tree_.first();
      if (first.valid()) {
        tree_.insert(first, part, piece.data());
      } else {
        tree_.append(part, piece.data());
      }
    } else if (gap.offset < gap.place.run().length) {
      tree_.insert(tree_.cut(gap.place, gap.offset), part, piece.data());
    } else if (continues(gap.place.run(), part)) {
      if (part.visible()) {
        tree_.extend(gap.place, piece.data(), size);
      } else {
        tree_.extend_deleted(gap.place, length);
      }
    } else {
      tree_.insert({gap.place.leaf, gap.place.index + 1}, part, piece.data());
    }
    if (piece.size() == text.size()) return;
    text.remove_prefix(piece.size());
    length -= size.units;
    id = id.plus(size.units);
    left = id.before();
    gap = gap_after(left);
  }
}

// ---- states --------------------------------------------------------------

void Sequence::Loader::replicas(const std::vector<ReplicaId>& replicas) {
  sequence_.clients(replicas);
}

ListIndex Sequence::Loader::begin(const ListName& name) {
  Lists& lists = *sequence_.lists_;
  list_ = lists.number(name);
  lists.list(list_).begun = true;
  heads_.push_back(built_++);
  builder_.add({kHeads, list_}, 1, kNoId, kNoId, nullptr, 0);
  return list_;
}

void Sequence::Loader::keep(const LooseRun& run, const Content* contents) {
  sequence_.lists_->keep(run.id, run.text, contents);
}

void Sequence::Loader::finish(const std::vector<std::uint32_t>& by_id) {
  if (!sequence_.lists_) return builder_.finish(by_id);
  std::vector<std::uint32_t> built;
  built.reserve(built_);
  for (std::uint32_t i : by_id) {
    const Added& added = added_[i];
    sequence_.lists_->place(added.id.client, added.id.clock, added.list);
    if (added.list != kGone) built.push_back(added.index);
  }
  built.insert(built.end(), heads_.begin(), heads_.end());  // the greatest client's
  builder_.finish(built);
}

bool Sequence::add(const FlatSequence& flat) {
  const std::vector<ClientIndex> clients = this->clients(flat.replicas);
  auto translate = [&](UnitId id) { return id.none() ? id : UnitId{clients[id.client], id.clock}; };
  std::vector<LooseRun> runs;
  runs.reserve(flat.waiting.size());
  auto take = [&](const LooseRun& flat_run) {
    LooseRun run{translate(flat_run.id), flat_run.length, translate(flat_run.left),
                 translate(flat_run.right), flat_run.text,
                 flat_run.list >= kFirstList ? translate_list(flat, flat_run.list, clients)
                                             : flat_run.list,
                 flat_run.contents};
    if (known_[run.id.client] < run.id.clock + run.length) {
      runs.push_back(run);
    } else if (run.text.empty()) {
      erase_integrated(run.id, run.length);
    } else {
      keep_halves_apart(run);
    }
  };
  for (const LooseRun& run : flat.runs) take(run);
  for (const LooseRun& run : flat.waiting) take(run);
  add_runs(runs);
  for (const UnitRange& range : flat.deleted) erase(translate(range.id), range.length);
  return waiting_.size() + early_.size() <= kMaxPendingRuns &&
         waiting_bytes_ <= kMaxPendingBytes && tree_.bytes() <= kMaxTextBytes &&
         (!lists_ || lists_->content_bytes() <= kMaxContentBytes);
}

// Offers the runs so that, where they depend on each other, few have to wait:
// each replica's in order, and first those of the replica that one depends on.
void Sequence::add_runs(std::vector<LooseRun>& runs) {
  if (runs.size() == 1) return offer(runs[0]);
  std::sort(runs.begin(), runs.end(),
            [](const LooseRun& a, const LooseRun& b) { return a.id.key() < b.id.key(); });
  struct Queue {
    std::size_t at = 0;
    std::size_t end = 0;
    bool open = false;
  };
  std::vector<Queue> queues(replicas_.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Queue& queue = queues[runs[i].id.client];
    if (queue.end == 0) queue.at = i;
    queue.end = i + 1;
  }
  std::vector<ClientIndex> open;
  for (std::size_t i = 0; i < runs.size();) {
    std::size_t group_end = queues[runs[i].id.client].end;
    open.push_back(runs[i].id.client);
    queues[runs[i].id.client].open = true;
    while (!open.empty()) {
      Queue& queue = queues[open.back()];
      if (queue.at == queue.end) {
        queue.open = false;
        open.pop_back();
        continue;
      }
      long_work();
      const LooseRun& run = runs[queue.at];
      UnitId awaited = missing(run);
      if (!awaited.none()) {
        Queue& other = queues[awaited.client];
        if (!other.open && other.at < other.end &&
            awaited.clock < runs[other.end - 1].id.clock + runs[other.end - 1].length) {
          other.open = true;
          open.push_back(awaited.client);
          continue;
        }
      }
      ++queue.at;
      offer(run);
    }
    i = group_end;
  }
}

// ---- local edits ---------------------------------------------------------

void Sequence::insert_local(ClientIndex client, std::uint64_t at, std::string_view text,
                            TextSize size, EditLog* log) {
  LooseRun run{{client, known_[client]}, size.units, kNoId, kNoId, text};
  Gap gap;
  if (at > 0) {
    const RunTree::Located& located = tree_.at_char(at - 1);
    gap.place = located.place;
    const Run& left = gap.place.run();
    gap.offset = static_cast<std::uint32_t>(at - located.chars);
    if (!left.ascii()) {
      gap.offset = measure_chars(gap.place.leaf->text + located.bytes, gap.offset).units;
    }
    run.left = left.id.plus(gap.offset - 1);
  }
  run.right = unit_after(gap);
  if (log != nullptr) log->inserted.push_back(run);
  if (at > 0 && size.bytes <= RunTree::kPieceBytes) {  // typing: most of all edits
    const Run& left = gap.place.run();
    if (left.visible() && gap.offset == left.length && left.id.plus(left.length) == run.id &&
        left.right == run.right) {
      tree_.extend(gap.place, text.data(), size);
      known_[client] += size.units;
      if (!waiting_.empty()) wake(run.id, run.length);
      return;
    }
  }
  put(gap, run);
  known_[client] += size.units;
  if (!waiting_.empty()) wake(run.id, run.length);
}

void Sequence::erase_local(std::uint64_t at, std::uint64_t count, EditLog* log) {
  while (count > 0) {
    const RunTree::Located& located = tree_.at_char(at);
    RunTree::Place place = located.place;
    const Run& run = place.run();
    auto from = static_cast<std::uint32_t>(at - located.chars);
    auto length = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count, run.chars - from));
    count -= length;
    if (!run.ascii()) {
      const char* text = place.leaf->text + located.bytes;
      TextSize before = measure_chars(text, from);
      length = measure_chars(text + before.bytes, length).units;
      from = before.units;
    }
    if (log != nullptr) log->deleted.push_back({run.id.plus(from), length});
    tree_.erase(place, from, length);
  }
}

}  // namespace converge

#include "core/sequence/sequence.h"

#include <algorithm>

namespace converge {

// ---- replicas ------------------------------------------------------------

ClientIndex Sequence::find_client(ReplicaId replica) const {
  auto at = std::lower_bound(
      by_replica_.begin(), by_replica_.end(), replica,
      [](const std::pair<ReplicaId, ClientIndex>& entry, ReplicaId id) { return entry.first < id; });
  return at != by_replica_.end() && at->first == replica ? at->second : kNoId.client;
}

ClientIndex Sequence::client(ReplicaId replica) {
  auto at = std::lower_bound(
      by_replica_.begin(), by_replica_.end(), replica,
      [](const std::pair<ReplicaId, ClientIndex>& entry, ReplicaId id) { return entry.first < id; });
  if (at != by_replica_.end() && at->first == replica) return at->second;
  auto index = static_cast<ClientIndex>(replicas_.size());
  by_replica_.insert(at, {replica, index});
  replicas_.push_back(replica);
  known_.push_back(0);
  return index;
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
      return {run->second.text.empty() ? UnitState::deleted : UnitState::visible,
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
  return place.valid() ? place.run().id : kNoId;
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

// The rule of YATA as Yjs has it, for a run whose origins are not neighbours.
// `gap` is behind the left origin. What stands between the origins is walked
// through run by run: within a run every unit has the one before as its left
// origin, so that the rule goes the same way for all of it.
Sequence::Gap Sequence::resolve(const LooseRun& run, Gap gap) const {
  const Gap start = gap;
  RunTree::Place place = gap.place;
  std::uint32_t offset = 0;
  if (gap.offset == 0) {
    place = tree_.first();
  } else if (gap.offset < place.run().length) {
    offset = gap.offset;
  } else {
    place = RunTree::next(place);
  }
  const ReplicaId replica = replicas_[run.id.client];
  while (place.valid()) {
    const Run& other = place.run();
    if (other.id.plus(offset) == run.right) break;
    std::uint32_t end = other.length;
    if (!run.right.none() && other.contains(run.right) &&
        run.right.clock - other.id.clock > offset) {
      end = run.right.clock - other.id.clock;
    }
    UnitId left = offset > 0 ? other.id.plus(offset - 1) : other.left;
    if (left == run.left) {
      if (replicas_[other.id.client] < replica) {
        gap = Gap{place, end};
      } else if (other.right == run.right) {
        break;
      }
    } else if (!left.none() && reaches(start, left)) {
      // Its origin was passed. If that already stands left of us, so does it.
      if (!reaches(gap, left)) gap = Gap{place, end};
    } else {
      break;
    }
    if (end < other.length) break;
    place = RunTree::next(place);
    offset = 0;
  }
  return gap;
}

void Sequence::integrate(const LooseRun& run) {
  if (tree_.bytes() != tree_.units()) {  // not all of it is ASCII
    if (!run.left.none() && integrated(run.left.plus(1))) keep_pair_apart(run.left.plus(1));
    if (!run.right.none()) keep_pair_apart(run.right);
  }
  Gap gap = gap_after(run.left);
  if (unit_after(gap) != run.right) gap = resolve(run, gap);
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

// ---- what comes from elsewhere -------------------------------------------

LooseRun rest_of(const LooseRun& run, std::uint32_t units, std::string& replaced) {
  LooseRun rest{run.id.plus(units), run.length - units, run.id.plus(units - 1), run.right, {}};
  if (run.text.empty()) return rest;
  TextSize size = run.text.size() == run.length ? TextSize{units, units, units}
                                                : measure_units(run.text.data(), units);
  if (size.units == units) {
    rest.text = run.text.substr(size.bytes);
  } else {
    replaced.assign(kReplacement);
    replaced.append(run.text.substr(size.bytes + 4));
    rest.text = replaced;
  }
  return rest;
}

LooseRun first_of(const LooseRun& run, std::uint32_t units, std::string& replaced) {
  LooseRun first{run.id, units, run.left, run.right, {}};
  if (run.text.empty()) return first;
  TextSize size = run.text.size() == run.length ? TextSize{units, units, units}
                                                : measure_units(run.text.data(), units);
  first.text = run.text.substr(0, size.bytes);
  if (size.units < units) {
    replaced.assign(first.text);
    replaced.append(kReplacement);
    first.text = replaced;
  }
  return first;
}

// A unit that must be integrated before the run can be, or kNoId.
UnitId Sequence::missing(const LooseRun& run) const {
  if (run.id.clock > known_[run.id.client]) return run.id.before();
  if (!run.left.none() && !integrated(run.left)) return run.left;
  if (!run.right.none() && !integrated(run.right)) return run.right;
  return kNoId;
}

// Takes a run of which any part may be known, or deleted already.
void Sequence::offer(LooseRun run) {
  std::string replaced;
  auto advance = [&](std::uint32_t units) {
    std::string text;
    run = rest_of(run, units, text);
    if (text.empty()) return;
    replaced.swap(text);
    run.text = replaced;
  };
  for (;;) {
    std::uint32_t known = known_[run.id.client];
    if (run.id.clock < known) {
      std::uint32_t have = std::min(known - run.id.clock, run.length);
      if (run.text.empty()) erase_integrated(run.id, have);
      if (have == run.length) return;
      advance(have);
    }
    // Take apart what comes before the first early deletion, and what it covers.
    std::uint64_t key = run.id.key();
    auto at = early_.upper_bound(key);
    if (at != early_.begin() && std::prev(at)->first + std::prev(at)->second > key) --at;
    if (at == early_.end() || at->first >= key + run.length) return offer_known_apart(run);
    std::uint64_t from = at->first;
    std::uint64_t end = from + at->second;
    auto part = static_cast<std::uint32_t>(
        from > key ? from - key : std::min<std::uint64_t>(end - key, run.length));
    std::string first_text;
    LooseRun first = first_of(run, part, first_text);
    if (from <= key) {
      first.text = {};
      early_.erase(at);
      if (from < key) early_[from] = static_cast<std::uint32_t>(key - from);
      if (key + part < end) early_[key + part] = static_cast<std::uint32_t>(end - key - part);
    }
    offer_known_apart(first);
    if (part == run.length) return;
    advance(part);  // of which the first part may have woken some
  }
}

// Takes a run of which nothing is integrated or deleted early.
void Sequence::offer_known_apart(LooseRun run) {
  UnitId awaited = missing(run);
  if (!awaited.none()) return hold(run, awaited);
  integrate(run);
  if (!waiting_.empty()) wake(run.id, run.length);
}

// Keeps the run, but for the parts of it that wait already, until `awaited` is
// integrated.
void Sequence::hold(const LooseRun& run, UnitId awaited) {
  if (run.text.empty()) erase_waiting(run.id.key(), run.id.key() + run.length);
  std::uint32_t from = 0;
  while (from < run.length) {
    std::uint64_t key = run.id.key() + from;
    auto at = waiting_.upper_bound(key);
    if (at != waiting_.begin()) {
      auto before = std::prev(at);
      std::uint64_t end = before->first + before->second.length;
      if (end > key) {  // there already
        from += static_cast<std::uint32_t>(
            std::min<std::uint64_t>(end - key, run.length - from));
        continue;
      }
    }
    std::uint32_t length = run.length - from;
    if (at != waiting_.end() && at->first < key + length) {
      length = static_cast<std::uint32_t>(at->first - key);
    }
    std::string rest_text;
    std::string part_text;
    LooseRun part = from > 0 ? rest_of(run, from, rest_text) : run;
    if (length < part.length) part = first_of(part, length, part_text);
    waiting_.emplace_hint(at, key,
                          Waiting{length, part.left, part.right, std::string(part.text)});
    waiting_bytes_ += part.text.size();
    awaited_.emplace(from > 0 ? key - 1 : awaited.key(), key);
    from += length;
  }
}

// Integrates what waited for these units, and what waited for that.
void Sequence::wake(UnitId id, std::uint32_t length) {
  std::vector<UnitRange> woken{{id, length}};
  while (!woken.empty()) {
    UnitRange range = woken.back();
    woken.pop_back();
    std::uint64_t key = range.id.key();
    std::uint64_t end = key + range.length;

    // The same units may have waited here, with less to depend on.
    for (;;) {
      auto at = waiting_.lower_bound(end);
      if (at == waiting_.begin()) break;
      --at;
      if (at->first + at->second.length <= key) break;
      if (at->first + at->second.length > end) {
        at = std::prev(cut_waiting(at, static_cast<std::uint32_t>(end - at->first)));
      }
      if (at->second.text.empty()) {
        erase_integrated({range.id.client, static_cast<std::uint32_t>(at->first)},
                         at->second.length);
      }
      waiting_bytes_ -= at->second.text.size();
      waiting_.erase(at);
    }

    auto first = awaited_.lower_bound(key);
    while (first != awaited_.end() && first->first < end) {
      std::uint64_t waiter = first->second;
      first = awaited_.erase(first);
      auto at = waiting_.find(waiter);
      if (at == waiting_.end()) continue;
      UnitId start{static_cast<ClientIndex>(waiter >> 32), static_cast<std::uint32_t>(waiter)};
      LooseRun run{start, at->second.length, at->second.left, at->second.right, at->second.text};
      if (UnitId next = missing(run); !next.none()) {
        awaited_.emplace(next.key(), waiter);
        continue;
      }
      auto node = waiting_.extract(at);
      run.text = node.mapped().text;
      waiting_bytes_ -= run.text.size();
      integrate(run);
      woken.push_back({run.id, run.length});
    }
  }
}

// Divides what waits after its first `units`. Gives the second part.
std::map<std::uint64_t, Sequence::Waiting>::iterator Sequence::cut_waiting(
    std::map<std::uint64_t, Waiting>::iterator at, std::uint32_t units) {
  UnitId start{static_cast<ClientIndex>(at->first >> 32), static_cast<std::uint32_t>(at->first)};
  LooseRun run{start, at->second.length, at->second.left, at->second.right, at->second.text};
  std::string first_text;
  std::string rest_text;
  LooseRun first = first_of(run, units, first_text);
  LooseRun rest = rest_of(run, units, rest_text);
  waiting_bytes_ += first.text.size() + rest.text.size() - run.text.size();
  auto second = waiting_.emplace_hint(
      std::next(at), rest.id.key(),
      Waiting{rest.length, rest.left, rest.right, std::string(rest.text)});
  at->second.length = units;
  at->second.text = std::string(first.text);
  awaited_.emplace(rest.left.key(), rest.id.key());
  return second;
}

// ---- deletions -----------------------------------------------------------

void Sequence::erase(UnitId id, std::uint32_t length) {
  std::uint32_t known = known_[id.client];
  if (id.clock < known) {
    std::uint32_t have = std::min(known - id.clock, length);
    erase_integrated(id, have);
    if (have == length) return;
    id = id.plus(have);
    length -= have;
  }
  std::uint64_t key = id.key();
  erase_waiting(key, key + length);
  note_early(key, key + length);
}

void Sequence::erase_integrated(UnitId id, std::uint32_t length) {
  while (length > 0) {
    RunTree::Place place = tree_.find(id);
    const Run& run = place.run();
    std::uint32_t from = id.clock - run.id.clock;
    std::uint32_t part = std::min(length, run.length - from);
    if (run.visible()) tree_.erase(place, from, part);
    id = id.plus(part);
    length -= part;
  }
}

void Sequence::erase_waiting(std::uint64_t key, std::uint64_t end) {
  auto at = waiting_.upper_bound(key);
  if (at != waiting_.begin()) --at;
  for (; at != waiting_.end() && at->first < end; ++at) {
    std::uint64_t own_end = at->first + at->second.length;
    if (own_end <= key || at->second.text.empty()) continue;
    if (at->first < key) at = cut_waiting(at, static_cast<std::uint32_t>(key - at->first));
    if (own_end > end) {
      cut_waiting(at, static_cast<std::uint32_t>(end - at->first));
    }
    waiting_bytes_ -= at->second.text.size();
    at->second.text = std::string();
  }
}

// Remembers the deletion of those units in the range that are unknown.
void Sequence::note_early(std::uint64_t key, std::uint64_t end) {
  auto add = [this](std::uint64_t from, std::uint64_t to) {
    auto at = early_.upper_bound(to);
    while (at != early_.begin()) {
      auto before = std::prev(at);
      std::uint64_t before_end = before->first + before->second;
      bool same_client = before->first >> 32 == from >> 32;
      if (!same_client || before_end < from) break;
      from = std::min(from, before->first);
      to = std::max(to, before_end);
      at = early_.erase(before);
    }
    early_[from] = static_cast<std::uint32_t>(to - from);
  };
  auto at = waiting_.upper_bound(key);
  if (at != waiting_.begin()) --at;
  for (; at != waiting_.end() && at->first < end && key < end; ++at) {
    std::uint64_t own_end = at->first + at->second.length;
    if (own_end <= key) continue;
    if (at->first > key) add(key, at->first);
    key = own_end;
  }
  if (key < end) add(key, end);
}

// ---- states --------------------------------------------------------------

void Sequence::Loader::replicas(const std::vector<ReplicaId>& replicas) {
  for (ReplicaId replica : replicas) sequence_.client(replica);
}

void Sequence::Loader::add(const LooseRun& run) {
  builder_.add(run.id, run.length, run.left, run.right, run.text.data(),
               static_cast<std::uint32_t>(run.text.size()));
  sequence_.known_[run.id.client] += run.length;
}

bool Sequence::add(const FlatSequence& flat) {
  std::vector<ClientIndex> clients(flat.replicas.size());
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i] = client(flat.replicas[i]);
  auto translate = [&](UnitId id) { return id.none() ? id : UnitId{clients[id.client], id.clock}; };
  std::vector<LooseRun> runs;
  runs.reserve(flat.waiting.size());
  auto take = [&](const LooseRun& flat_run) {
    LooseRun run{translate(flat_run.id), flat_run.length, translate(flat_run.left),
                 translate(flat_run.right), flat_run.text};
    if (known_[run.id.client] < run.id.clock + run.length) {
      runs.push_back(run);
    } else if (run.text.empty()) {
      erase_integrated(run.id, run.length);
    }
  };
  for (const LooseRun& run : flat.runs) take(run);
  for (const LooseRun& run : flat.waiting) take(run);
  add_runs(runs);
  for (const UnitRange& range : flat.deleted) erase(translate(range.id), range.length);
  return waiting_.size() + early_.size() <= kMaxPendingRuns &&
         waiting_bytes_ <= kMaxPendingBytes && tree_.bytes() <= kMaxTextBytes;
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

// What comes from elsewhere: runs of which parts may be known, what has to wait,
// and deletions, also of units that are not there yet.
#include <algorithm>

#include "core/sequence/sequence.h"

namespace converge {

namespace {

UnitId id_of(std::uint64_t key) {
  return {static_cast<ClientIndex>(key >> 32), static_cast<std::uint32_t>(key)};
}

}  // namespace

LooseRun rest_of(const LooseRun& run, std::uint32_t units, std::string& replaced) {
  LooseRun rest{run.id.plus(units), run.length - units, run.id.plus(units - 1), run.right, {}};
  if (run.list == kGone) {
    rest.left = kNoId;
    rest.list = kGone;
  }
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
  if (run.contents != nullptr) {
    rest.contents = run.contents + count_placeholders(run.text.substr(0, size.bytes));
  }
  return rest;
}

LooseRun first_of(const LooseRun& run, std::uint32_t units, std::string& replaced) {
  LooseRun first{run.id, units, run.left, run.right, {}, run.list, run.contents};
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
  if (run.list >= kFirstList) {
    const UnitId parent = lists_->list(run.list).name.parent;
    if (!parent.none() && !integrated(parent)) return parent;
  }
  return kNoId;
}

// Where the run has U+FFFD, someone has seen a surrogate pair cut: it is cut here
// as well, in what is known of the run. What cut it may have to wait here, and the
// state must not tell which of both came first.
void Sequence::keep_halves_apart(const LooseRun& run) {
  if (run.text.size() == run.length) return;
  std::uint32_t units = 0;
  std::size_t from = 0;
  for (std::size_t at; (at = run.text.find(kReplacement, from)) != std::string_view::npos;
       from = at + kReplacement.size()) {
    units += measure(run.text.substr(from, at - from)).units;
    keep_apart(run.id.plus(units));
    keep_apart(run.id.plus(++units));
  }
}

void Sequence::keep_apart(UnitId unit) {
  if (integrated(unit)) {
    if (!lists_ || lists_->list_of(unit) != kGone) keep_pair_apart(unit);
    return;
  }
  auto at = waiting_.upper_bound(unit.key());
  if (at == waiting_.begin()) return;
  --at;
  const std::string& text = at->second.text;
  const std::uint64_t offset = unit.key() - at->first;
  if (offset == 0 || offset >= at->second.length || text.size() <= at->second.length) return;
  const auto units = static_cast<std::uint32_t>(offset);
  if (measure_units(text.data(), units).units < units) cut_waiting(at, units);
}

// Takes a run of which any part may be known, or deleted already.
void Sequence::offer(LooseRun run) {
  keep_halves_apart(run);
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
  if (run.list == kGone) drop_waiting(run.id.key(), run.id.key() + run.length);
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
                          Waiting{length, part.left, part.right, std::string(part.text), part.list});
    if (part.contents != nullptr) lists_->keep(part.id, part.text, part.contents);
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
        erase_integrated(id_of(at->first), at->second.length);
      } else {
        keep_halves_apart({id_of(at->first), at->second.length, kNoId, kNoId, at->second.text});
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
      LooseRun run{id_of(waiter), at->second.length, at->second.left, at->second.right, at->second.text,
                   at->second.list};
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
  LooseRun run{id_of(at->first), at->second.length, at->second.left, at->second.right, at->second.text,
               at->second.list};
  std::string first_text;
  std::string rest_text;
  LooseRun first = first_of(run, units, first_text);
  LooseRun rest = rest_of(run, units, rest_text);
  waiting_bytes_ += first.text.size() + rest.text.size() - run.text.size();
  auto second = waiting_.emplace_hint(
      std::next(at), rest.id.key(),
      Waiting{rest.length, rest.left, rest.right, std::string(rest.text), rest.list});
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
  if (lists_) return erase_in_lists(id, length);
  erase_visible(id, length);
}

// Deletes those of the units that are visible; all of them stand in the tree.
void Sequence::erase_visible(UnitId id, std::uint32_t length) {
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
    if (lists_) lists_->forget(id_of(at->first), at->second.length);
  }
}

// Takes out what waits in the range: its units are gone.
void Sequence::drop_waiting(std::uint64_t key, std::uint64_t end) {
  auto at = waiting_.upper_bound(key);
  if (at != waiting_.begin()) --at;
  while (at != waiting_.end() && at->first < end) {
    std::uint64_t own_end = at->first + at->second.length;
    if (own_end <= key || at->second.list == kGone) {
      ++at;
      continue;
    }
    if (at->first < key) at = cut_waiting(at, static_cast<std::uint32_t>(key - at->first));
    if (own_end > end) cut_waiting(at, static_cast<std::uint32_t>(end - at->first));
    waiting_bytes_ -= at->second.text.size();
    lists_->forget(id_of(at->first), at->second.length);
    at = waiting_.erase(at);
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

}  // namespace converge

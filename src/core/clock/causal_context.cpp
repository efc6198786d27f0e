#include "core/clock/causal_context.h"

#include <algorithm>

namespace converge {

namespace {

bool ends_before(const DotInterval& interval, Dot dot) {
  return interval.replica < dot.replica ||
         (interval.replica == dot.replica && interval.last < dot.counter);
}

bool starts_before(const DotInterval& a, const DotInterval& b) {
  return a.replica < b.replica || (a.replica == b.replica && a.first < b.first);
}

}  // namespace

bool CausalContext::contains(Dot dot) const {
  auto at = intervals_.first_not([&](const DotInterval& i) { return ends_before(i, dot); });
  return at != intervals_.end() && at->replica == dot.replica && at->first <= dot.counter;
}

std::uint64_t CausalContext::count() const {
  std::uint64_t count = 0;
  for (const DotInterval& interval : intervals_) {
    std::uint64_t length = interval.last - interval.first + 1;
    count = count + length < count ? ~std::uint64_t{0} : count + length;
  }
  return count;
}

std::uint64_t CausalContext::last(ReplicaId replica) const {
  auto after = intervals_.first_not([&](const DotInterval& i) { return i.replica <= replica; });
  if (after == intervals_.begin()) return 0;
  auto at = intervals_.previous(after);
  return at->replica == replica ? at->last : 0;
}

Result<Dot> CausalContext::mint(ReplicaId replica) {
  if (replica >= kReplicaLimit) {
    return Error{ErrorCode::out_of_range, "replica is out of range",
                 std::to_string(replica) + ", the limit is 2^53 - 1"};
  }
  Dot dot{replica, last(replica) + 1};
  if (dot.counter >= kCounterLimit) {
    return Error{ErrorCode::out_of_range, "replica has no edits left",
                 "replica " + std::to_string(replica) + " made 2^53 - 1 of them"};
  }
  add(dot);
  return dot;
}

void CausalContext::append(DotInterval interval) {
  if (!intervals_.empty()) {
    DotInterval& last = intervals_.back();
    if (last.replica == interval.replica && interval.first <= last.last + 1) {
      last.last = std::max(last.last, interval.last);
      return;
    }
  }
  intervals_.push_back(interval);
}

void CausalContext::add(DotInterval interval) {
  // The first interval that it overlaps or touches, if any.
  const Dot before{interval.replica, interval.first - 1};
  auto at = intervals_.first_not([&](const DotInterval& i) { return ends_before(i, before); });
  if (at == intervals_.end() || at->replica != interval.replica ||
      at->first > interval.last + 1) {
    intervals_.insert(at, interval);
    return;
  }
  DotInterval& joined = intervals_.value_at(at);
  joined.first = std::min(joined.first, interval.first);
  if (interval.last <= joined.last) return;
  joined.last = interval.last;
  // What it reaches now. Erasing behind `joined` leaves it where it is.
  for (auto next = std::next(at); next != intervals_.end() && next->replica == joined.replica &&
                                  next->first <= joined.last + 1;) {
    joined.last = std::max(joined.last, next->last);
    next = intervals_.erase(next);
  }
}

void CausalContext::merge(const CausalContext& other) {
  if (other.intervals_.size() <= 4 || other.intervals_.size() * 16 < intervals_.size()) {
    for (const DotInterval& interval : other.intervals_) add(interval);
    return;
  }
  CausalContext merged;
  auto mine = intervals_.begin();
  auto theirs = other.intervals_.begin();
  while (mine != intervals_.end() || theirs != other.intervals_.end()) {
    bool take_mine = theirs == other.intervals_.end() ||
                     (mine != intervals_.end() && starts_before(*mine, *theirs));
    merged.append(take_mine ? *mine++ : *theirs++);
  }
  *this = std::move(merged);
}

CausalContext CausalContext::minus(const CausalContext& other) const {
  CausalContext left;
  auto cut = other.intervals_.begin();
  for (DotInterval interval : intervals_) {
    while (cut != other.intervals_.end() &&
           ends_before(*cut, Dot{interval.replica, interval.first})) {
      ++cut;
    }
    // Intervals are disjoint, so a cut that reaches beyond this one is kept for the next.
    for (auto at = cut; at != other.intervals_.end() && at->replica == interval.replica &&
                        at->first <= interval.last && interval.first <= interval.last;
         ++at) {
      if (at->first > interval.first) {
        left.append(DotInterval{interval.replica, interval.first, at->first - 1});
      }
      interval.first = at->last + 1;
    }
    if (interval.first <= interval.last) left.append(interval);
  }
  return left;
}

CausalContext CausalContext::minus(const VersionVector& covered) const {
  CausalContext cut;
  for (const auto& entry : covered.entries()) {
    cut.intervals_.push_back(DotInterval{entry.replica, 1, entry.counter});
  }
  return minus(cut);
}

VersionVector CausalContext::version() const {
  VersionVector version;
  for (const DotInterval& interval : intervals_) {
    if (interval.first == 1) version.set(interval.replica, interval.last);
  }
  return version;
}

std::uint64_t CausalContext::version_of(ReplicaId replica) const {
  auto at = intervals_.first_not([&](const DotInterval& i) { return i.replica < replica; });
  const bool from_the_first =
      at != intervals_.end() && at->replica == replica && at->first == 1;
  return from_the_first ? at->last : 0;
}

std::vector<ReplicaId> CausalContext::replicas() const {
  std::vector<ReplicaId> replicas;
  for (const DotInterval& interval : intervals_) {
    if (replicas.empty() || replicas.back() != interval.replica) {
      replicas.push_back(interval.replica);
    }
  }
  return replicas;
}

void CausalContext::encode(std::string& out) const {
  std::uint64_t replicas = 0;
  const DotInterval* previous = nullptr;
  for (const DotInterval& interval : intervals_) {
    replicas += previous == nullptr || previous->replica != interval.replica;
    previous = &interval;
  }
  append_varint(out, replicas);
  ReplicaId before = 0;
  for (auto at = intervals_.begin(); at != intervals_.end();) {
    auto end = at;
    std::uint64_t count = 0;
    for (; end != intervals_.end() && end->replica == at->replica; ++end) ++count;
    append_varint(out, at->replica - before);
    append_varint(out, count - 1);
    before = at->replica;
    std::uint64_t next = 1;  // the least counter the interval can begin with
    for (; at != end; ++at) {
      append_varint(out, at->first - next);
      append_varint(out, at->last - at->first);
      next = at->last + 2;
    }
  }
}

CausalContext CausalContext::decode(Reader& in) {
  CausalContext read;
  const std::size_t replicas = in.count(4);
  ReplicaId replica = 0;
  for (std::size_t r = 0; r < replicas && !in.failed(); ++r) {
    std::uint64_t step = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    replica += step;
    if (step == 0 && r > 0) in.fail("a replica comes twice");
    if (replica >= kReplicaLimit) in.fail("a replica is not below 2^53");
    const std::uint64_t more = in.varint();
    if (more >= in.remaining() / 2 || read.intervals_.size() + more >= kMaxIntervals) {
      in.fail("too many intervals");
    }
    std::uint64_t next = 1;
    for (std::uint64_t i = 0; i <= more && !in.failed(); ++i) {
      const std::uint64_t first =
          next + in.varint_below(kCounterLimit, "a counter is not below 2^53");
      const std::uint64_t last =
          first + in.varint_below(kCounterLimit, "a counter is not below 2^53");
      if (last >= kCounterLimit) in.fail("a counter is not below 2^53");
      read.intervals_.push_back(DotInterval{replica, first, last});
      next = last + 2;
    }
  }
  return read;
}

std::size_t replica_index(const std::vector<ReplicaId>& replicas, ReplicaId replica) {
  return static_cast<std::size_t>(
      std::lower_bound(replicas.begin(), replicas.end(), replica) - replicas.begin());
}

}  // namespace converge

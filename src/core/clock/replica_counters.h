// A counter for each replica: the common shape of version_vector and
// log_version. A replica that is not named stands at 0.
//
// Encoding: the kind's byte, then for each replica, ascending, two varints: the
// distance from the replica before (from 0 for the first), and its counter,
// at least 1. No count: the bytes end it. No bytes at all are read as the empty
// one, so that an unset field of a message means it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/replica.h"
#include "core/result.h"

namespace converge {

// How two partially ordered things stand to each other.
enum class Order : std::uint8_t { equal, before, after, concurrent };

// More replicas than this are refused by decode, parse and tick. (One entry
// costs at least two bytes, so that this is 2 MB to 16 MB of encoding.)
inline constexpr std::size_t kMaxReplicas = std::size_t{1} << 20;

namespace detail {
Error malformed_counters(std::string_view what, std::string detail);
// Reads `{"replica": counter, …}`; calls take(replica, counter) for each.
Result<void> parse_counters(std::string_view what, std::string_view text,
                            std::vector<std::pair<ReplicaId, std::uint64_t>>& read);
}  // namespace detail

// Kind has `static constexpr std::string_view name` and
// `static constexpr std::uint8_t tag`.
template <class Kind>
class ReplicaCounters {
 public:
  struct Entry {
    ReplicaId replica = 0;
    std::uint64_t counter = 0;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };

  // Ascending by replica, every counter at least 1.
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  std::uint64_t get(ReplicaId replica) const {
    auto at = lower_bound(replica);
    return at != entries_.end() && at->replica == replica ? at->counter : 0;
  }

  // Sets the counter; 0 takes the replica out.
  void set(ReplicaId replica, std::uint64_t counter) {
    auto at = entries_.begin() + (lower_bound(replica) - entries_.cbegin());
    bool found = at != entries_.end() && at->replica == replica;
    if (counter == 0) {
      if (found) entries_.erase(at);
    } else if (found) {
      at->counter = counter;
    } else {
      entries_.insert(at, Entry{replica, counter});
    }
  }

  // Sets the counter unless it stands higher already.
  void raise(ReplicaId replica, std::uint64_t counter) {
    if (counter > get(replica)) set(replica, counter);
  }

  // The replica's next counter, which is taken with this.
  // Errors: out_of_range when the counter or the number of replicas is at its limit.
  Result<std::uint64_t> tick(ReplicaId replica) {
    std::uint64_t next = get(replica) + 1;
    if (replica >= kReplicaLimit || next >= kCounterLimit ||
        (next == 1 && entries_.size() >= kMaxReplicas)) {
      return Error{ErrorCode::out_of_range, std::string(Kind::name) + " has no room for another tick",
                   "replica " + std::to_string(replica) + " stands at " + std::to_string(next - 1) +
                       ", the limit is 2^53 - 1"};
    }
    set(replica, next);
    return next;
  }

  // The greater counter for each replica.
  void merge(const ReplicaCounters& other) {
    // Mostly both name the same replicas: then nothing moves.
    auto mine = entries_.begin();
    auto theirs = other.entries_.begin();
    while (mine != entries_.end() && theirs != other.entries_.end() &&
           mine->replica == theirs->replica) {
      mine->counter = std::max(mine->counter, theirs->counter);
      ++mine;
      ++theirs;
    }
    if (theirs == other.entries_.end()) return;
    std::vector<Entry> merged;
    merged.reserve(entries_.size() + static_cast<std::size_t>(other.entries_.end() - theirs));
    merged.assign(entries_.begin(), mine);
    while (mine != entries_.end() && theirs != other.entries_.end()) {
      if (mine->replica < theirs->replica) {
        merged.push_back(*mine++);
      } else if (theirs->replica < mine->replica) {
        merged.push_back(*theirs++);
      } else {
        merged.push_back(Entry{mine->replica, std::max(mine->counter, theirs->counter)});
        ++mine;
        ++theirs;
      }
    }
    merged.insert(merged.end(), mine, entries_.end());
    merged.insert(merged.end(), theirs, other.entries_.end());
    entries_ = std::move(merged);
  }

  // How this stands to `other`: `before` when other has all of this and more.
  Order compare(const ReplicaCounters& other) const {
    bool more = false;
    bool less = false;
    auto mine = entries_.begin();
    auto theirs = other.entries_.begin();
    while (mine != entries_.end() || theirs != other.entries_.end()) {
      if (theirs == other.entries_.end() ||
          (mine != entries_.end() && mine->replica < theirs->replica)) {
        more = true;
        ++mine;
      } else if (mine == entries_.end() || theirs->replica < mine->replica) {
        less = true;
        ++theirs;
      } else {
        more |= mine->counter > theirs->counter;
        less |= mine->counter < theirs->counter;
        ++mine;
        ++theirs;
      }
      if (more && less) return Order::concurrent;
    }
    if (more) return Order::after;
    return less ? Order::before : Order::equal;
  }

  // Whether no replica stands lower here than in `other`.
  bool includes(const ReplicaCounters& other) const {
    Order order = compare(other);
    return order == Order::equal || order == Order::after;
  }

  bool covers(Dot dot) const { return dot.counter <= get(dot.replica); }

  std::string encode() const {
    std::string out;
    out.reserve(1 + entries_.size() * 10);
    out.push_back(static_cast<char>(Kind::tag));
    ReplicaId before = 0;
    for (const Entry& entry : entries_) {
      append_varint(out, entry.replica - before);
      append_varint(out, entry.counter);
      before = entry.replica;
    }
    return out;
  }

  // Errors: malformed, too_large.
  static Result<ReplicaCounters> decode(std::string_view bytes) {
    ReplicaCounters read;
    if (bytes.empty()) return read;
    Reader in(bytes);
    if (in.byte() != Kind::tag) in.fail("its first byte names something else");
    ReplicaId replica = 0;
    while (!in.failed() && !in.at_end()) {
      std::uint64_t step = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
      std::uint64_t counter = in.varint_below(kCounterLimit, "a counter is not below 2^53");
      replica += step;
      if (step == 0 && !read.entries_.empty()) in.fail("a replica comes twice");
      if (counter == 0) in.fail("a counter is 0");
      if (replica >= kReplicaLimit) in.fail("a replica is not below 2^53");
      if (read.entries_.size() >= kMaxReplicas) {
        return Error{ErrorCode::too_large, std::string(Kind::name) + " names too many replicas",
                     "the limit is " + std::to_string(kMaxReplicas)};
      }
      read.entries_.push_back(Entry{replica, counter});
    }
    if (in.failed()) return in.error(Kind::name);
    return read;
  }

  // `{"7": 3, "19": 1}`, ascending by replica; `{}` when empty.
  std::string to_text() const {
    std::string out = "{";
    for (const Entry& entry : entries_) {
      if (out.size() > 1) out += ", ";
      out += "\"" + std::to_string(entry.replica) + "\": " + std::to_string(entry.counter);
    }
    return out + "}";
  }

  // The inverse of to_text; spaces and the order do not matter, a counter of 0
  // is the same as none, a replica may come once. Errors: malformed, too_large.
  static Result<ReplicaCounters> parse(std::string_view text) {
    std::vector<std::pair<ReplicaId, std::uint64_t>> pairs;
    if (auto done = detail::parse_counters(Kind::name, text, pairs); !done) return done.error();
    std::sort(pairs.begin(), pairs.end());
    ReplicaCounters read;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0 && pairs[i].first == pairs[i - 1].first) {
        return detail::malformed_counters(
            Kind::name, "replica " + std::to_string(pairs[i].first) + " comes twice");
      }
      if (pairs[i].second > 0) read.entries_.push_back(Entry{pairs[i].first, pairs[i].second});
    }
    return read;
  }

  friend bool operator==(const ReplicaCounters&, const ReplicaCounters&) = default;

 private:
  typename std::vector<Entry>::const_iterator lower_bound(ReplicaId replica) const {
    return std::lower_bound(entries_.begin(), entries_.end(), replica,
                            [](const Entry& entry, ReplicaId id) { return entry.replica < id; });
  }

  std::vector<Entry> entries_;
};

}  // namespace converge

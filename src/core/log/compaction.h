// What compaction may drop from a document's log. What it drops it has joined
// into the document's snapshot first, so that a state always holds it.
//
// Of each replica's changes a prefix goes, so that the rest still has no gap and
// one number, the last that went, says what is missing. The prefix ends before
// the first change that
//
//   - is not settled: a transaction that began before it may still be running,
//     and nothing may depend on the order in which such transactions end;
//   - is not folded into the row yet, because the fold reads it from the log;
//   - is younger than what is to be kept;
//   - has to stay: a refusal, whose verdict a resend must get again, a deletion,
//     which no state holds, and what waits in quarantine.
//
// The number at which it ends is never taken from another replica, from a clock
// or from the highest number seen: a commit that comes late could lie below.
#pragma once

#include <cstdint>

namespace converge {

// How far back transactions may still be running, and the server's epoch.
struct SettledBelow {
  std::uint64_t oldest_running;  // the least transaction number that is in progress
  std::int64_t epoch;
};

// Whether every transaction that could come before the change's has ended.
// Transaction numbers of a past epoch may be another server's.
constexpr bool is_settled(std::uint64_t transaction, std::int64_t epoch, const SettledBelow& bound) {
  return epoch < bound.epoch || transaction < bound.oldest_running;
}

// What compaction asks of a logged change.
struct CompactionCandidate {
  std::uint64_t seq;
  bool settled;
  bool stays;
  std::int64_t recorded_at;  // of any one clock
};

// The end of one replica's prefix.
class CompactionCut {
 public:
  // Changes up to `compacted` are gone already, those up to `folded` are in the
  // row, and what was recorded at `keep_from` or later stays.
  constexpr CompactionCut(std::uint64_t compacted, std::uint64_t folded, std::int64_t keep_from)
      : last_(compacted), folded_(folded), keep_from_(keep_from) {}

  // Whether the change goes. Ask in the order of the numbers: after the first
  // that stays, or a number that is not the next, none goes.
  constexpr bool drops(const CompactionCandidate& change) {
    if (ended_ || change.seq != last_ + 1 || change.seq > folded_ || !change.settled || change.stays ||
        change.recorded_at >= keep_from_) {
      ended_ = true;
      return false;
    }
    last_ = change.seq;
    return true;
  }

  // The last number that is gone, 0 if none.
  constexpr std::uint64_t last() const { return last_; }

 private:
  std::uint64_t last_;
  std::uint64_t folded_;
  std::int64_t keep_from_;
  bool ended_ = false;
};

}  // namespace converge

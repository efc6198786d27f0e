// Which edits a state has seen, whether anything is left of them or not: for
// each replica a set of counters, kept as intervals, since deltas may arrive in
// any order. (Almeida, Shoker, Baquero: Delta State Replicated Data Types, 2018.)
//
// Encoding: the number of replicas; then for each, ascending: the distance from
// the replica before (from 0 for the first), its number of intervals less one,
// and for each interval two varints: how many counters are missing before it
// (at least 1 but for the first), less one where that is certain, and its
// length less one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/codec/reader.h"
#include "core/container/sorted_chunks.h"
#include "core/replica.h"

namespace converge {

// More intervals than this are refused by decode; merges report it.
inline constexpr std::size_t kMaxIntervals = std::size_t{1} << 20;

// The counters first to last, both included, of one replica.
struct DotInterval {
  ReplicaId replica = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  friend bool operator==(const DotInterval&, const DotInterval&) = default;
};

class CausalContext {
 public:
  // Ascending by replica and counter; no two touch.
  const SortedChunks<DotInterval>& intervals() const { return intervals_; }
  bool empty() const { return intervals_.empty(); }
  bool contains(Dot dot) const;

  // How many edits it has seen.
  std::uint64_t count() const;

  // The greatest counter seen of the replica, 0 if none.
  std::uint64_t last(ReplicaId replica) const;

  // A dot for the replica's next edit, which is added.
  // Errors: out_of_range for a replica or counter at the limit.
  Result<Dot> mint(ReplicaId replica);

  void add(Dot dot) { add(DotInterval{dot.replica, dot.counter, dot.counter}); }
  void add(DotInterval interval);
  void merge(const CausalContext& other);

  // What is here and not in the other; not in the version.
  CausalContext minus(const CausalContext& other) const;
  CausalContext minus(const VersionVector& covered) const;

  // For each replica the last counter before the first hole.
  VersionVector version() const;

  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const;

  // The replicas that are named, ascending.
  std::vector<ReplicaId> replicas() const;

  void encode(std::string& out) const;
  // Failures stick to the reader.
  static CausalContext decode(Reader& in);

  friend bool operator==(const CausalContext&, const CausalContext&) = default;

 private:
  void append(DotInterval interval);  // at the end, joining it to the last one

  SortedChunks<DotInterval> intervals_;
};

// The place of `replica` in an ascending list; it must be there.
std::size_t replica_index(const std::vector<ReplicaId>& replicas, ReplicaId replica);

}  // namespace converge

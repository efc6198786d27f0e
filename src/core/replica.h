// Who wrote something, and which of its edits it was.
#pragma once

#include <compare>
#include <cstdint>

namespace converge {

// Names one writer: random, below 2^53 so that every language can hold it.
using ReplicaId = std::uint64_t;
inline constexpr ReplicaId kReplicaLimit = ReplicaId{1} << 53;

// Counters and sequence numbers stay below the same limit for the same reason.
inline constexpr std::uint64_t kCounterLimit = std::uint64_t{1} << 53;

// One edit: the `counter`-th (from 1) that `replica` made on one field.
struct Dot {
  ReplicaId replica = 0;
  std::uint64_t counter = 0;

  friend auto operator<=>(const Dot&, const Dot&) = default;
};

}  // namespace converge

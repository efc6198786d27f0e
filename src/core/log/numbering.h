// What push() decides about a change by its number alone, before it looks at the
// content. A replica's changes of a document are numbered from 1 without gaps; a
// refusal ends the replica there, at the number that was refused.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock/log_version.h"
#include "core/replica.h"

namespace converge {

// What the server knows of a replica on a document.
struct ReplicaRecord {
  std::uint64_t last = 0;          // its greatest number: in the log, or remembered from before compaction; 0: none
  std::uint64_t refused_from = 0;  // this number and all above are refused; 0: none is
};

enum class NumberPlace : std::uint8_t {
  next,           // to be applied, or refused, and then taken
  taken,          // by this change or by another one: resolve_taken() tells
  after_refused,  // the replica has ended
  gap,            // expected_number() has to come first
};

constexpr NumberPlace place_of(const ReplicaRecord& replica, std::uint64_t seq) {
  if (seq <= replica.last) return NumberPlace::taken;
  if (replica.refused_from != 0) return NumberPlace::after_refused;
  return seq == replica.last + 1 ? NumberPlace::next : NumberPlace::gap;
}

// The number that the replica's next change has to have.
constexpr std::uint64_t expected_number(const ReplicaRecord& replica) { return replica.last + 1; }

enum class TakenBy : std::uint8_t {
  same,          // a duplicate: as good as applied
  same_refused,  // it was refused before: the verdict is the one from then
  other,         // equivocation: two histories under one name, and the replica has to end
};

// `known` is what was hashed when the number was taken, empty if nobody
// remembers: the log is compacted there, and the number is not the replica's last
// one, whose hash is kept. Such a change counts as the same.
constexpr TakenBy resolve_taken(std::string_view known, bool was_refused, std::string_view hash) {
  if (!known.empty() && known != hash) return TakenBy::other;
  return was_refused ? TakenBy::same_refused : TakenBy::same;
}

// How far a client's clock may lie ahead of the server's.
inline constexpr std::uint64_t kMaxClockAheadMs = 60'000;

constexpr bool clock_lies_ahead(std::uint64_t hlc, std::uint64_t now_ms) {
  return (hlc >> 16) > now_ms + kMaxClockAheadMs;
}

// Whether a packet that expects the document at `expected` may be applied where
// it stands at `present`: nobody but the packet's own replica has written what
// its author had not seen. (Its own earlier changes are known to it in any case.)
// A packet of which every change is a duplicate is not asked.
inline bool meets_expectation(const LogVersion& expected, const LogVersion& present, ReplicaId own) {
  for (const LogVersion::Entry& entry : present.entries()) {
    if (entry.replica != own && entry.counter > expected.get(entry.replica)) return false;
  }
  return true;
}

}  // namespace converge

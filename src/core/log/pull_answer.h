// What a client gets that says which changes it has: those that it lacks, a range
// for each replica, or the document's state where that is smaller or the log does
// not reach back so far.
#pragma once

#include <cstddef>
#include <cstdint>

namespace converge {

// Whether the log has every change of a replica after `since`, when numbers up to
// `compacted` are gone from it.
constexpr bool log_reaches(std::uint64_t since, std::uint64_t compacted) { return since >= compacted; }

// Adds up what the ranges take on the wire and compares it with the state.
class RangeSize {
 public:
  // Of a change beside its payload, about.
  static constexpr std::size_t kChangeOverhead = 32;

  constexpr explicit RangeSize(std::size_t state_bytes) : left_(state_bytes) {}

  // Whether `count` more changes could be smaller than the state at all: asked
  // before they are read.
  constexpr bool has_room_for(std::uint64_t count) const { return count <= left_ / kChangeOverhead; }

  // Takes a change in. False: the state is smaller, send that.
  constexpr bool add(std::size_t payload_bytes) {
    const std::size_t size = payload_bytes + kChangeOverhead;
    if (size > left_) return false;
    left_ -= size;
    return true;
  }

 private:
  std::size_t left_;
};

}  // namespace converge

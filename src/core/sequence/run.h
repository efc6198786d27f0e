// The unit of storage of the sequence engine: a stretch of units with
// consecutive clocks of one client, next to each other in the document.
#pragma once

#include <cstdint>

namespace converge {

// A replica as the engine knows it: an index into the sequence's client table.
using ClientIndex = std::uint32_t;

// Names one UTF-16 unit. kNoId stands for "the edge of the document".
struct UnitId {
  ClientIndex client = 0xffff'ffff;
  std::uint32_t clock = 0xffff'ffff;

  bool none() const { return client == 0xffff'ffff; }
  std::uint64_t key() const { return (std::uint64_t{client} << 32) | clock; }
  UnitId plus(std::uint32_t units) const { return {client, clock + units}; }
  UnitId before() const { return {client, clock - 1}; }

  friend bool operator==(const UnitId&, const UnitId&) = default;
};

inline constexpr UnitId kNoId{};

// The client of the runs that begin lists (lists.h).
inline constexpr ClientIndex kHeads = 0xffff'fffe;

// Every unit but the first has the unit before it as its left origin, and all
// have the same right origin. A visible run holds text (bytes > 0), which lies
// in its leaf; a deleted one holds none.
struct Run {
  UnitId id;
  std::uint32_t length = 0;  // in units
  UnitId left;
  UnitId right;
  std::uint16_t bytes = 0;
  std::uint16_t chars = 0;
  std::uint32_t handle = 0;  // its entry in the run index

  bool visible() const { return bytes > 0; }
  bool head() const { return id.client == kHeads; }
  bool ascii() const { return bytes == length; }
  std::uint32_t end() const { return id.clock + length; }
  UnitId last() const { return {id.client, end() - 1}; }
  bool contains(UnitId unit) const {
    return unit.client == id.client && unit.clock - id.clock < length;
  }
};

// Whether b, standing right of a, says no more than a longer a would.
inline bool continues(const Run& a, const Run& b) {
  return b.id == a.id.plus(a.length) && b.left == a.last() && b.right == a.right &&
         a.visible() == b.visible();
}

}  // namespace converge

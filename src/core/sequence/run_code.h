// One run as bits (docs/internals.md describes them): what is written of it, apart
// from what the runs before it imply.
//
//   00   begins a chain, visible         01   begins a chain, deleted
//   100  goes on, 1 back, deleted        101  goes on, 0 back, visible
//   1100 goes on, 1 back, visible        1101 goes on, 2 back, deleted
//   1110 goes on, 0 back, deleted
//   111100 goes on: golomb 0 of how far back, a bit for deleted
//   111101 begins a chain of another replica: its number, a bit for deleted
//   111110 an origin is written out: what of, then one of the above
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/sequence/bits.h"
#include "core/sequence/run.h"

namespace converge {

// What is written out of an origin: two bits each, left then right.
enum class OriginCode : std::uint8_t {
  implied = 0,
  further_back = 1,  // left only: the run so many further back on the stack
  edge = 2,          // none
  by_id = 3,         // replica's number and clock
};

struct RunCode {
  OriginCode left = OriginCode::implied;
  OriginCode right = OriginCode::implied;
  bool deleted = false;
  bool goes_on = false;        // else it begins a chain
  bool names_replica = false;  // begins one of another replica than the run before
  std::uint32_t back = 0;      // goes on: so far back on the stack; else `further_back`
  ClientIndex client = 0;      // where it names a replica
  std::uint32_t step = 0;      // begins a chain: zigzag of how far its number is from
                               // the one after its replica's last
  std::uint32_t length = 0;
  UnitId left_id;              // where an origin is by_id
  UnitId right_id;

  friend bool operator==(const RunCode&, const RunCode&) = default;
};

// How far back on the stack an encoder looks for a unit.
inline constexpr std::uint32_t kStackReach = 64;

// Bits of a replica's number.
inline unsigned replica_width(std::size_t replicas) {
  return static_cast<unsigned>(std::bit_width(replicas - 1));
}

namespace run_code {

inline constexpr unsigned kGoesOn = 0b111100;
inline constexpr unsigned kOtherReplica = 0b111101;
inline constexpr unsigned kOrigins = 0b111110;

inline constexpr unsigned kLengthOrder = 1;  // of the Exp-Golomb codes
inline constexpr unsigned kChainOrder = 3;
inline constexpr unsigned kClockOrder = 10;

// By the first four bits.
struct Kind {
  std::uint8_t bits;
  bool goes_on;
  bool deleted;
  std::uint8_t back;
};
inline constexpr Kind kKinds[15] = {
    {2, false, false, 0}, {2, false, false, 0}, {2, false, false, 0}, {2, false, false, 0},
    {2, false, true, 0},  {2, false, true, 0},  {2, false, true, 0},  {2, false, true, 0},
    {3, true, true, 1},   {3, true, true, 1},   {3, true, false, 0},  {3, true, false, 0},
    {4, true, false, 1},  {4, true, true, 2},   {4, true, true, 0}};

}  // namespace run_code

// `width`: replica_width of the table.
inline void write_run_code(BitWriter& bits, const RunCode& code, unsigned width) {
  using namespace run_code;
  auto put_id = [&](UnitId id) {
    bits.put(id.client, width);
    bits.golomb(id.clock, kClockOrder);
  };
  if (code.left != OriginCode::implied || code.right != OriginCode::implied) {
    bits.put(kOrigins << 4 | static_cast<unsigned>(code.left) << 2 | static_cast<unsigned>(code.right),
             10);
    if (code.left == OriginCode::further_back) bits.golomb(code.back, 0);
    if (code.left == OriginCode::by_id) put_id(code.left_id);
    if (code.right == OriginCode::by_id) put_id(code.right_id);
  }
  if (code.goes_on) {
    static constexpr struct {
      std::uint8_t bits;
      std::uint8_t count;
    } kCodes[6] = {{0b101, 3}, {0b1110, 4}, {0b1100, 4}, {0b100, 3}, {0, 0}, {0b1101, 4}};
    const std::uint32_t kind = code.back << 1 | static_cast<unsigned>(code.deleted);
    if (kind < 6 && kCodes[kind].count > 0) {
      bits.put(kCodes[kind].bits, kCodes[kind].count);
    } else {
      bits.put(kGoesOn, 6);
      bits.golomb(code.back, 0);
      bits.put(code.deleted, 1);
    }
  } else {
    if (code.names_replica) {
      bits.put(kOtherReplica, 6);
      bits.put(code.client, width);
      bits.put(code.deleted, 1);
    } else {
      bits.put(code.deleted, 2);
    }
    bits.golomb(code.step, kChainOrder);
  }
  bits.golomb(code.length - 1, kLengthOrder);
}

namespace run_code {

// Takes a code off the front of a window; false, or nonsense, if it is long.
inline bool take_golomb(std::uint64_t& window, unsigned& used, unsigned k, std::uint32_t& value) {
  const auto zeros = static_cast<unsigned>(std::countl_zero(window | 1));
  if (zeros > 24) return false;
  const unsigned total = 2 * zeros + 1 + k;
  value = static_cast<std::uint32_t>((window >> (64 - total)) - (std::uint64_t{1} << k));
  window <<= total;
  used += total;
  return true;
}

// What most codes are, all of it read from one window: no origin written out,
// small numbers. False, with nothing taken, if it is another.
inline bool read_short(BitReader& bits, unsigned width, RunCode& code) {
  std::uint64_t window = bits.window();
  unsigned used;
  if (window >> 60 < 15) {
    const Kind& kind = kKinds[window >> 60];
    used = kind.bits;
    code.deleted = kind.deleted;
    code.goes_on = kind.goes_on;
    code.back = kind.back;
    code.names_replica = false;
  } else if (window >> 58 == kOtherReplica && width > 0) {
    used = 6 + width + 1;
    code.client = static_cast<ClientIndex>(window << 6 >> (64 - width));
    code.deleted = (window >> (64 - used) & 1) != 0;
    code.goes_on = false;
    code.back = 0;
    code.names_replica = true;
  } else {
    return false;
  }
  window <<= used;
  code.left = code.right = OriginCode::implied;
  if (!code.goes_on && !take_golomb(window, used, kChainOrder, code.step)) return false;
  if (!take_golomb(window, used, kLengthOrder, code.length)) return false;
  ++code.length;
  if (used > BitReader::kWindow) return false;
  bits.skip(used);
  return true;
}

}  // namespace run_code

// Reads what write_run_code() wrote. Gives null, or what is wrong with it; whether
// replicas are in the table and the bits were there at all, the caller asks.
inline const char* read_run_code(BitReader& bits, unsigned width, RunCode& code) {
  using namespace run_code;
  if (read_short(bits, width, code)) return nullptr;
  code.left = code.right = OriginCode::implied;
  code.names_replica = false;
  if (bits.peek(6) == kOrigins) {
    bits.skip(6);
    code.left = static_cast<OriginCode>(bits.take(2));
    code.right = static_cast<OriginCode>(bits.take(2));
    if ((code.left == OriginCode::implied && code.right == OriginCode::implied) ||
        code.right == OriginCode::further_back) {
      return "it writes out no origin";
    }
    auto take_id = [&](UnitId& id) {
      id.client = bits.take(width);
      id.clock = bits.golomb(kClockOrder);
    };
    if (code.left == OriginCode::further_back) {
      code.back = bits.golomb(0);
      if (code.back == 0) return "it writes out no origin";
    }
    if (code.left == OriginCode::by_id) take_id(code.left_id);
    if (code.right == OriginCode::by_id) take_id(code.right_id);
  }
  const std::uint32_t ahead = bits.peek(6);
  if (ahead >> 2 < 15) {
    const Kind& kind = kKinds[ahead >> 2];
    bits.skip(kind.bits);
    code.deleted = kind.deleted;
    code.goes_on = kind.goes_on;
    if (kind.goes_on) code.back = kind.back;
  } else {
    bits.skip(6);
    if (ahead == kGoesOn) {
      code.goes_on = true;
      code.back = bits.golomb(0);
      code.deleted = bits.take(1) != 0;
      if (code.back < 2 || (code.back == 2 && code.deleted)) {
        return "a run is written longer than need be";
      }
    } else if (ahead == kOtherReplica) {
      code.goes_on = false;
      code.names_replica = true;
      code.client = bits.take(width);
      code.deleted = bits.take(1) != 0;
    } else {
      return "a run is of an unknown kind";
    }
  }
  if (code.goes_on) {
    if (code.left != OriginCode::implied) return "a run that goes on writes out its left origin";
  } else {
    code.step = bits.golomb(kChainOrder);
  }
  code.length = bits.golomb(kLengthOrder) + 1;
  return nullptr;
}

}  // namespace converge

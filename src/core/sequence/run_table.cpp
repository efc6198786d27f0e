#include "core/sequence/run_table.h"

#include <algorithm>

#include "core/codec/varint.h"
#include "core/sequence/bits.h"
#include "core/sequence/run_code.h"
#include "core/sequence/text.h"

namespace converge {

void RunTable::read(Reader& in, std::size_t replicas, bool positions) {
  const std::uint64_t count = in.varint();
  if (count == 0) in.fail("a section is empty");
  // The shortest run takes five bits.
  if (count / 8 * 5 > in.remaining() || count >= kNone) in.fail("a count exceeds what follows");
  if (replicas == 0) in.fail("a run has no replica");
  if (in.failed()) return;
  size_ = static_cast<std::uint32_t>(count);
  read_chain_counts(in, replicas);
  if (in.failed()) return;
  if (positions) positions_.reset(new std::uint64_t[size_ + std::size_t{1}]);
  const char* why = read_entries(in, replicas);
  if (why == nullptr) why = place_chains(replicas);
  if (why != nullptr) in.fail(why);
}

void RunTable::read_chain_counts(Reader& in, std::size_t replicas) {
  first_chain_.reserve(replicas + 1);
  first_chain_.push_back(0);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < replicas && !in.failed(); ++i) {
    sum += in.varint_below(size_ + std::uint64_t{1}, "a replica has more chains than there are runs");
    if (sum > size_) in.fail("there are more chains than runs");
    first_chain_.push_back(static_cast<std::uint32_t>(sum));
  }
}

const char* RunTable::read_entries(Reader& in, std::size_t replicas) {
  const unsigned width = replica_width(replicas);
  entries_.reset(new Entry[size_]);
  units_.assign(first_chain_.back(), 0);
  std::vector<std::uint32_t> last(replicas, kNone);  // chain of each replica's last run
  BitReader bits(in.rest());
  ClientIndex client = 0;
  // The replica's chains, and its last run's.
  std::uint32_t first = first_chain_[0];
  std::uint32_t end = first_chain_[1];
  auto turn_to = [&](ClientIndex to) {
    client = to;
    first = first_chain_[client];
    end = first_chain_[client + 1];
  };
  RunCode code;
  // The stack is a list through `below`: the run before is always on top.
  for (std::uint32_t run = 0; run < size_; ++run) {
    Entry& entry = entries_[run];
    if (positions_) positions_[run] = bits.position();
    if (const char* why = read_run_code(bits, width, code)) return why;
    std::uint32_t flags = code.deleted ? kDeleted : 0;
    std::uint32_t top = run - 1;  // kNone at first
    if (code.left != OriginCode::implied || code.right != OriginCode::implied) {
      auto note = [&](OriginCode origin, bool left, UnitId id) {
        if (origin == OriginCode::edge) id = kNoId;
        if (origin == OriginCode::by_id && id.client >= replicas) return false;
        if (origin == OriginCode::by_id) flags |= kNamesReplica;
        if (origin == OriginCode::edge || origin == OriginCode::by_id) {
          flags |= left ? kWrittenLeft : kWrittenRight;
          written_.push_back({run, left, id});
        }
        return true;
      };
      if (!note(code.left, true, code.left_id) || !note(code.right, false, code.right_id)) {
        return "a replica's number is not in its table";
      }
    }
    auto pop = [&] {
      entries_[top].taken_by = run;
      top = entries_[top].below;
    };
    if (code.goes_on) {
      for (std::uint32_t back = code.back; back > 0 && top != kNone; --back) pop();
      if (top == kNone) return "a run goes on from none";
      const Entry& before = entries_[top];
      flags |= kGoesOn;
      entry.chain = before.chain;
      entry.offset = before.offset + before.length;
      if (entry.offset != units_[entry.chain]) return "two runs go on from one";
      if (entry.chain < first || entry.chain >= end) turn_to(client_of(entry.chain));
      if (top == run - 1 && (before.flags & kDeleted) == (flags & kDeleted)) {
        joinable_.push_back(run);
      }
    } else {
      if (code.names_replica) {
        if (code.client >= replicas) return "a replica's number is not in its table";
        if (code.client == client) return "a run names the replica of the run before";
        turn_to(code.client);
        flags |= kNamesReplica;
      }
      const std::int64_t number =
          static_cast<std::int32_t>(last[client]) + 1 + unzigzag(code.step);
      if (number < 0 || number >= end - first) return "a chain's number is out of range";
      entry.chain = first + static_cast<std::uint32_t>(number);
      entry.offset = 0;
      if (units_[entry.chain] != 0) return "a chain begins twice";
      while (top != kNone && entries_[top].chain > entry.chain && entries_[top].chain < end) pop();
      if (code.left == OriginCode::further_back) {
        for (std::uint32_t back = code.back; back > 0; --back) {
          if (top == kNone) return "an origin is too far back";
          pop();
        }
      }
    }
    last[client] = entry.chain - first;
    if (code.length == 0 || code.length > kMaxTextClock - units_[entry.chain]) {
      return "a run's length is beyond the limit";
    }
    entry.length = code.length;
    entry.below = top;
    entry.taken_by = kNone;
    entry.flags = flags;
    units_[entry.chain] += code.length;
    if (!code.deleted) visible_ += code.length;
    if (bits.overrun()) return "it ends too early";
  }
  if (positions_) positions_[size_] = bits.position();
  if (!bits.padded_with_zeros()) return "its last bits are not zero";
  bits_ = in.bytes(bits.used_bytes());
  return nullptr;
}

ClientIndex RunTable::client_of(std::uint32_t chain) const {
  auto above = std::upper_bound(first_chain_.begin(), first_chain_.end(), chain);
  return static_cast<ClientIndex>(above - first_chain_.begin()) - 1;
}

// Gives each chain its first clock, after which identifiers are known.
const char* RunTable::place_chains(std::size_t replicas) {
  starts_.resize(chains());
  known_.resize(replicas);
  for (ClientIndex client = 0; client < replicas; ++client) {
    std::uint64_t clock = 0;
    for (std::uint32_t chain = first_chain_[client]; chain < first_chain_[client + 1]; ++chain) {
      if (units_[chain] == 0) return "a chain is missing";
      starts_[chain] = {client, static_cast<std::uint32_t>(clock)};
      clock += units_[chain];
      if (clock > kMaxTextClock) return "a replica's clocks are beyond the limit";
    }
    known_[client] = static_cast<std::uint32_t>(clock);
  }
  for (const WrittenOrigin& origin : written_) {
    if (!origin.id.none() && origin.id.clock >= known_[origin.id.client]) {
      return "an integrated run has an unknown origin";
    }
  }
  for (std::uint32_t run : joinable_) {
    if (right(run) == right(run - 1)) return "two runs could be one";
  }
  return nullptr;
}

const RunTable::WrittenOrigin& RunTable::written_of(std::uint32_t run, bool left) const {
  auto at = std::lower_bound(
      written_.begin(), written_.end(), run,
      [](const WrittenOrigin& origin, std::uint32_t of) { return origin.run < of; });
  return at->left == left ? *at : at[1];
}

UnitId RunTable::left(std::uint32_t run) const {
  const Entry& entry = entries_[run];
  if (entry.flags & kWrittenLeft) return written_of(run, true).id;
  return entry.below == kNone ? kNoId : last(entry.below);
}

UnitId RunTable::right(std::uint32_t run) const {
  const Entry& entry = entries_[run];
  if (entry.flags & kWrittenRight) return written_of(run, false).id;
  return entry.taken_by == kNone ? kNoId : id(entry.taken_by);
}

std::uint32_t RunTable::chain_of(UnitId unit) const {
  const auto above = std::upper_bound(
      starts_.begin() + first_chain_[unit.client], starts_.begin() + first_chain_[unit.client + 1],
      unit.clock, [](std::uint32_t clock, const UnitId& start) { return clock < start.clock; });
  return static_cast<std::uint32_t>(above - starts_.begin()) - 1;
}

std::uint32_t RunTable::find(UnitId unit, std::uint32_t near) const {
  const std::uint32_t chain = chain_of(unit);
  const std::uint32_t offset = unit.clock - starts_[chain].clock;
  auto holds = [&](std::uint32_t run) {
    const Entry& entry = entries_[run];
    return entry.chain == chain && offset - entry.offset < entry.length;
  };
  if (near < size_ && holds(near)) return near;
  if (near + 1 < size_ && holds(near + 1)) return near + 1;
  std::uint32_t run = 0;
  while (!holds(run)) ++run;
  return run;
}

}  // namespace converge

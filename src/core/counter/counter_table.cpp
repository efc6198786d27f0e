#include "core/counter/counter_table.h"

#include <algorithm>
#include <limits>

#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/state_header.h"

namespace converge {

namespace {

// A sum that cannot overflow: at most 2^20 totals of 64 bits each.
__extension__ using Wide = __int128;

void raise(CounterTable::Entry& mine, const CounterTable::Entry& theirs) {
  mine.edits = std::max(mine.edits, theirs.edits);
  mine.up = std::max(mine.up, theirs.up);
  mine.down = std::max(mine.down, theirs.down);
}

bool exceeds(const CounterTable::Entry& a, const CounterTable::Entry& b) {
  return a.edits > b.edits || a.up > b.up || a.down > b.down;
}

Error too_many(FieldType type) {
  return Error{ErrorCode::too_large,
               std::string(field_type_name(type)) + " has no room for more replicas",
               "the limit is " + std::to_string(kMaxEntries)};
}

Wide sum(const std::vector<CounterTable::Entry>& entries) {
  Wide sum = 0;
  for (const auto& entry : entries) sum += static_cast<Wide>(entry.up) - entry.down;
  return sum;
}

bool fits(Wide value) {
  return value >= std::numeric_limits<std::int64_t>::min() &&
         value <= std::numeric_limits<std::int64_t>::max();
}

Error beyond_bigint(FieldType type, Wide value) {
  return Error{ErrorCode::out_of_range,
               std::string(field_type_name(type)) + " is out of range",
               value < 0 ? "its value is below -2^63" : "its value is above 2^63 - 1"};
}

}  // namespace

std::vector<CounterTable::Entry>::iterator CounterTable::lower_bound(ReplicaId replica) {
  return std::lower_bound(entries_.begin(), entries_.end(), replica,
                          [](const Entry& entry, ReplicaId id) { return entry.replica < id; });
}

Result<CounterTable> CounterTable::decode(FieldType type, std::string_view bytes) {
  CounterTable table;
  Reader in(bytes);
  if (auto header = read_state_header(type, in); !header) return header.error();
  ReplicaId replica = 0;
  while (!in.failed() && !in.at_end()) {
    const std::uint64_t step = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    replica += step;
    if (step == 0 && !table.entries_.empty()) in.fail("a replica comes twice");
    if (replica >= kReplicaLimit) in.fail("a replica is not below 2^53");
    Entry entry{replica, in.varint_below(kCounterLimit, "a count is not below 2^53"), 0, 0};
    entry.up = in.varint();
    if (type == FieldType::pn_counter) entry.down = in.varint();
    if (entry.edits == 0) in.fail("a replica made no edits");
    if (table.entries_.size() >= kMaxEntries) return too_many(type);
    table.entries_.push_back(entry);
  }
  if (in.failed()) return in.error(field_type_name(type));
  return table;
}

std::string CounterTable::encode(FieldType type) const {
  std::string out(1, state_header(type));
  out.reserve(1 + entries_.size() * 16);
  ReplicaId before = 0;
  for (const Entry& entry : entries_) {
    append_varint(out, entry.replica - before);
    append_varint(out, entry.edits);
    append_varint(out, entry.up);
    if (type == FieldType::pn_counter) append_varint(out, entry.down);
    before = entry.replica;
  }
  return out;
}

Result<void> CounterTable::merge(FieldType type, const CounterTable& other) {
  // One by one while that moves little; else both lists in one pass.
  if (other.entries_.size() * 16 < entries_.size() || other.entries_.size() == 1) {
    std::size_t added = 0;
    if (entries_.size() + other.entries_.size() > kMaxEntries) {
      for (const Entry& theirs : other.entries_) {
        auto at = lower_bound(theirs.replica);
        added += at == entries_.end() || at->replica != theirs.replica;
      }
      if (entries_.size() + added > kMaxEntries) return too_many(type);
    }
    for (const Entry& theirs : other.entries_) {
      auto at = lower_bound(theirs.replica);
      if (at != entries_.end() && at->replica == theirs.replica) {
        raise(*at, theirs);
      } else {
        entries_.insert(at, theirs);
      }
    }
    return {};
  }
  std::vector<Entry> merged;
  merged.reserve(entries_.size() + other.entries_.size());
  auto mine = entries_.begin();
  auto theirs = other.entries_.begin();
  while (mine != entries_.end() || theirs != other.entries_.end()) {
    if (theirs == other.entries_.end() ||
        (mine != entries_.end() && mine->replica < theirs->replica)) {
      merged.push_back(*mine++);
    } else if (mine == entries_.end() || theirs->replica < mine->replica) {
      merged.push_back(*theirs++);
    } else {
      merged.push_back(*mine++);
      raise(merged.back(), *theirs++);
    }
  }
  if (merged.size() > kMaxEntries) return too_many(type);
  entries_ = std::move(merged);
  return {};
}

VersionVector CounterTable::version() const {
  VersionVector version;
  for (const Entry& entry : entries_) version.set(entry.replica, entry.edits);
  return version;
}

CounterTable CounterTable::delta(const VersionVector& since) const {
  CounterTable delta;
  for (const Entry& entry : entries_) {
    if (entry.edits > since.get(entry.replica)) delta.entries_.push_back(entry);
  }
  return delta;
}

CounterTable CounterTable::difference(const CounterTable& older) const {
  CounterTable difference;
  auto theirs = older.entries_.begin();
  for (const Entry& entry : entries_) {
    while (theirs != older.entries_.end() && theirs->replica < entry.replica) ++theirs;
    const bool known = theirs != older.entries_.end() && theirs->replica == entry.replica;
    if (!known || exceeds(entry, *theirs)) difference.entries_.push_back(entry);
  }
  return difference;
}

Result<std::int64_t> CounterTable::value(FieldType type) const {
  const Wide value = sum(entries_);
  if (!fits(value)) return beyond_bigint(type, value);
  return static_cast<std::int64_t>(value);
}

Result<void> CounterTable::add(FieldType type, ReplicaId replica, std::uint64_t up,
                               std::uint64_t down, std::string* delta) {
  if (up == 0 && down == 0) {
    if (delta != nullptr) *delta = empty_state(type);
    return {};
  }
  const Wide value = sum(entries_) + up - static_cast<Wide>(down);
  if (!fits(value)) return beyond_bigint(type, value);
  if (replica >= kReplicaLimit) {
    return Error{ErrorCode::out_of_range, "replica is out of range",
                 std::to_string(replica) + ", the limit is 2^53 - 1"};
  }
  auto at = lower_bound(replica);
  const bool known = at != entries_.end() && at->replica == replica;
  Entry entry = known ? *at : Entry{replica, 0, 0, 0};
  if (up > ~entry.up || down > ~entry.down || entry.edits + 1 >= kCounterLimit) {
    return Error{ErrorCode::out_of_range, "a replica's total is out of range",
                 "replica " + std::to_string(replica) + " holds " + std::to_string(entry.up) +
                     " up and " + std::to_string(entry.down) + " down, the limit is 2^64 - 1"};
  }
  if (!known && entries_.size() >= kMaxEntries) return too_many(type);
  entry.edits += 1;
  entry.up += up;
  entry.down += down;
  if (known) {
    *at = entry;
  } else {
    entries_.insert(at, entry);
  }
  if (delta != nullptr) {
    CounterTable edit;
    edit.entries_.push_back(entry);
    *delta = edit.encode(type);
  }
  return {};
}

}  // namespace converge

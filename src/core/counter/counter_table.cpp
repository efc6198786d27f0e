#include "core/counter/counter_table.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/codec/reader.h"
#include "core/codec/varint.h"
#include "core/state_header.h"

namespace converge {

namespace {

Error too_many(FieldType type) {
  return Error{ErrorCode::too_large,
               std::string(field_type_name(type)) + " has no room for more replicas",
               "the limit is " + std::to_string(kMaxEntries)};
}

}  // namespace

bool CounterTable::fits(Wide value) {
  return value >= std::numeric_limits<std::int64_t>::min() &&
         value <= std::numeric_limits<std::int64_t>::max();
}

Error CounterTable::beyond_bigint(FieldType type, Wide value) {
  return Error{ErrorCode::out_of_range,
               std::string(field_type_name(type)) + " is out of range",
               value < 0 ? "its value is below -2^63" : "its value is above 2^63 - 1"};
}

// Raises the replica's totals to these.
void CounterTable::take(ReplicaId replica, const Totals& totals) {
  Totals& mine = entries_.value_at(entries_.find_or_add(replica).first);
  value_ -= static_cast<Wide>(mine.up) - mine.down;
  mine.edits = std::max(mine.edits, totals.edits);
  mine.up = std::max(mine.up, totals.up);
  mine.down = std::max(mine.down, totals.down);
  value_ += static_cast<Wide>(mine.up) - mine.down;
}

template <class Take>
Result<void> CounterTable::read(FieldType type, std::string_view bytes, Take take) {
  Reader in(bytes);
  if (auto header = read_state_header(type, in); !header) return header.error();
  ReplicaId replica = 0;
  for (std::size_t count = 0; !in.failed() && !in.at_end(); ++count) {
    const std::uint64_t step = in.varint_below(kReplicaLimit, "a replica is not below 2^53");
    replica += step;
    if (step == 0 && count > 0) in.fail("a replica comes twice");
    if (replica >= kReplicaLimit) in.fail("a replica is not below 2^53");
    Totals totals;
    totals.edits = in.varint_below(kCounterLimit, "a count is not below 2^53");
    totals.up = in.varint();
    if (type == FieldType::pn_counter) totals.down = in.varint();
    if (totals.edits == 0) in.fail("a replica made no edits");
    if (in.failed()) break;
    if (count >= kMaxEntries) return too_many(type);
    take(replica, totals);
  }
  if (in.failed()) return in.error(field_type_name(type));
  return {};
}

Result<CounterTable> CounterTable::decode(FieldType type, std::string_view bytes) {
  CounterTable table;
  auto done = read(type, bytes, [&](ReplicaId replica, const Totals& totals) {
    table.entries_.append(replica) = totals;
    table.value_ += static_cast<Wide>(totals.up) - totals.down;
  });
  if (!done) return done.error();
  return table;
}

std::string CounterTable::encode(FieldType type) const {
  std::string out(1, state_header(type));
  out.reserve(1 + entries_.size() * 16);
  ReplicaId before = 0;
  for (std::uint32_t at : entries_.sorted()) {
    const auto& [replica, totals] = entries_[at];
    append_varint(out, replica - before);
    append_varint(out, totals.edits);
    append_varint(out, totals.up);
    if (type == FieldType::pn_counter) append_varint(out, totals.down);
    before = replica;
  }
  return out;
}

template <class Entries>
Result<void> CounterTable::check_room(FieldType type, const Entries& theirs) const {
  if (entries_.size() + theirs.size() <= kMaxEntries) return {};
  std::size_t added = 0;
  for (const auto& entry : theirs) added += entries_.find(entry.key) == nullptr;
  if (entries_.size() + added > kMaxEntries) return too_many(type);
  return {};
}

Result<void> CounterTable::merge(FieldType type, const CounterTable& other) {
  if (auto room = check_room(type, other.entries_); !room) return room.error();
  for (const auto& [replica, totals] : other.entries_) take(replica, totals);
  return {};
}

Result<void> CounterTable::merge_encoded(FieldType type, std::string_view bytes) {
  struct Theirs {
    ReplicaId key;
    Totals totals;
  };
  std::vector<Theirs> theirs;
  auto done = read(type, bytes, [&](ReplicaId replica, const Totals& totals) {
    theirs.push_back(Theirs{replica, totals});
  });
  if (!done) return done.error();
  if (auto room = check_room(type, theirs); !room) return room.error();
  for (const auto& [replica, totals] : theirs) take(replica, totals);
  return {};
}

VersionVector CounterTable::version() const {
  VersionVector version;
  for (std::uint32_t at : entries_.sorted()) {
    version.set(entries_[at].key, entries_[at].value.edits);
  }
  return version;
}

std::uint64_t CounterTable::version_of(ReplicaId replica) const {
  const Totals* totals = entries_.find(replica);
  return totals != nullptr ? totals->edits : 0;
}

CounterTable CounterTable::delta(const VersionVector& since) const {
  CounterTable delta;
  for (const auto& [replica, totals] : entries_) {
    if (totals.edits > since.get(replica)) delta.take(replica, totals);
  }
  return delta;
}

CounterTable CounterTable::difference(const CounterTable& older) const {
  CounterTable difference;
  for (const auto& [replica, totals] : entries_) {
    const Totals* known = older.entries_.find(replica);
    if (known == nullptr || totals.edits > known->edits || totals.up > known->up ||
        totals.down > known->down) {
      difference.take(replica, totals);
    }
  }
  return difference;
}

Result<std::int64_t> CounterTable::value(FieldType type) const {
  if (!fits(value_)) return beyond_bigint(type, value_);
  return static_cast<std::int64_t>(value_);
}

Result<void> CounterTable::add(FieldType type, ReplicaId replica, std::uint64_t up,
                               std::uint64_t down, std::string* delta) {
  if (up == 0 && down == 0) {
    if (delta != nullptr) *delta = empty_state(type);
    return {};
  }
  const Wide value = value_ + up - static_cast<Wide>(down);
  if (!fits(value)) return beyond_bigint(type, value);
  if (replica >= kReplicaLimit) {
    return Error{ErrorCode::out_of_range, "replica is out of range",
                 std::to_string(replica) + ", the limit is 2^53 - 1"};
  }
  const Totals* known = entries_.find(replica);
  if (known == nullptr && entries_.size() >= kMaxEntries) return too_many(type);
  Totals totals = known != nullptr ? *known : Totals{};
  if (up > ~totals.up || down > ~totals.down || totals.edits + 1 >= kCounterLimit) {
    return Error{ErrorCode::out_of_range, "a replica's total is out of range",
                 "replica " + std::to_string(replica) + " holds " + std::to_string(totals.up) +
                     " up and " + std::to_string(totals.down) + " down, the limit is 2^64 - 1"};
  }
  totals.edits += 1;
  totals.up += up;
  totals.down += down;
  take(replica, totals);
  if (delta != nullptr) {
    CounterTable edit;
    edit.take(replica, totals);
    *delta = edit.encode(type);
  }
  return {};
}

}  // namespace converge

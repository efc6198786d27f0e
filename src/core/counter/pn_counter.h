// pn_counter: a counter that goes both ways.
//
// The encoding tells counter_table.h. On an error nothing has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/counter/counter_table.h"

namespace converge {

class PnCounter {
 public:
  PnCounter() = default;

  // Errors: malformed, wrong_type, too_large.
  static Result<PnCounter> decode(std::string_view bytes) {
    auto table = CounterTable::decode(kType, bytes);
    if (!table) return table.error();
    return PnCounter(std::move(*table));
  }
  std::string encode() const { return table_.encode(kType); }

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const PnCounter& other) { return table_.merge(kType, other.table_); }
  // The same with an encoded state: the quick way for a small delta.
  // Errors: also those of decode.
  Result<void> merge_encoded(std::string_view bytes) { return table_.merge_encoded(kType, bytes); }

  // How many edits of each replica it has.
  VersionVector version() const { return table_.version(); }
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const { return table_.version_of(replica); }

  // For every `a` that includes `since`: a || delta = a || *this.
  Result<PnCounter> delta(const VersionVector& since) const { return PnCounter(table_.delta(since)); }

  // The smallest d for which older || d = older || *this.
  PnCounter difference(const PnCounter& older) const {
    return PnCounter(table_.difference(older.table_));
  }

  bool is_empty() const { return table_.empty(); }

  // The sum over all replicas. Errors: out_of_range, where concurrent edits
  // lead beyond a bigint.
  Result<std::int64_t> value() const { return table_.value(kType); }

  // Adds `n`, which may be negative, as `replica`; 0 changes nothing. `delta`,
  // if given, becomes the encoding of this edit.
  // Errors: out_of_range (also the value it would have), too_large.
  Result<void> increment(ReplicaId replica, std::int64_t n, std::string* delta = nullptr) {
    const auto bits = static_cast<std::uint64_t>(n);
    return table_.add(kType, replica, n > 0 ? bits : 0, n < 0 ? ~bits + 1 : 0, delta);
  }

 private:
  static constexpr FieldType kType = FieldType::pn_counter;

  explicit PnCounter(CounterTable table) : table_(std::move(table)) {}

  CounterTable table_;
};

}  // namespace converge

// What g_counter and pn_counter have in common: for each replica how many edits
// it made and the totals they add up to. Only the replica itself raises them, so
// that of two entries the later one holds the earlier, and a delta is the entry.
//
// Encoding (canonical): the type's first byte; then for each replica, ascending,
// varints: the distance from the replica before (from 0 for the first), the
// number of its edits (at least 1), the total of its increments, and for a
// pn_counter the total of its decrements. No count: the bytes end it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock/version_vector.h"
#include "core/container/key_table.h"
#include "core/field.h"
#include "core/limits.h"
#include "core/result.h"

namespace converge {

class CounterTable {
 public:
  // What one replica did.
  struct Totals {
    std::uint64_t edits = 0;
    std::uint64_t up = 0;
    std::uint64_t down = 0;
  };

  // `type` is g_counter or pn_counter.
  static Result<CounterTable> decode(FieldType type, std::string_view bytes);
  std::string encode(FieldType type) const;

  // Errors: too_large; then nothing has changed.
  Result<void> merge(FieldType type, const CounterTable& other);
  // The same with an encoded state, which is not built: the quick way for a small
  // delta. Errors: those of decode and merge; then nothing has changed.
  Result<void> merge_encoded(FieldType type, std::string_view bytes);
  VersionVector version() const;
  std::uint64_t version_of(ReplicaId replica) const;
  CounterTable delta(const VersionVector& since) const;
  CounterTable difference(const CounterTable& older) const;

  bool empty() const { return entries_.empty(); }

  // Errors: out_of_range, beyond a bigint.
  Result<std::int64_t> value(FieldType type) const;

  // Adds `up` and `down` to the replica's totals. Errors: out_of_range (a total,
  // the value or the replica), too_large; then nothing has changed.
  Result<void> add(FieldType type, ReplicaId replica, std::uint64_t up, std::uint64_t down,
                   std::string* delta);

 private:
  // A sum that cannot overflow: at most 2^20 totals of 64 bits each.
  __extension__ using Wide = __int128;
  static bool fits(Wide value);
  static Error beyond_bigint(FieldType type, Wide value);

  // Reads a state and gives take(replica, totals) each entry, ascending by
  // replica; what was taken before an error is void.
  template <class Take>
  static Result<void> read(FieldType type, std::string_view bytes, Take take);

  // Whether those of `theirs` that are new here fit in. Errors: too_large.
  template <class Entries>
  Result<void> check_room(FieldType type, const Entries& theirs) const;
  void take(ReplicaId replica, const Totals& totals);

  KeyTable<Totals, ReplicaId> entries_;
  Wide value_ = 0;
};

}  // namespace converge

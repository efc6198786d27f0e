// lww_set: a set where the last add or remove of an element wins. Which one
// that is, and the encoding, tells lww_map/lww_table.h. Where an add is to win
// over a concurrent remove, or nothing may be left of what was removed, or_set
// is the type.
//
// Elements are text of 0 to kMaxKeyBytes bytes; a set holds up to kMaxEntries,
// those that were removed included.
//
// On an error nothing has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/lww_map/lww_table.h"

namespace converge {

class LwwSet {
 public:
  LwwSet() = default;

  // Errors: malformed, wrong_type, too_large.
  static Result<LwwSet> decode(std::string_view bytes);
  std::string encode() const { return table_.encode(kType); }

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const LwwSet& other) { return table_.merge(kType, other.table_); }
  // The same with an encoded state: the quick way for a small delta.
  // Errors: also those of decode.
  Result<void> merge_encoded(std::string_view bytes) { return table_.merge_encoded(kType, bytes); }

  VersionVector version() const { return table_.context().version(); }
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const { return table_.context().version_of(replica); }

  // For every `a` that includes `since`: a || delta = a || *this.
  Result<LwwSet> delta(const VersionVector& since) const;

  // The smallest d for which older || d = older || *this.
  LwwSet difference(const LwwSet& older) const;

  // Whether nobody ever wrote to it.
  bool is_empty() const { return table_.context().empty(); }

  // The greatest clock of any write, 0 if there is none.
  Hlc greatest_hlc() const { return table_.greatest_hlc(); }

  bool contains(std::string_view element) const { return table_.find_set(element) != nullptr; }

  // Those that are in, ascending by bytes.
  std::vector<std::string_view> elements() const { return table_.keys(); }

  // Adds an element as `replica`, at the clock that follows all in this state,
  // also one that is in already (so that it is the last word). `delta`, if
  // given, becomes the encoding of this edit.
  // Errors: malformed (the element is no text), too_large, clock, out_of_range.
  Result<void> add(ReplicaId replica, std::uint64_t now_ms, std::string_view element,
                   std::string* delta = nullptr);

  // Removes an element. One that is not in stays so, and the delta is empty.
  // Errors: clock, out_of_range.
  Result<void> remove(ReplicaId replica, std::uint64_t now_ms, std::string_view element,
                      std::string* delta = nullptr);

 private:
  static constexpr FieldType kType = FieldType::lww_set;

  explicit LwwSet(LwwTable table) : table_(std::move(table)) {}

  LwwTable table_;
};

}  // namespace converge

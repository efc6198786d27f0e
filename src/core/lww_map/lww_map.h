// lww_map: keys with JSON values, where the last write of a key wins. Which
// write that is, and the encoding, tells lww_table.h.
//
// Keys are text of 0 to kMaxKeyBytes bytes; values are JSON texts of up to
// kMaxValueBytes, kept bit for bit. A map holds up to kMaxEntries keys, those
// that were unset included.
//
// On an error nothing has changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/lww_map/lww_table.h"

namespace converge {

class LwwMap {
 public:
  LwwMap() = default;

  // Errors: malformed, wrong_type, too_large.
  static Result<LwwMap> decode(std::string_view bytes);
  std::string encode() const { return table_.encode(kType); }

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const LwwMap& other) { return table_.merge(kType, other.table_); }
  // The same with an encoded state: the quick way for a small delta.
  // Errors: also those of decode.
  Result<void> merge_encoded(std::string_view bytes) { return table_.merge_encoded(kType, bytes); }

  VersionVector version() const { return table_.context().version(); }
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const { return table_.context().version_of(replica); }

  // For every `a` that includes `since`: a || delta = a || *this.
  Result<LwwMap> delta(const VersionVector& since) const;

  // The smallest d for which older || d = older || *this.
  LwwMap difference(const LwwMap& older) const;

  // Whether nobody ever wrote to it.
  bool is_empty() const { return table_.context().empty(); }

  // The greatest clock of any write, 0 if there is none.
  Hlc greatest_hlc() const { return table_.greatest_hlc(); }

  // The value of a key that is set.
  std::optional<std::string_view> get(std::string_view key) const;
  bool contains(std::string_view key) const { return table_.find_set(key) != nullptr; }

  // Keys that are set, ascending by bytes.
  std::vector<std::string_view> keys() const { return table_.keys(); }

  // `{"key":value,…}`, keys that are set, ascending by bytes, values as given.
  std::string to_json() const;

  // Writes a key as `replica`, at the clock that follows all in this state.
  // `json` must be valid; `delta`, if given, becomes the encoding of this edit.
  // Errors: malformed (not JSON, or the key is no text), too_large, clock,
  // out_of_range.
  Result<void> set(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                   std::string_view json, std::string* delta = nullptr);

  // Takes a key out. One that is not set stays so, and the delta is empty.
  // Errors: clock, out_of_range.
  Result<void> unset(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                     std::string* delta = nullptr);

 private:
  static constexpr FieldType kType = FieldType::lww_map;

  explicit LwwMap(LwwTable table) : table_(std::move(table)) {}

  LwwTable table_;
};

}  // namespace converge

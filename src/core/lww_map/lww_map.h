// lww_map: keys with JSON values, where the last write of a key wins.
//
// The winner is the write with the greater hybrid logical clock, then the
// greater replica, then (which takes a replica that says two things at once)
// the greater value bytes, then the greater counter. Unsetting a key is a write
// without a value: it is kept, so that an older write cannot bring the key back.
// The causal context says which writes were seen, the beaten ones included, so
// that a version never claims a delta that has not come.
//
// Keys are text of 0 to kMaxKeyBytes bytes; values are JSON texts of up to
// kMaxValueBytes, kept bit for bit. A map holds up to kMaxEntries keys.
//
// Encoding (canonical): 0x11; the causal context (clock/causal_context.h); the
// number of entries; the least clock of them, if any; then for each entry,
// ascending by key bytes: the key with its length, the replica as its place in
// the context, the counter, the clock less the least one, the value with its
// length (0 for an unset key). Numbers are varints. The empty map is 0x11 alone.
//
// On an error nothing has changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/causal_context.h"
#include "core/clock/hlc.h"
#include "core/clock/version_vector.h"
#include "core/container/key_table.h"
#include "core/limits.h"
#include "core/result.h"

namespace converge {

class LwwMap {
 public:
  // A key's winning write.
  struct Entry {
    Hlc hlc;
    Dot dot;
    std::string value;  // JSON; empty: the key is unset

    bool is_set() const { return !value.empty(); }
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // Errors: malformed, wrong_type, too_large.
  static Result<LwwMap> decode(std::string_view bytes);
  std::string encode() const;

  // Joins the other state into this one. Errors: too_large.
  Result<void> merge(const LwwMap& other);

  VersionVector version() const { return context_.version(); }

  // For every `a` that includes `since`: a || delta = a || *this.
  Result<LwwMap> delta(const VersionVector& since) const;

  // The smallest d for which older || d = older || *this.
  LwwMap difference(const LwwMap& older) const;

  bool is_empty() const { return context_.empty(); }

  // The greatest clock of any write, 0 if there is none.
  Hlc greatest_hlc() const { return greatest_; }

  // The value of a key that is set.
  std::optional<std::string_view> get(std::string_view key) const;
  bool contains(std::string_view key) const { return get(key).has_value(); }

  // Keys that are set, ascending by bytes.
  std::vector<std::string_view> keys() const;

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
  Result<void> write(ReplicaId replica, std::uint64_t now_ms, std::string_view key,
                     std::string_view value, std::string* delta);
  void take(std::string_view key, const Entry& entry);

  KeyTable<Entry> entries_;  // each entry's dot is in the context
  CausalContext context_;
  Hlc greatest_;
};

}  // namespace converge

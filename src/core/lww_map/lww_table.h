// What lww_map and lww_set have in common: keys, each with the write that won.
//
// The winner is the write with the greater hybrid logical clock, then the
// greater replica, then (which takes a replica that says two things at once)
// the greater value bytes, then the greater counter. Taking a key out is a write
// without a value: it is kept, so that an older write cannot bring the key back.
// The causal context says which writes were seen, the beaten ones included, so
// that a version never claims a delta that has not come.
//
// Encoding (canonical): the type's first byte; the causal context
// (clock/causal_context.h); the number of entries; the least clock of them, if
// any; then for each entry, ascending by key bytes: the key with its length, the
// replica as its place in the context, the counter, the clock less the least
// one, and the value: for a map with its length (0 for an unset key), for a set
// 1 or 0. Numbers are varints. The empty state is the first byte alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock/causal_context.h"
#include "core/clock/hlc.h"
#include "core/clock/version_vector.h"
#include "core/codec/reader.h"
#include "core/container/key_table.h"
#include "core/field.h"
#include "core/limits.h"
#include "core/result.h"

namespace converge {

class LwwTable {
 public:
  // A key's winning write.
  struct Entry {
    Hlc hlc;
    Dot dot;
    std::string value;  // a map's JSON, a set's "1"; empty: the key is out

    bool is_set() const { return !value.empty(); }
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // `type` is lww_map or lww_set.
  static Result<LwwTable> decode(FieldType type, std::string_view bytes);
  std::string encode(FieldType type) const;

  // Errors: too_large; then nothing has changed.
  Result<void> merge(FieldType type, const LwwTable& other);
  // The same with an encoded state, which is not built: the quick way for a small
  // delta. Errors: those of decode and merge; then nothing has changed.
  Result<void> merge_encoded(FieldType type, std::string_view bytes);
  LwwTable delta(const VersionVector& since) const;
  LwwTable difference(const LwwTable& older) const;

  const KeyTable<Entry>& entries() const { return entries_; }
  const CausalContext& context() const { return context_; }
  Hlc greatest_hlc() const { return greatest_; }

  // The key's write if it holds a value, else nullptr.
  const Entry* find_set(std::string_view key) const;
  // Keys that hold a value, ascending by bytes.
  std::vector<std::string_view> keys() const;

  // Checks a key that is to be written. Errors: malformed (no text), too_large
  // (too long, or the table is full).
  Result<void> check_key(FieldType type, std::string_view key) const;

  // Writes a key as `replica` at the clock that follows all in this state.
  // Errors: clock, out_of_range; then nothing has changed.
  Result<void> write(FieldType type, ReplicaId replica, std::uint64_t now_ms,
                     std::string_view key, std::string_view value, std::string* delta);

 private:
  // A write as it stands in an encoding: views.
  struct EncodedEntry {
    std::string_view key;
    Hlc hlc;
    Dot dot;
    std::string_view value;
  };

  // Reads what follows the header of a state that is not empty. start(count) is
  // told how many entries there may be, take(entry) is given each, ascending by
  // key. A failure sticks to `in`; what was taken by then is void.
  template <class Start, class Take>
  static Result<void> read(FieldType type, Reader& in, CausalContext& context, Start start, Take take);

  // Whether those of `theirs` that are new here fit in. Errors: too_large.
  template <class Entries>
  Result<void> check_room(FieldType type, const Entries& theirs) const;

  static bool beats(const EncodedEntry& a, const Entry& b);
  void take(const EncodedEntry& entry);
  void take(std::string_view key, const Entry& entry);

  KeyTable<Entry> entries_;  // each entry's dot is in the context
  CausalContext context_;
  Hlc greatest_;
};

}  // namespace converge

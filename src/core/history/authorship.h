// Who made the identifiers of a field, and when: what blame tells beside the
// items. It is gathered from the log, and compaction keeps it of what it drops.
//
// An identifier is a text's unit (replica, clock) or a map's, set's or register's
// dot (replica, counter). Whoever logged an identifier first is its author: who
// sends what another one wrote does not become it. What one author made one after
// another without a longer pause is one *stretch*, of which the encoding keeps only
// the first and the last moment. (An identifier of an encoded stretch counts as
// logged at its first moment when others come that claim it.)
//
// Encoding: varints throughout. The number of authors, and for each its replica
// and its principal with its length; the number of stretches, and for each,
// ascending by identifier: the replica less the one before (from 0), the first
// counter (less the end of the stretch before if that is of the same replica),
// the counters less one, the author's place, the zigzag of the microseconds since
// the stretch before (from 0), and those that it took.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/field.h"
#include "core/replica.h"
#include "core/result.h"

namespace converge {

// Microseconds of one clock between two edits of one stretch, at most.
inline constexpr std::int64_t kStretchPause = std::int64_t{5} * 60 * 1'000'000;

// The identifiers first to last of one replica.
struct ItemRange {
  ReplicaId replica = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// The identifiers that a delta brings: a text's units, the dots that are alive in
// it otherwise. None of a counter or a Yjs document.
// Errors: malformed, wrong_type.
Result<std::vector<ItemRange>> items_of(FieldType type, std::string_view delta);

class Authorship {
 public:
  // Under which of the log's replicas a change stands, and whose it is.
  struct Author {
    ReplicaId replica = 0;
    std::string principal;
    friend bool operator==(const Author&, const Author&) = default;
  };
  struct Stretch {
    std::uint64_t last = 0;
    std::uint32_t author = 0;
    std::int64_t since = 0;  // microseconds
    std::int64_t until = 0;
  };

  // The author's number.
  std::uint32_t author(ReplicaId replica, std::string_view principal);
  const Author& author_of(const Stretch& stretch) const { return authors_[stretch.author]; }

  // Calls a principal by another name.
  void rename(std::string_view principal, std::string_view name);

  // These identifiers were logged at a moment. In any order.
  void add(const ItemRange& items, std::uint32_t author, std::int64_t at);

  // The stretch that holds the identifier, null if nobody is known.
  const Stretch* find(ReplicaId replica, std::uint64_t counter) const;

  bool empty() const { return stretches_.empty(); }

  // Joins into stretches what can be.
  std::string encode() const;
  // Errors: malformed.
  static Result<Authorship> decode(std::string_view bytes);

 private:
  using Key = std::pair<ReplicaId, std::uint64_t>;  // and first counter
  using Stretches = std::map<Key, Stretch>;

  std::vector<Author> authors_;
  Stretches stretches_;  // which do not overlap
};

// A part of a field's value and who made it.
struct BlamedItem {
  std::uint64_t at = 0;  // text: of the first character, from 0
  std::string item;      // the characters; the key; the element; empty of a register
  std::string value;     // a map's or register's value as JSON; empty: the key was unset
  const Authorship::Author* author = nullptr;  // null: not known
  std::int64_t since = 0;
  std::int64_t until = 0;
};

// A text's characters in order, in pieces of one stretch; a map's keys (also
// those that were unset), a set's elements and a register's values, ascending, with
// who made them what they are. Authors are those of `authorship`.
// Errors: malformed, wrong_type; invalid for a counter or a Yjs document.
Result<std::vector<BlamedItem>> blame(FieldType type, std::string_view state, const Authorship& authorship);

}  // namespace converge

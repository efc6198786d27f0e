// crdt_text: a text that many replicas edit at once. A value class over the
// sequence engine (sequence.h), in which it is the case of one root that holds
// only text.
//
// Every UTF-16 code unit ever inserted has an identifier (replica, clock), the
// clocks of a replica counting from 0 without a hole, and two origins: the units
// that stood beside it when it was inserted. Concurrent insertions are ordered
// by the rule of YATA (Nicolaescu et al., 2016) as Yjs applies it. Deletions
// have no identifiers of their own and keep no content. A surrogate pair of
// which one half is deleted, or between whose halves something is inserted,
// becomes U+FFFD for each half, as in Yjs.
//
// The state: what is integrated, in document order; runs that wait for others
// they depend on; deletions of units that are not known yet. Equal sets of
// deltas give equal states, and equal states equal bytes, whatever the order,
// grouping and repetition.
//
// Positions and counts are in characters (code points) from 0, except where a
// name says utf16. Text is UTF-8 without U+0000 (codec/utf8.h).
//
// A moved-from Text may only be assigned to or destroyed. No method may run
// beside another on the same object: const ones move a cache.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/field.h"
#include "core/result.h"

namespace converge {

class Sequence;

// A place between characters that stays where it is while others edit: beside
// one unit, or at an edge of the text.
struct TextAnchor {
  enum class Side : std::uint8_t { before, after, begin, end };
  Side side = Side::begin;
  ReplicaId replica = 0;    // of the unit, for before and after
  std::uint64_t clock = 0;

  // A byte for the side, then replica and clock as varints where there is a unit.
  std::string encode() const;
  static Result<TextAnchor> decode(std::string_view bytes);  // malformed
  friend bool operator==(const TextAnchor&, const TextAnchor&) = default;
};

// Who wrote some characters that stand together: consecutive units of one
// replica. The log knows who and when that was.
struct TextBlame {
  std::uint64_t at = 0;     // characters from 0
  std::uint64_t count = 0;  // characters
  ReplicaId replica = 0;
  std::uint64_t clock = 0;  // of the first unit
};

// Bounds of one state; beyond them the error is too_large.
inline constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 30;   // visible text
inline constexpr std::uint64_t kMaxTextClock = 0xffff'fffe;              // units of one replica
inline constexpr std::size_t kMaxPendingRuns = std::size_t{1} << 20;     // and deleted ranges
inline constexpr std::size_t kMaxPendingBytes = std::size_t{1} << 26;    // text that waits
inline constexpr std::size_t kMaxContentBytes = std::size_t{1} << 28;    // what is no text

class Text {
 public:
  Text();
  ~Text();
  Text(const Text& other);
  Text& operator=(const Text& other);
  Text(Text&& other) noexcept;
  Text& operator=(Text&& other) noexcept;

  // Errors: malformed, wrong_type, too_large. That the state is canonical is
  // checked as far as it costs nothing; validate() checks all of it.
  static Result<Text> decode(std::string_view bytes);
  std::string encode() const;

  // The visible text inside an encoded state: a view into `bytes`, found without
  // decoding. Only what stands before the text is checked.
  static Result<std::string_view> text_of_encoded(std::string_view bytes);

  // The same of the first bytes of an encoding, at least kTextHeadBytes if there
  // are so many: the text's size, and what of it those bytes hold.
  struct TextPrefix {
    std::uint64_t size;       // of the whole text
    std::uint64_t ends;       // where it ends in the encoding
    std::string_view there;
  };
  static constexpr std::size_t kTextHeadBytes = 16;
  static Result<TextPrefix> text_of_prefix(std::string_view bytes);

  // Whether `bytes` is what encode() gives for some set of edits: as decode, and
  // the order of the runs is the one that integrating them gives. For states
  // that come from outside and may be stored as they are.
  static Result<void> validate(std::string_view bytes);

  // The join. Errors: too_large; the state is then not to be used further.
  Result<void> merge(const Text& other);
  // The same with an encoded state: the quick way for a small delta.
  // Errors: those of decode, which leave the text as it was, and of merge.
  Result<void> merge_encoded(std::string_view bytes);
  // The same with many, small ones for the most part, at once (run_gathering.h).
  Result<void> merge_all_encoded(std::span<const std::string_view> states);
  // The join of two encoded states, which for a small delta is written without
  // decoding the rest of `state` (encoded_merge.h). Errors: those of decode and merge.
  static Result<std::string> merge_encoded(std::string_view state, std::string_view delta);

  // How many items one merge may have to move.
  std::size_t merge_weight() const;

  // How many clocks of each replica are integrated.
  VersionVector version() const;
  // version().get(replica), without making the version.
  std::uint64_t version_of(ReplicaId replica) const;
  // What a text that includes `since` may lack: the runs beyond it, every
  // deletion, and all that is pending.
  Result<Text> delta(const VersionVector& since) const;
  // Exactly what `older` lacks.
  Text difference(const Text& older) const;

  // Edits. Each is checked whole before anything changes, and assigns the
  // encoded delta of just that edit to *delta when asked. `replica` mints the
  // identifiers: it must not be in use for this text anywhere else.
  // Errors: out_of_range (a position beyond the end), malformed (not UTF-8, or
  // U+0000), invalid (a replica not below 2^53, or one of whose edits some are
  // pending here), too_large.
  Result<void> insert(ReplicaId replica, std::uint64_t at, std::string_view utf8,
                      std::string* delta = nullptr);
  Result<void> erase(std::uint64_t at, std::uint64_t count, std::string* delta = nullptr);
  // Replaces `count` characters at `at` by `utf8`.
  Result<void> splice(ReplicaId replica, std::uint64_t at, std::uint64_t count,
                      std::string_view utf8, std::string* delta = nullptr);
  // Makes the text `utf8` by a minimal diff, so that concurrent edits elsewhere
  // in it survive and anchors stay.
  Result<void> assign(ReplicaId replica, std::string_view utf8, std::string* delta = nullptr);

  // Three-way merge: what makes `utf8` of `base`, an earlier state of this text,
  // is done to this one. Edits made since then stay. Errors: as for an edit, and
  // invalid when `base` holds edits, or lacks some of `replica`, that this has not.
  Result<void> assign_since(const Text& base, ReplicaId replica, std::string_view utf8,
                            std::string* delta = nullptr);

  std::string text() const;
  // Errors: out_of_range.
  Result<std::string> substr(std::uint64_t at, std::uint64_t count) const;
  std::uint64_t char_length() const;
  std::uint64_t utf16_length() const;
  // Positions converted between the two counts; a position inside a surrogate
  // pair counts as before it. Errors: out_of_range.
  Result<std::uint64_t> utf16_of_char(std::uint64_t at) const;
  Result<std::uint64_t> char_of_utf16(std::uint64_t at) const;

  // The anchor at a position: `before` the character that follows, or `after` the
  // one that precedes, and the edge where there is none. What is inserted at the
  // position later stands on its other side. Errors: out_of_range; invalid when
  // asked for an edge.
  Result<TextAnchor> anchor(std::uint64_t at, TextAnchor::Side side) const;
  // Where the anchor stands now; if its unit was deleted, where that was.
  // Errors: invalid when the unit is not integrated here.
  Result<std::uint64_t> position(const TextAnchor& anchor) const;

  // The visible characters by who wrote them, in order.
  std::vector<TextBlame> blame() const;

  // Whether nothing was ever inserted or deleted.
  bool empty() const;
  // Whether something waits for what is not there yet.
  bool has_pending() const;

  friend bool operator==(const Text& a, const Text& b);

 private:
  explicit Text(std::unique_ptr<Sequence> sequence);
  std::unique_ptr<Sequence> sequence_;
};

}  // namespace converge

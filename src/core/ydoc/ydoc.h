// ydoc: a whole Yjs document. A value class over the sequence engine, in which it
// is the case of many lists under parents (sequence/lists.h).
//
// It takes and gives Yjs's updates (v1 and v2) and state vectors, and integrates
// as Yjs 13.6 does: items are ordered by YATA, of a map's entries the last one
// counts, deleting a shared type deletes what is in it, and what depends on
// something that is not there waits. What was in a deleted type is *gone*: only
// its identifiers are kept, as Yjs's garbage collection does. An item whose parent
// or origin is gone, or whose origins are in two lists, is gone as well.
//
// Equal sets of updates give equal states, and equal states equal bytes, whatever
// the order, grouping, repetition and format. Values are kept in one form
// (any_value.h); the order of an object's members is not kept.
//
// Bounds are those of a text (text.h) and kMaxUpdateStructs. Text, names and
// strings are UTF-8 without U+0000. Client identifiers are replicas, below 2^53.
//
// A moved-from YDoc may only be assigned to or destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/replica.h"
#include "core/result.h"
#include "core/sequence/run.h"
#include "core/ydoc/update_reader.h"

namespace converge {

class Sequence;

// Of a document as JSON or XML.
inline constexpr std::size_t kMaxViewBytes = std::size_t{1} << 26;

class YDoc {
 public:
  YDoc();
  ~YDoc();
  YDoc(const YDoc& other);
  YDoc& operator=(const YDoc& other);
  YDoc(YDoc&& other) noexcept;
  YDoc& operator=(YDoc&& other) noexcept;

  // Errors: malformed, wrong_type, too_large. That the state is canonical is
  // checked as far as it costs nothing; validate() checks all of it.
  static Result<YDoc> decode(std::string_view bytes);
  std::string encode() const;
  // The encoding of the document that has this alone, as read_update() gave it: the same as
  // apply() and encode(), mostly without making a document. Errors: those of merge.
  static Result<std::string> encode(const FlatDocument& update);
  static Result<void> validate(std::string_view bytes);

  // The join. Errors: too_large; the state is then not to be used further.
  Result<void> merge(const YDoc& other);
  // The same with an encoded state. Errors: those of decode, which leave the
  // document as it was, and of merge.
  Result<void> merge_encoded(std::string_view bytes);
  // The same with many, small ones for the most part, at once (run_gathering.h).
  Result<void> merge_all_encoded(std::span<const std::string_view> states);
  // The join of two encoded states, which for a small delta is mostly written without
  // decoding the rest of `state` (document_merge.h). Errors: those of decode and merge.
  static Result<std::string> merge_encoded(std::string_view state, std::string_view delta);

  // About how many items one merge has to move.
  std::size_t merge_weight() const;

  // How many clocks of each client are integrated: Yjs's state vector.
  VersionVector version() const;
  std::uint64_t version_of(ReplicaId replica) const;
  // What a document that includes `since` may lack: the items beyond it, every
  // deletion, and all that is pending.
  Result<YDoc> delta(const VersionVector& since) const;
  // Exactly what `older` lacks.
  YDoc difference(const YDoc& older) const;

  // ---- Yjs's own formats

  // Applies an update. Errors: malformed (also: contents of unknown kind), which
  // leave the document as it was, and those of merge.
  Result<void> apply_update(std::string_view update, UpdateFormat format);
  // The same, of what read_update() gave. Errors: those of merge.
  Result<void> apply(const FlatDocument& update);
  // Applies a small update to an encoded state: that state then, or nothing where it
  // must be decoded for it (document_merge.h). Errors: malformed updates.
  static Result<std::optional<std::string>> apply_to_encoded(std::string_view state,
                                                             std::string_view update,
                                                             UpdateFormat format);
  // The update that brings a document of this state vector up to date; with an
  // empty one, all of it. Its last *deletions bytes say all that is deleted, as Yjs
  // says it. Errors: malformed.
  Result<std::string> update_since(std::string_view state_vector, UpdateFormat format,
                                   std::size_t* deletions = nullptr) const;
  std::string state_vector() const;

  // ---- views
  // What they show may be far more than what is stored: JSON and XML have a bound.

  // All roots as a JSON object. A root does not say what it is: one that has only
  // keys is read as a map, one with text, marks or embeds as text, one with nothing
  // but XML types as XML, any other as an array. Within it values are what toJSON
  // gives in Yjs (any_value.h names the differences); a subdocument is {"guid": …}.
  // Errors: too_large (beyond kMaxViewBytes, or nested deeper than kMaxJsonDepth).
  Result<std::string> json() const;
  // The text of a root, without marks and embeds; empty if there is no such root.
  std::string text(std::string_view root) const;
  // The XML of a root, as toString gives it in Yjs, but for the names of elements: of
  // those ASCII letters alone become small. Empty if there is no such root.
  // Errors: too_large.
  Result<std::string> xml(std::string_view root) const;

  // ---- edits
  // Each is checked whole before anything changes, and assigns the encoded delta
  // of just that edit to *delta when asked. `replica` mints the identifiers: it
  // must not be in use for this document anywhere else.
  // Errors: out_of_range, malformed (not UTF-8, U+0000, no JSON), invalid (the
  // replica is not below 2^53, or edits of its own are pending here), too_large.

  // Positions count the characters of a root text, or the items of a root array,
  // from 0: embeds are one each, marks none. Inserts into a text; what is inserted
  // has the marks of the character before it.
  Result<void> insert_text(ReplicaId replica, std::string_view root, std::uint64_t at,
                           std::string_view utf8, std::string* delta = nullptr);
  // Deletes from a root text or array.
  Result<void> erase(std::string_view root, std::uint64_t at, std::uint64_t count,
                     std::string* delta = nullptr);
  // Sets a key of a root map to a JSON value.
  Result<void> set_key(ReplicaId replica, std::string_view root, std::string_view key,
                       std::string_view json, std::string* delta = nullptr);
  // Deletes a key of a root map; nothing if it has none.
  Result<void> erase_key(std::string_view root, std::string_view key, std::string* delta = nullptr);

  // The clients of which an encoded document has structs, integrated or pending,
  // ascending. Of a delta that is pending alone, as most are, it reads the bytes.
  // Errors: those of decode.
  static Result<std::vector<ReplicaId>> authors(std::string_view bytes);

  // Whether there was never anything in it.
  bool empty() const;
  // Whether something waits for what is not there yet.
  bool has_pending() const;

  friend bool operator==(const YDoc& a, const YDoc& b);

 private:
  explicit YDoc(std::unique_ptr<Sequence> sequence);
  Result<ClientIndex> writer(FlatDocument& change, ReplicaId replica, std::uint64_t units) const;
  Result<void> make(const FlatDocument& change, std::string* delta);
  std::unique_ptr<Sequence> sequence_;
};

}  // namespace converge

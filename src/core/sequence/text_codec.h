// crdt_text as bytes: docs/internals.md describes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/reader.h"
#include "core/replica.h"
#include "core/result.h"
#include "core/sequence/sequence.h"

namespace converge {

// The second byte says which sections follow.
inline constexpr std::uint8_t kHasRuns = 1;
inline constexpr std::uint8_t kHasWaiting = 2;
inline constexpr std::uint8_t kHasDeleted = 4;

// What comes before the sections, behind the first byte.
struct TextHead {
  std::uint8_t sections = 0;
  std::string_view text;
  std::vector<ReplicaId> replicas;
};
// Fails `in` if it is malformed.
TextHead read_text_head(Reader& in);
// The table of replicas, ascending; likewise.
std::vector<ReplicaId> read_replicas(Reader& in);
void append_replicas(std::string& out, const std::vector<ReplicaId>& ascending);
// Deleted units, in any order, of replicas with these numbers; there is at least one.
void append_deleted(std::string& out, std::vector<UnitRange> ranges,
                    const std::vector<std::uint32_t>& number);

// The canonical encoding.
std::string encode_sequence(const Sequence& sequence);

// The same for a state of which nothing is integrated: `flat.runs` is empty, and
// the rest in any order and cut in any way, but without overlaps.
std::string encode_pending(const FlatSequence& flat);

// Reads an encoding; the result views `bytes`. Errors: malformed, wrong_type.
Result<FlatSequence> decode_sequence(std::string_view bytes);

// The same, but the integrated runs go into `sequence`, which is empty and must
// not be used after an error. The replicas have the same numbers in both.
Result<FlatSequence> load_sequence(std::string_view bytes, Sequence& sequence);

// The visible text inside an encoding. Errors: malformed, wrong_type.
Result<std::string_view> text_in_encoding(std::string_view bytes);
Result<Text::TextPrefix> text_in_prefix(std::string_view bytes);

// The sequence's runs as they lie in its tree, and what is pending.
FlatSequence flatten(const Sequence& sequence);

}  // namespace converge

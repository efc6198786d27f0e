// CRDT states as bytes: what the extension, the log and the wire handle.
//
// Every type is a join semilattice, and a delta is a small state of the same
// type. An encoded state begins with one byte: the FieldType in the upper four
// bits, the encoding's version (1) in the lower four. The encoding is canonical:
// equal states have equal bytes. The empty state of a type is that one byte.
//
// All functions refuse bytes that are no state of `type` (malformed,
// wrong_type) and never read beyond what they are given.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/replica.h"
#include "core/result.h"

namespace converge {

// The numbers are part of the encoding.
enum class FieldType : std::uint8_t {
  lww_map = 1,
  or_set = 2,
  crdt_text = 3,
  pn_counter = 4,
  g_counter = 5,
  mv_register = 6,
  lww_set = 7,
  ydoc = 10,  // 8 and 9 are the clocks
};

// "lww_map" and so on: the SQL type's name.
std::string_view field_type_name(FieldType type);

// The type that `state` says it has, by its first byte alone.
Result<FieldType> field_type(std::string_view state);

// The encoded bottom of `type`: merging it changes nothing.
std::string empty_state(FieldType type);
bool is_empty_state(std::string_view state);

// Whether `state` is a canonical encoding of a state of `type`.
Result<void> validate(FieldType type, std::string_view state);

// The join of two states.
Result<std::string> merge(FieldType type, std::string_view a, std::string_view b);

// The join of many, small ones for the most part; of none, the empty state.
Result<std::string> merge_all(FieldType type, std::span<const std::string_view> states);

// The state's version_vector, encoded (clock/version_vector.h): what it has
// integrated. What is pending is not covered.
Result<std::string> version(FieldType type, std::string_view state);

// The delta d for which a || d = a || state holds for every `a` that includes
// `since` (an encoded version_vector).
Result<std::string> delta(FieldType type, std::string_view state, std::string_view since);

// The smallest delta d for which older || d = older || newer. Empty state if
// `older` includes `newer`.
Result<std::string> difference(FieldType type, std::string_view older, std::string_view newer);

// The greatest hybrid logical clock in the state, 0 where the type has none (which
// is not decoded for it): for the bound on clocks that lie ahead.
Result<std::uint64_t> greatest_hlc(FieldType type, std::string_view state);

}  // namespace converge

// The core's operations on encoded states, for code that may ereport: what they
// give is a varlena in CurrentMemoryContext.
#pragma once

#include "extension/compat.h"

#include <cstdint>
#include <string_view>

#include "core/field.h"
#include "extension/boundary.h"

namespace converge {

// The bytes a column's value holds, detoasted; SQL NULL (a null pointer) is the
// empty state. They live as long as `value`, or in CurrentMemoryContext.
std::string_view state_bytes(FieldType type, struct varlena* value);

// Whether two of a column's values are the same bytes, without fetching what is
// stored out of line if both are one.
bool same_value(Datum a, bool a_null, Datum b, bool b_null);

// The empty state.
struct varlena* empty_value(FieldType type);

// The join of two states.
struct varlena* merge_states(FieldType type, std::string_view a, std::string_view b);

// The join of many, small ones for the most part.
struct varlena* merge_all_states(FieldType type, const std::string_view* states, int count);

// Raises 22003 where a counter's value, of the merges that concurrent edits led
// to, is none that can be read. Other types always have one.
void check_value(FieldType type, std::string_view state);

// What `older` lacks of `newer`, or null if that is nothing.
struct varlena* state_difference(FieldType type, std::string_view older, std::string_view newer);

// Whether `delta` is a state of `type`, looked at for kMostWorkOfChange at most; gives its
// greatest clock. False: `failure` says why.
bool check_state(FieldType type, std::string_view delta, std::uint64_t* greatest_hlc,
                 boundary::Failure* failure);

// The replicas under whose identifiers the delta brings content, ascending, in
// CurrentMemoryContext: who claims to have written it. What it says of others'
// content (removals, deletions, places) is not counted. Of a valid delta, of any
// type but ydoc.
struct DeltaAuthors {
  const ReplicaId* replicas;
  int count;
};
DeltaAuthors authors_of_delta(FieldType type, std::string_view delta);

// How many percent of a text's encoding are not its visible text: units that were
// deleted, and what every edit leaves. 0 of other types, and of less than 4 kB.
int tombstone_share(FieldType type, std::string_view state);

}  // namespace converge

// An edit that gives a field an earlier value again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/field.h"
#include "core/replica.h"
#include "core/result.h"

namespace converge {

// Whether a field of this type can be edited into an earlier value: not a counter
// that only grows, and not a Yjs document, whose types have no identity but their
// identifiers.
constexpr bool can_be_restored(FieldType type) {
  return type != FieldType::g_counter && type != FieldType::ydoc;
}

struct FieldRestoration {
  std::string delta;          // the edit; the empty state if nothing is to be done
  std::uint64_t counter = 0;  // the last identifier that `replica` has afterwards, 0 if none
};

// The smallest edit of `present` after which its value is the one of `earlier`, a
// state of the same field: a text by diff_text(), keys and elements that differ, a
// counter's difference. It is an edit like any other: what others do concurrently
// is merged with it, and what is undone by it stays in the history.
//
// `replica` is fresh: not used for this field before. A register that had several
// values gets them again under that one and those that follow it.
// Errors: malformed, wrong_type; those of the edits; invalid unless can_be_restored().
Result<FieldRestoration> restore_field(FieldType type, std::string_view present, std::string_view earlier,
                                       ReplicaId replica, std::uint64_t now_ms);

}  // namespace converge

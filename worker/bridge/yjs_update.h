// Between Yjs's updates and the deltas of a field of type ydoc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/replica.h"
#include "core/result.h"
#include "messages.h"

namespace converge::bridge {

// Structs of one Yjs client: clocks from `from` to before `end`.
struct YjsStructs {
  ReplicaId client = 0;
  std::uint64_t from = 0;
  std::uint64_t end = 0;
};

struct YjsDelta {
  std::string delta;                // the encoded ydoc; empty where the update says nothing
  std::vector<YjsStructs> structs;  // what it brings, each client's together where they touch
};

// Of an update of format 1. Errors: malformed, too_large.
Result<YjsDelta> read_yjs_update(std::string_view update);

// An encoded ServerMessage (Changes, or Subscribed with what pull() or yjs_pull()
// gave) as the sync message for who follows that field. Null where it says nothing
// of the field.
Frame yjs_translation(std::string_view message, std::string_view prefix, const std::string& field);

}  // namespace converge::bridge

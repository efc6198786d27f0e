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

// What a provider was sent of a document, to know of its answer what is new in it.
class YjsTold {
 public:
  explicit YjsTold(const wire::YjsState& state);
  // Whether an update says no more than that. A provider that has nothing of its own
  // answers with all deletions that it knows, which is what it was told.
  bool includes(std::string_view update) const;
  // How many clocks of the Yjs client the server had then.
  std::uint64_t clock_of(ReplicaId client) const;

 private:
  std::string state_vector_;
  std::size_t deletions_bytes_;
  std::size_t deletions_hash_;  // who finds another set with that hash loses an update of his own
};

// What a Yjs client of that state vector lacks of an encoded ydoc, as yjs_pull() says it.
// Errors: malformed.
Result<wire::YjsState> yjs_state_since(std::string_view state, std::string_view state_vector);

// An encoded ServerMessage (Changes, or Subscribed with what pull() or yjs_pull()
// gave) as the sync message for who follows that field. Null where it says nothing
// of the field.
Frame yjs_translation(std::string_view message, std::string_view prefix, const std::string& field);

}  // namespace converge::bridge

// This server as a writer: its epoch, and the replica under which SQL's edits
// are logged.
#pragma once

#include "extension/compat.h"

#include <cstdint>

namespace converge {

struct ServerNode {
  std::int64_t replica;
  std::int64_t epoch;  // microseconds since 1970 when it began
};

// The node as it is now. Where the server was restored or promoted since the
// last call on any session, takes a new epoch and replica first; so for writers
// only: raises 25006 where that would be in a read-only transaction. (The stream
// worker calls it when it starts, so that readers seldom are the first.)
ServerNode current_node();

// The epoch that the server's answers belong to: current_node()'s. Who may not write,
// during recovery or in a read-only transaction, gets the one that was begun last: 0
// if none was.
std::int64_t current_epoch();

// A random replica.
std::int64_t draw_replica();

}  // namespace converge

// The worker's settings.
#pragma once

namespace converge::worker {

// Watches are kept as a set of bridges in one 64-bit word.
constexpr int kMaxBridges = 64;

// converge.max_bridges: bridges attached to one database's worker at a time.
extern int max_bridges;
// converge.max_watches: documents one bridge may watch at a time.
extern int max_watches;
// converge.slow_bridge_timeout, in milliseconds: how long the others wait for a bridge
// whose queue is full and that reads nothing. One that reads may take twice as long for a
// queue's worth of bytes.
extern int slow_bridge_timeout;
// converge.watch_timeout, in milliseconds: how long a watch lasts unless a new ticket renews it.
extern int watch_timeout;

void define_settings();

}  // namespace converge::worker

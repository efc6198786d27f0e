// The worker's settings.
#pragma once

namespace converge::worker {

// Watches are kept as a set of bridges in one 64-bit word.
constexpr int kMaxBridges = 64;

// converge.max_bridges: bridges attached to one database's worker at a time.
extern int max_bridges;
// converge.max_watches: documents one bridge may watch at a time.
extern int max_watches;

void define_settings();

}  // namespace converge::worker

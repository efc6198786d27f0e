// One run: a seed, so many events, and the invariants checked on the way and
// when everything has come to rest. The same seed gives the same run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fault.h"
#include "ledger.h"

namespace converge::simulation {

struct RunOptions {
  std::uint64_t seed = 1;
  std::size_t events = 500;
  std::optional<Fault> fault;
  // Only these of the events, ascending; without it all of them.
  std::optional<std::vector<std::size_t>> only;
  std::function<void(const std::string&)> trace;
};

struct RunResult {
  std::optional<Violation> violation;
  std::size_t events = 0;         // that happened before it
  std::uint64_t changes = 0;      // committed, over all documents
  std::uint64_t refused = 0;      // of them
  std::uint64_t compacted = 0;    // dropped from the logs
  std::uint64_t moments = 0;      // as of which a field was asked for and could be told
};

RunResult run(const RunOptions& options);

// The command that replays a run.
std::string command(const RunOptions& options);

// A part of the run's events that violates the same invariant, from which none
// can be taken out.
RunOptions shrink(const RunOptions& options, Invariant invariant);

}  // namespace converge::simulation

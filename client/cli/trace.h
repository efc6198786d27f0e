// A recorded editing session: gzip JSON, {startContent, endContent,
// txns: [{patches: [[position, deleted, inserted]]}]}, positions in characters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace converge::cli {

struct TraceEdit {
  std::uint64_t at = 0;       // characters from 0
  std::uint64_t deleted = 0;  // characters
  std::string inserted;       // UTF-8
};

struct Trace {
  std::string start;
  std::string end;  // of the whole trace
  std::vector<TraceEdit> edits;
};

// Throws std::runtime_error naming the file and what is wrong with it.
Trace read_trace(const std::string& path);

}  // namespace converge::cli

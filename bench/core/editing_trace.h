// Recorded editing sessions for the benchmarks: gzip JSON as the CLI's replay
// reads it, and the concurrent kind, whose transactions name their author and
// the transactions they were made after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Edit {
  std::uint64_t at = 0;       // characters from 0
  std::uint64_t deleted = 0;  // characters
  std::string inserted;       // UTF-8
};

struct Transaction {
  std::size_t author = 0;
  std::vector<std::size_t> parents;  // earlier transactions
  std::vector<Edit> edits;
};

struct EditingTrace {
  std::string end;
  std::size_t authors = 1;
  std::vector<Transaction> transactions;

  std::vector<Edit> edits() const;  // of all transactions, one after another
};

// Nothing if there is no such file; ends the program with a message if it is
// not a trace.
std::optional<EditingTrace> read_trace(const std::string& path);

}  // namespace bench

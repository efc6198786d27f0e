// The integrated runs of a text as bits. They stand in document order; what the
// order implies is left out: a run's clock follows from the number of its chain
// and the runs of it that came before, and its origins, for most runs, from the
// clocks. docs/internals.md describes the form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/codec/reader.h"
#include "core/sequence/run.h"
#include "core/sequence/sequence.h"

namespace converge {

// A maximal run, without its text. Clients are numbers of the encoding's replica table.
struct PlainRun {
  UnitId id;
  std::uint32_t length = 0;
  UnitId left;
  UnitId right;
  bool deleted = false;
};

// Appends the runs, of which there is at least one.
void append_runs(std::string& out, const std::vector<PlainRun>& runs, std::size_t replicas);

// Reads them from `in`, which it fails if they are malformed, and gives them to
// the sink, each with its share of `text` if it is visible. The answer is their
// indexes by identifier. All of it is what Sequence::Loader asks for, unless
// `in` has failed: then it may be only the first of them.
std::vector<std::uint32_t> read_runs(Reader& in, std::size_t replicas, std::string_view text,
                                     RunSink& sink);

}  // namespace converge

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

// Reads them from `in`, which it fails if they are malformed, and shares out
// `text` among those that are visible. What it gives (runs and by_id) is what
// Sequence::build asks for.
FlatSequence read_runs(Reader& in, std::size_t replicas, std::string_view text);

}  // namespace converge

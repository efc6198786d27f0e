// The integrated runs of a text as bits. They stand in document order; what the
// order implies is left out: a run's clock follows from the number of its chain
// and the runs of it that came before, and its origins, for most runs, from the
// clocks. docs/internals.md describes the form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/codec/reader.h"
#include "core/sequence/run.h"
#include "core/sequence/run_table.h"
#include "core/sequence/sequence.h"
#include "core/sequence/text_shares.h"

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
// the sink (a RunSink; of its own class, so that the calls are short), each with its
// share of `text` if it is visible. The answer is their indexes by identifier. All of
// it is what Sequence::Loader asks for, unless `in` has failed: then it may be only
// the first of them.
template <class Sink>
std::vector<std::uint32_t> read_runs(Reader& in, std::size_t replicas, std::string_view text,
                                     Sink& sink) {
  RunTable table;
  table.read(in, replicas);
  if (in.failed()) return {};
  TextShares shares(in, table, text);
  if (in.failed()) return {};
  sink.expect(table.size());
  std::vector<std::uint32_t> place(table.chains() + 1);  // where each chain's runs go
  auto written = table.written().begin();
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    const RunTable::Entry& entry = table[i];
    LooseRun run;
    run.id = table.id(i);
    run.length = entry.length;
    if (entry.flags & RunTable::kWrittenLeft) {
      run.left = (written++)->id;
    } else if (entry.flags & RunTable::kGoesOn) {
      run.left = run.id.before();
    } else if (entry.below != RunTable::kNone) {
      run.left = table.last(entry.below);
    }
    if (entry.flags & RunTable::kWrittenRight) {
      run.right = (written++)->id;
    } else if (entry.taken_by != RunTable::kNone) {
      run.right = table.id(entry.taken_by);
    }
    if (!(entry.flags & RunTable::kDeleted)) run.text = shares.take(run.length);
    if (in.failed()) return {};
    ++place[entry.chain];
    sink.add(run);
  }
  std::uint32_t sum = 0;
  for (std::uint32_t& entry : place) sum += std::exchange(entry, sum);
  std::vector<std::uint32_t> by_id(table.size());
  for (std::uint32_t i = 0; i < table.size(); ++i) by_id[place[table[i].chain]++] = i;
  return by_id;
}

}  // namespace converge

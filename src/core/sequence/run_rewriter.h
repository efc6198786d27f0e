// Writes the run section of an encoded text anew after some runs of it changed:
// what it says of a run follows from the runs around it on the stack
// (docs/internals.md), so that few codes change with it. Those are found and
// written; the bits of all others are copied.
//
// A run is named by its number in the table or, counted on from there, by its
// number among the fresh ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/sequence/edited_runs.h"
#include "core/sequence/run_code.h"
#include "core/sequence/run_table.h"

namespace converge {

class RunRewriter {
 public:
  // The table has positions; `edited` is joined. `number` gives the place of each of
  // its replicas in the new encoding's table of them.
  RunRewriter(const RunTable& table, const EditedRuns& edited,
              const std::vector<ClientIndex>& number);

  // Finds what must be written. False if that is so much, or of such a kind, that
  // encoding all of it is better.
  bool plan();
  // Appends what append_runs() would.
  void append(std::string& out) const;

 private:
  using RunNumber = std::uint32_t;
  struct Fresh {
    const LooseRun* run;
    RunCode code;
    RunNumber below;
    RunNumber taken_by;
    std::uint32_t chain;  // its number among its replica's
  };
  // The pieces between two of the table's, and the runs of the table that went.
  struct Change {
    std::size_t piece;
    std::size_t pieces_end;
    std::uint32_t gone;
    std::uint32_t gone_end;
  };

  bool fresh(RunNumber run) const { return run >= table_.size(); }
  Fresh& fresh_at(RunNumber run) { return fresh_[run - table_.size()]; }
  const Fresh& fresh_at(RunNumber run) const { return fresh_[run - table_.size()]; }
  UnitId id(RunNumber run) const { return fresh(run) ? fresh_at(run).run->id : table_.id(run); }
  UnitId last(RunNumber run) const;
  RunNumber below(RunNumber run) const;
  RunCode read_code(std::uint32_t run) const;
  RunCode& code_of(std::uint32_t run);
  void set_taken(RunNumber run, RunNumber by);
  std::uint32_t look_back(RunNumber top, UnitId unit) const;

  void find_changes();
  bool place_on_stack(RunNumber run, RunNumber top);
  std::uint32_t next_affected(std::uint32_t run);
  bool replay_stack();
  void note_taken_before(std::uint32_t run, std::vector<std::uint32_t>& affected) const;
  void set_right_origins();
  bool number_chains();
  std::uint32_t chain_number(RunNumber run) const;
  bool of_client(std::uint32_t run, ClientIndex client) const;
  std::uint32_t last_chain_before(std::size_t piece, ClientIndex client);
  void set_step(RunCode& code, std::uint32_t chain, std::uint32_t last) const;
  bool set_steps();
  RunCode translated(RunCode code) const;

  const RunTable& table_;
  const std::vector<EditedRuns::Piece>& pieces_;
  const std::vector<ClientIndex>& number_;
  bool renumbered_ = false;      // the table's replicas have other places now
  ClientIndex first_client_ = 0;  // whose place is 0
  std::uint64_t budget_;          // of runs to look at
  std::vector<Change> changes_;
  std::vector<Fresh> fresh_;
  std::vector<std::uint32_t> first_fresh_;           // of each piece
  std::map<std::uint32_t, RunCode> codes_;           // of the table's runs, to be written
  std::map<std::uint32_t, RunNumber> below_;         // where it is not as it was
  std::map<std::uint32_t, RunNumber> taken_by_;      // of the table's runs, by replayed ones
  std::vector<std::uint32_t> replayed_;              // runs of the table, ascending
  std::vector<std::uint32_t> far_;                   // whose left origin is not on the stack
  std::vector<std::uint32_t> new_chains_;            // of each replica
};

}  // namespace converge

// Edits integrated into the runs of an encoded text without building a sequence: a
// piece table over the RunTable, with the few runs that are new or were cut beside
// long stretches of what is as it was.
//
// Nothing may wait here: whoever wants more than that takes a Sequence.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/replica.h"
#include "core/sequence/run_table.h"
#include "core/sequence/sequence.h"

namespace converge {

class EditedRuns {
 public:
  // Runs of the table as they are, or one that is not in it.
  struct Piece {
    std::uint32_t first = 0;
    std::uint32_t count = 0;  // 0: it is `run`
    LooseRun run;

    bool fresh() const { return count == 0; }
    std::uint32_t end() const { return first + count; }
  };

  // More pieces than this are not kept: a sequence is quicker then.
  static constexpr std::size_t kMaxPieces = 512;

  // `text` is that of the table's visible runs, of which none ends inside a
  // surrogate pair; `pairs` says whether it holds any. All must outlive this.
  EditedRuns(const RunTable& table, std::string_view text, const std::vector<ReplicaId>& replicas,
             bool pairs);

  // The join with a state, whose texts must outlive this. False if some of it would
  // have to wait or it is too much; this is then not to be used further.
  bool add(const FlatSequence& flat);

  // The table's replicas, and those that add() brought.
  const std::vector<ReplicaId>& replicas() const { return replicas_; }
  std::uint32_t known(ClientIndex client) const { return known_[client]; }
  bool unchanged() const { return pieces_.size() == 1 && !pieces_[0].fresh(); }

  // The visible text.
  std::string text();
  // Makes the runs maximal, after which text() and add() are not to be called. The
  // fresh runs' texts then only tell whether they are visible.
  void join();
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  struct Place {
    static constexpr std::uint32_t kNowhere = 0xffff'ffff;
    std::uint32_t piece = kNowhere;
    std::uint32_t at = 0;  // in the piece

    bool valid() const { return piece != kNowhere; }
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Gap {
    Place place;
    std::uint32_t offset = 0;
  };
  struct Ordered;

  Place first() const { return {0, 0}; }
  Place next(Place place) const;
  // The run, without its text unless it is fresh.
  LooseRun run(Place place) const;
  Place find(UnitId unit) const;
  bool integrated(UnitId unit) const { return unit.clock < known_[unit.client]; }
  bool reaches(const Gap& gap, UnitId unit) const;

  bool can_integrate(const LooseRun& run) const;
  bool offer(LooseRun run);
  void integrate(const LooseRun& run);
  void put(const Gap& gap, const LooseRun& run);
  void keep_pair_apart(UnitId unit);
  void erase(UnitId id, std::uint32_t length);
  std::uint32_t isolate(Place place);
  std::uint32_t cut(std::uint32_t piece, std::uint32_t units);
  void divide(std::uint32_t piece, std::uint32_t at);
  ClientIndex client(ReplicaId replica);
  std::size_t text_offset(std::uint32_t run);

  const RunTable& table_;
  std::string_view text_;
  const bool ascii_;  // the table's text
  bool pairs_;        // surrogate pairs anywhere
  std::vector<ReplicaId> replicas_;
  std::vector<std::uint32_t> known_;
  std::vector<Piece> pieces_;
  std::deque<std::string> replaced_;  // texts with U+FFFD for half a pair
  mutable std::uint32_t near_ = 0;    // the run of the table that was found last
  // A run of the table and where its text begins.
  std::uint32_t measured_run_ = 0;
  std::size_t measured_bytes_ = 0;
};

}  // namespace converge

// Edits integrated into the runs of an encoded text without building a sequence: a
// piece table over the RunTable, with the few runs that are new or were cut beside
// long stretches of what is as it was. With many lists (lists.h) it knows where in the
// table each begins, and puts heads before and behind those that are edited.
//
// Nothing may wait here, and of many lists none may begin or die: whoever wants more
// than that takes a Sequence.
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
    bool head() const { return run.id.client == kHeads; }
    std::uint32_t end() const { return first + count; }
  };

  // A list of the table's: it begins behind `offset` units of the run, or what is gone
  // does, and ends where the next one begins.
  struct List {
    std::uint32_t run = 0;
    std::uint32_t offset = 0;
    bool keyed = false;
    std::uint32_t units = 0;
  };

  // More pieces than this are not kept: a sequence is quicker then.
  static constexpr std::size_t kMaxPieces = 512;

  // `text` is that of the table's visible runs, of which none ends inside a
  // surrogate pair; `pairs` says whether it holds any. All must outlive this.
  EditedRuns(const RunTable& table, std::string_view text, const std::vector<ReplicaId>& replicas,
             bool pairs);
  // The same of many lists, one behind the other; the last one's beginning is that of
  // what is gone. `contents` are those of the placeholders in `text`.
  EditedRuns(const RunTable& table, std::string_view text, const std::vector<ReplicaId>& replicas,
             bool pairs, std::vector<List> lists, const std::vector<Content>& contents);

  // The join with a state, whose texts must outlive this. False if some of it would
  // have to wait or it is too much; this is then not to be used further.
  bool add(const FlatSequence& flat);

  // The table's replicas, and those that add() brought.
  const std::vector<ReplicaId>& replicas() const { return replicas_; }
  std::uint32_t known(ClientIndex client) const { return known_[client]; }
  bool unchanged() const { return pieces_.size() == 1 && !pieces_[0].fresh(); }

  // The visible text.
  std::string text();
  // What the placeholders in it hold, and how long the lists are.
  std::vector<const Content*> contents();
  const std::vector<List>& lists() const { return lists_; }
  // Makes the runs maximal, after which the others are not to be called. The fresh
  // runs' texts then only tell whether they are visible; of many lists the last unit of
  // the one before stands for the edge on the left. False if that is too much.
  bool join();
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
  enum class Offer : std::uint8_t { taken, waits, too_much };
  Offer offer(LooseRun run);
  bool integrate(const LooseRun& run);
  void place(const LooseRun& run, UnitId behind);
  void put(const Gap& gap, const LooseRun& run);
  bool head(Place place) const { return pieces_[place.piece].head(); }
  void keep_pair_apart(UnitId unit);
  bool erase(UnitId id, std::uint32_t length);
  std::uint32_t isolate(Place place);
  std::uint32_t cut(std::uint32_t piece, std::uint32_t units);
  void divide(std::uint32_t piece, std::uint32_t at);
  ClientIndex client(ReplicaId replica);
  std::size_t text_offset(std::uint32_t run);
  // With many lists (edited_lists.cpp):
  bool in_table(UnitId unit) const;
  std::uint32_t list_at(std::uint32_t run, std::uint32_t offset) const;
  std::uint32_t list_of(UnitId unit) const;
  bool gone(std::uint32_t list) const { return list + 1 == lists_.size(); }
  UnitId edge(std::uint32_t list) const;
  UnitId left_of_table(std::uint32_t run) const;
  void open(std::uint32_t list);
  void put_head(std::uint32_t list);
  bool integrate_in_list(LooseRun run);
  bool keep_last(const LooseRun& run);
  bool holds_type(const LooseRun& run) const;
  bool close_lists();
  bool move_edge(std::uint32_t head, UnitId to);

  const RunTable& table_;
  std::string_view text_;
  const bool ascii_;  // the table's text
  bool pairs_;        // surrogate pairs anywhere
  std::vector<ReplicaId> replicas_;
  std::vector<std::uint32_t> known_;
  std::vector<Piece> pieces_;
  std::vector<List> lists_;  // empty: it is one text
  const Content* contents_ = nullptr;
  std::vector<bool> open_;   // whether a list has its head among the pieces
  std::deque<std::string> replaced_;  // texts with U+FFFD for half a pair
  mutable std::uint32_t near_ = 0;    // the run of the table that was found last
  // A run of the table and where its text begins.
  std::uint32_t measured_run_ = 0;
  std::size_t measured_bytes_ = 0;
};

}  // namespace converge

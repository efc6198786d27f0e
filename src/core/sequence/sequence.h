// The sequence engine: units in document order, integrated by YATA's rule as
// Yjs applies it, and what has to wait. Replicas are known by index into a
// table that only grows.
//
// A unit goes one way: unknown, then waiting or integrated, visible or deleted.
// A deletion may come before its unit. So any set of runs and deletions, taken
// in any order, leads to the same state; how runs are cut is not part of it.
//
// A sequence holds one list of text (a crdt_text), or many lists under parents,
// of text and other content (a ydoc): then it has Lists (lists.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock/version_vector.h"
#include "core/replica.h"
#include "core/result.h"
#include "core/sequence/lists.h"
#include "core/sequence/run_tree.h"
#include "core/sequence/text.h"

namespace converge {

// A run outside a tree. No text: it is deleted.
struct LooseRun {
  UnitId id;
  std::uint32_t length = 0;
  UnitId left;
  UnitId right;
  std::string_view text;
  ListIndex list = kImplied;          // given where both origins are none, and of what is gone
  const Content* contents = nullptr;  // of the placeholders in the text that are not kept yet
};

struct UnitRange {
  UnitId id;
  std::uint32_t length = 0;
};

// A state laid out flat: what a decoder reads and an encoder writes. Views are
// into what it was made from. UnitIds index `replicas`.
struct FlatSequence {
  std::vector<ReplicaId> replicas; // each once
  std::vector<LooseRun> runs;      // integrated, in document order
  std::vector<LooseRun> waiting;   // by identifier
  std::vector<UnitRange> deleted;  // units that are not known yet, by identifier
  std::vector<ListName> lists;     // the list n + kFirstList of a run is lists[n]
};

// Takes integrated runs one by one, in document order.
class RunSink {
 public:
  virtual void expect(std::size_t runs) = 0;  // so many are coming
  virtual void add(const LooseRun& run) = 0;

 protected:
  ~RunSink() = default;
};

// What one edit did, for its delta.
struct EditLog {
  std::vector<LooseRun> inserted;
  std::vector<UnitRange> deleted;
};

class Sequence {
 public:
  // A run that waits for a unit it depends on.
  struct Waiting {
    std::uint32_t length = 0;
    UnitId left;
    UnitId right;
    std::string text;  // none: deleted
    ListIndex list = kImplied;
  };

  enum class Holds : std::uint8_t { text, lists };
  explicit Sequence(Holds holds = Holds::text) {
    if (holds == Holds::lists) lists_.emplace();
  }

  const RunTree& tree() const { return tree_; }
  // What a sequence of many lists has besides.
  const Lists& lists() const { return *lists_; }
  // The first run of a list that has begun: its head.
  RunTree::Place head(ListIndex list) const { return tree_.find({kHeads, list}); }
  const std::vector<ReplicaId>& replicas() const { return replicas_; }
  // How many units of the replica are integrated: its next clock.
  std::uint32_t known(ClientIndex client) const { return known_[client]; }
  const std::map<std::uint64_t, Waiting>& waiting() const { return waiting_; }
  // Deleted ranges of unknown units: first unit's key to length.
  const std::map<std::uint64_t, std::uint32_t>& early() const { return early_; }
  bool has_pending() const { return !waiting_.empty() || !early_.empty(); }

  // The replica's index, made if it is new.
  ClientIndex client(ReplicaId replica);
  // The same of many, of which each is named once.
  std::vector<ClientIndex> clients(const std::vector<ReplicaId>& replicas);
  // The replica's index, or kNoId.client.
  ClientIndex find_client(ReplicaId replica) const;
  bool integrated(UnitId unit) const { return unit.clock < known_[unit.client]; }
  // Whether a run of this client waits, or an unknown unit of it is deleted.
  bool has_pending_of(ClientIndex client) const;

  // What is known of a unit. `early`: deleted, though it is not there yet; `gone`:
  // see lists.h.
  enum class UnitState : std::uint8_t { unknown, visible, deleted, early, gone };
  struct Stretch {
    UnitState state = UnitState::unknown;
    std::uint32_t length = 0;
  };
  // The longest stretch from `id`, at most `length` units, of one state.
  Stretch stretch(UnitId id, std::uint32_t length) const;

  // Fills an empty sequence with the integrated runs of a state as they are
  // ordered. They name each unit once, from clock 0 without a hole, and no origin
  // that is not there. add() takes the rest of the state.
  class Loader final : public RunSink {
   public:
    Loader(Sequence& sequence) : sequence_(sequence), builder_(sequence.tree_) {}
    void replicas(const std::vector<ReplicaId>& replicas);
    void expect(std::size_t runs) override { builder_.expect(runs); }
    // Of many lists: the runs that follow are in this one, which is new, or gone.
    ListIndex begin(const ListName& name);
    void begin_gone() { list_ = kGone; }
    void add(const LooseRun& run) override;
    // What the run's placeholders hold: so many of `contents`.
    void keep(const LooseRun& run, const Content* contents);
    // `by_id`: the indexes of the runs, as they were added, by identifier.
    void finish(const std::vector<std::uint32_t>& by_id);

   private:
    struct Added {
      UnitId id;
      ListIndex list;
      std::uint32_t index;  // in the tree's builder
    };
    Sequence& sequence_;
    RunTree::Builder builder_;
    ListIndex list_ = kImplied;
    std::uint32_t built_ = 0;
    std::vector<Added> added_;         // of many lists: the runs
    std::vector<std::uint32_t> heads_;  // and their heads' indexes
  };

  // The join with a state, in any order. False when a bound is exceeded
  // (text.h), after which the sequence must be dropped.
  bool add(const FlatSequence& flat);

  // Local edits, already checked. `at` + `count` is within the text.
  void insert_local(ClientIndex client, std::uint64_t at, std::string_view text, TextSize size,
                    EditLog* log);
  void erase_local(std::uint64_t at, std::uint64_t count, EditLog* log);

 private:
  // Between two units: behind `offset` units of the run, or at the beginning of
  // the document where offset is 0.
  struct Gap {
    RunTree::Place place;
    std::uint32_t offset = 0;
  };

  struct Ordered;

  Gap gap_after(UnitId left) const;
  UnitId unit_after(const Gap& gap) const;
  bool reaches(const Gap& gap, UnitId unit) const;
  void keep_pair_apart(UnitId unit);
  void keep_halves_apart(const LooseRun& run);
  void keep_apart(UnitId unit);
  void integrate(const LooseRun& run);
  void place(const LooseRun& run, Gap gap);
  void put(Gap gap, const LooseRun& run);

  // Of the first so many in by_replica_.
  ClientIndex find_client(ReplicaId replica, std::ptrdiff_t first) const;
  UnitId missing(const LooseRun& run) const;
  void offer(LooseRun run);
  void offer_known_apart(LooseRun run);
  void hold(const LooseRun& run, UnitId missing);
  void wake(UnitId id, std::uint32_t length);
  void erase(UnitId id, std::uint32_t length);
  void erase_integrated(UnitId id, std::uint32_t length);
  void erase_visible(UnitId id, std::uint32_t length);
  // With many lists (sequence_lists.cpp):
  ListIndex list_for(const LooseRun& run) const;
  void integrate_in_list(const LooseRun& run);
  void keep_last(const LooseRun& run);
  void erase_in_lists(UnitId id, std::uint32_t length);
  void erase_under(std::vector<UnitId> types);
  ListIndex translate_list(const FlatSequence& flat, ListIndex list,
                           const std::vector<ClientIndex>& clients);
  void erase_waiting(std::uint64_t key, std::uint64_t end);
  void drop_waiting(std::uint64_t key, std::uint64_t end);
  void note_early(std::uint64_t key, std::uint64_t end);
  std::map<std::uint64_t, Waiting>::iterator cut_waiting(
      std::map<std::uint64_t, Waiting>::iterator at, std::uint32_t units);
  void add_runs(std::vector<LooseRun>& runs);

  RunTree tree_;
  std::vector<ReplicaId> replicas_;
  std::vector<std::uint32_t> known_;
  std::vector<std::pair<ReplicaId, ClientIndex>> by_replica_;  // ascending
  std::map<std::uint64_t, Waiting> waiting_;                   // by first unit; no overlaps
  std::multimap<std::uint64_t, std::uint64_t> awaited_;        // unit to who waits for it
  std::map<std::uint64_t, std::uint32_t> early_;
  std::size_t waiting_bytes_ = 0;
  std::optional<Lists> lists_;
};

inline void Sequence::Loader::add(const LooseRun& run) {
  if (list_ != kImplied) {
    added_.push_back({run.id, list_, list_ == kGone ? kGone : built_++});
    if (list_ == kGone) {
      sequence_.known_[run.id.client] += run.length;
      return;
    }
  }
  builder_.add(run.id, run.length, run.left, run.right, run.text.data(),
               static_cast<std::uint32_t>(run.text.size()));
  sequence_.known_[run.id.client] += run.length;
}

// Whether b, standing right of a, says no more than a longer a would.
inline bool follows(const LooseRun& a, const LooseRun& b) {
  return b.id == a.id.plus(a.length) && b.left == a.id.plus(a.length - 1) && b.right == a.right &&
         a.text.empty() == b.text.empty();
}

// The rest of the run behind its first `units`. A surrogate pair that is cut
// leaves U+FFFD, which `replaced` then owns.
LooseRun rest_of(const LooseRun& run, std::uint32_t units, std::string& replaced);
// The run's first `units`, likewise.
LooseRun first_of(const LooseRun& run, std::uint32_t units, std::string& replaced);

}  // namespace converge

// What happened in a run as nobody in it can know: every change that was ever
// offered, logged or acknowledged. Against it the invariants are checked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/session/live_field.h"
#include "random.h"
#include "tables.h"

namespace converge::simulation {

enum class Invariant : std::uint8_t {
  acknowledged_survives,   // what was acknowledged is in the log, and stays there
  number_names_one_change, // no number is ever used again for other content
  log_has_no_gaps,
  row_is_replay,           // a row is what its log makes, a deferred field up to its fold
  nothing_lost_by_compaction,
  replicas_equal,          // at rest, byte for byte
  refused_is_gone,         // from every state
  edit_counts_once,
  comes_to_rest,           // every journal is emptied, every pull answered
  survives_restore,        // what clients had before a restore is there after it
  left_out_is_not_given,   // what is in quarantine, to who asks
  expectation_holds,       // nobody else has written before a change that expects so
  state_of_a_moment,       // as of a moment: the replay of what was logged up to it
  one_document_a_key,      // whoever asks for it again, and however often
  no_error,                // nobody meets an error that the protocol has no place for
};

std::string_view invariant_name(Invariant invariant);

struct Violation {
  Invariant invariant;
  std::string what;
};

// One document's joined states, kept decoded.
using Replay = std::map<std::string, session::LiveField>;

class Ledger {
 public:
  explicit Ledger(std::size_t documents, const std::vector<session::FieldInfo>& fields);

  // A client offers the change. Violation: number_names_one_change.
  std::optional<Violation> offered(std::size_t document, const Change& change);

  // A client was told that this number is refused for good.
  void refused(std::size_t document, ReplicaId replica, std::uint64_t seq);

  // The server committed it. Violations: number_names_one_change, refused_is_gone,
  // expectation_holds.
  std::optional<Violation> committed(std::size_t document, const LoggedChangePtr& change);

  // A document was made under a principal's temporary key. Violation: one_document_a_key.
  std::optional<Violation> made(std::uint32_t principal, std::uint64_t temporary_key, std::size_t document);

  // A client was told that all its numbers up to `seq` are committed.
  // Violation: acknowledged_survives.
  std::optional<Violation> acknowledged(std::size_t document, ReplicaId replica, std::uint64_t seq);

  // Fields of a committed change were put into quarantine, or taken out of it.
  void left_out(std::size_t document, ReplicaId replica, std::uint64_t seq, const std::set<std::string>& fields);
  void taken_back(std::size_t document, ReplicaId replica, std::uint64_t seq);
  bool is_left_out(std::size_t document, ReplicaId replica, std::uint64_t seq, const std::string& field) const {
    return simulation::is_left_out(history_[document].left_out, replica, seq, field);
  }
  // All that is left out for good, or has not been taken back yet.
  Replay everything_left_out(std::size_t document) const;

  // The join of what is committed and not left out.
  const Replay& replay(std::size_t document) const { return history_[document].replay; }
  // The same up to a log version.
  Replay replay_up_to(std::size_t document, const LogVersion& version) const;
  // The same of what was recorded up to a moment.
  Replay replay_until(std::size_t document, std::int64_t moment_ms) const;
  // A moment at which something was recorded; 0 if nothing was.
  std::int64_t draw_moment(std::size_t document, Random& random) const;

  // What a backup holds: for each document what was committed, in order, and what of
  // that was left out.
  struct Part {
    std::vector<LoggedChangePtr> changes;
    Quarantine left_out;
  };
  using Moment = std::vector<Part>;
  Moment now() const;
  void restore(const Moment& moment);

  // Whether the server's tables hold all that was committed.
  // Violations: acknowledged_survives, log_has_no_gaps.
  std::optional<Violation> check_log(std::size_t document, const Document& tables) const;

 private:
  using Number = std::tuple<std::size_t, ReplicaId, std::uint64_t>;

  struct History {
    std::vector<LoggedChangePtr> changes;  // in commit order
    std::map<std::pair<ReplicaId, std::uint64_t>, LoggedChangePtr> by_number;
    Quarantine left_out;
    Replay replay;
  };

  static bool others_wrote_since(const History& history, const Change& change);
  std::optional<Violation> use(std::size_t document, const Change& change, std::uint64_t hash);
  static void merge(Replay& replay, const History& history, const LoggedChange& change);
  void replay_again(History& history) const;
  Replay empty() const;

  std::vector<session::FieldInfo> fields_;
  std::vector<History> history_;
  std::map<Number, std::uint64_t> numbers_;  // the content's hash, whatever became of it
  std::set<Number> refused_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> made_;  // by principal and temporary key
};

// "7:3": the third change of replica 7.
std::string describe(ReplicaId replica, std::uint64_t seq);

}  // namespace converge::simulation

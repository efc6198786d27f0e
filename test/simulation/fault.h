// Faults that can be planted into the model, to see that an invariant catches
// each. Without one the model does what the product does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace converge::simulation {

enum class Fault : std::uint8_t {
  ack_before_commit,            // the server acknowledges what it has only executed
  commit_not_flushed,           // what others see may be undone by a crash
  gap_accepted,                 // the next number is not waited for
  duplicate_applied_twice,      // a resent increment counts again
  refusal_forgotten,            // a refused number is not taken
  epoch_kept_after_restore,     // the restored server says it is the one from before
  server_number_reused,         // the restored server goes on under its old replica
  client_number_reused,         // a restarted client goes on under its old replica
  lost_tail_taken_as_sent,      // a restarted client does not send again what was under way
  refusal_taken_as_ack,         // a client keeps what was refused
  tie_kept_on_the_wrong_side,   // of two writes with one clock, the row keeps its own
  fold_skips_a_change,          // the last change of a replica is taken as folded
  fold_reads_uncommitted,       // a change that is rolled back afterwards is folded
  compaction_by_highest_seen,   // what is not folded yet is dropped too
  pull_by_highest_seen,         // one number for all replicas says what a client has
  pull_version_after_state,     // a pull claims what committed after its state was read
  expectation_ignored,          // a change is applied whatever its author had seen
  expectation_of_the_committed, // what the same transaction has written is not looked at
  quarantined_compacted,        // what waits in quarantine is dropped from the log
  quarantined_in_pull,          // a pull gives what is left out of the row
  retry_not_logged,             // what is tried again from quarantine is in the row alone
  past_epoch_not_admitted,      // after a restore nobody may offer what others wrote
  state_discarded_at_restore,   // a client takes what a restored server has for everything
  horizon_forgotten,            // of what was dropped nobody notes when it was recorded
  moment_by_clients_clock,      // what counts for a moment is when the author says it was
  temporary_key_forgotten,      // a document that is asked for again is made again
  temporary_key_not_locked,     // … unless the first is committed
};

inline constexpr std::array kFaults = {
    Fault::ack_before_commit,       Fault::commit_not_flushed,
    Fault::gap_accepted,            Fault::duplicate_applied_twice,
    Fault::refusal_forgotten,       Fault::epoch_kept_after_restore,
    Fault::server_number_reused,    Fault::client_number_reused,
    Fault::lost_tail_taken_as_sent, Fault::refusal_taken_as_ack,
    Fault::tie_kept_on_the_wrong_side, Fault::fold_skips_a_change,
    Fault::fold_reads_uncommitted,  Fault::compaction_by_highest_seen,
    Fault::pull_by_highest_seen,    Fault::pull_version_after_state,
    Fault::expectation_ignored,     Fault::expectation_of_the_committed,
    Fault::quarantined_compacted,   Fault::quarantined_in_pull,
    Fault::retry_not_logged,        Fault::past_epoch_not_admitted,
    Fault::state_discarded_at_restore,
    Fault::horizon_forgotten,       Fault::moment_by_clients_clock,
    Fault::temporary_key_forgotten, Fault::temporary_key_not_locked,
};

std::string_view fault_name(Fault fault);
std::optional<Fault> fault_named(std::string_view name);

}  // namespace converge::simulation

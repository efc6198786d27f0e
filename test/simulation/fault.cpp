#include "fault.h"

namespace converge::simulation {

std::string_view fault_name(Fault fault) {
  switch (fault) {
    case Fault::ack_before_commit: return "ack_before_commit";
    case Fault::commit_not_flushed: return "commit_not_flushed";
    case Fault::gap_accepted: return "gap_accepted";
    case Fault::duplicate_applied_twice: return "duplicate_applied_twice";
    case Fault::refusal_forgotten: return "refusal_forgotten";
    case Fault::epoch_kept_after_restore: return "epoch_kept_after_restore";
    case Fault::server_number_reused: return "server_number_reused";
    case Fault::client_number_reused: return "client_number_reused";
    case Fault::lost_tail_taken_as_sent: return "lost_tail_taken_as_sent";
    case Fault::refusal_taken_as_ack: return "refusal_taken_as_ack";
    case Fault::tie_kept_on_the_wrong_side: return "tie_kept_on_the_wrong_side";
    case Fault::fold_skips_a_change: return "fold_skips_a_change";
    case Fault::fold_reads_uncommitted: return "fold_reads_uncommitted";
    case Fault::compaction_by_highest_seen: return "compaction_by_highest_seen";
    case Fault::pull_by_highest_seen: return "pull_by_highest_seen";
    case Fault::pull_version_after_state: return "pull_version_after_state";
    case Fault::expectation_ignored: return "expectation_ignored";
    case Fault::expectation_of_the_committed: return "expectation_of_the_committed";
    case Fault::quarantined_compacted: return "quarantined_compacted";
    case Fault::quarantined_in_pull: return "quarantined_in_pull";
    case Fault::retry_not_logged: return "retry_not_logged";
    case Fault::past_epoch_not_admitted: return "past_epoch_not_admitted";
    case Fault::state_discarded_at_restore: return "state_discarded_at_restore";
    case Fault::horizon_forgotten: return "horizon_forgotten";
    case Fault::moment_by_clients_clock: return "moment_by_clients_clock";
    case Fault::temporary_key_forgotten: return "temporary_key_forgotten";
    case Fault::temporary_key_not_locked: return "temporary_key_not_locked";
  }
  return "";
}

std::optional<Fault> fault_named(std::string_view name) {
  for (const Fault fault : kFaults) {
    if (fault_name(fault) == name) return fault;
  }
  return std::nullopt;
}

}  // namespace converge::simulation

// The invariants over many seeds, and the planted faults that show that they are
// checked. From the environment: CONVERGE_SIMULATION_SEEDS (2000),
// CONVERGE_SIMULATION_EVENTS (500) of each, CONVERGE_SIMULATION_FIRST (1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "plan.h"
#include "simulation.h"

namespace converge::simulation {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::strtoull(value, nullptr, 10) : otherwise;
}

// ---- no fault

constexpr std::uint64_t kParts = 10;

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, every_invariant_holds) {
  const std::uint64_t seeds = setting("CONVERGE_SIMULATION_SEEDS", 2000);
  const std::uint64_t first = setting("CONVERGE_SIMULATION_FIRST", 1);
  RunOptions options;
  options.events = setting("CONVERGE_SIMULATION_EVENTS", 500);
  std::uint64_t changes = 0;
  for (std::uint64_t i = GetParam(); i < seeds; i += kParts) {
    options.seed = first + i;
    const RunResult result = run(options);
    changes += result.changes;
    if (!result.violation) continue;
    const RunOptions shortest = shrink(options, result.violation->invariant);
    ADD_FAILURE() << "seed " << options.seed << " violates "
                  << invariant_name(result.violation->invariant) << ": " << result.violation->what
                  << "\n  " << command(options) << " --trace"
                  << "\nits shortest part:\n  " << command(shortest) << " --trace";
    return;
  }
  EXPECT_GT(changes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Part, Seeds, ::testing::Range<std::uint64_t>(0, kParts));

// ---- planted faults

struct Planted {
  Fault fault;
  std::set<Invariant> caught_by;  // one of them is the first that is violated
  std::uint64_t within;           // so many seeds from 1
};

class Planting : public ::testing::TestWithParam<Planted> {};

TEST_P(Planting, is_caught) {
  const Planted& planted = GetParam();
  RunOptions options;
  options.fault = planted.fault;
  for (options.seed = 1; options.seed <= planted.within; ++options.seed) {
    const RunResult result = run(options);
    if (!result.violation) continue;
    EXPECT_TRUE(planted.caught_by.contains(result.violation->invariant))
        << "seed " << options.seed << ", " << invariant_name(result.violation->invariant) << ": "
        << result.violation->what << "\n  " << command(options) << " --trace";
    RecordProperty("seed", std::to_string(options.seed));
    return;
  }
  FAIL() << "no seed up to " << planted.within << " catches it";
}

// The bounds leave room: which seed is first shifts with every change of the model.
const std::vector<Planted> kPlanted = {
    {Fault::ack_before_commit, {Invariant::acknowledged_survives}, 20},
    {Fault::commit_not_flushed,
     {Invariant::acknowledged_survives, Invariant::number_names_one_change, Invariant::row_is_replay},
     50},
    {Fault::gap_accepted, {Invariant::acknowledged_survives}, 50},
    {Fault::duplicate_applied_twice, {Invariant::row_is_replay}, 50},
    {Fault::refusal_forgotten, {Invariant::refused_is_gone, Invariant::edit_counts_once}, 300},
    {Fault::epoch_kept_after_restore, {Invariant::replicas_equal}, 50},
    {Fault::server_number_reused, {Invariant::number_names_one_change}, 50},
    {Fault::client_number_reused,
     {Invariant::number_names_one_change, Invariant::no_error, Invariant::replicas_equal,
      Invariant::row_is_replay, Invariant::refused_is_gone},
     50},
    {Fault::lost_tail_taken_as_sent, {Invariant::comes_to_rest}, 50},
    {Fault::refusal_taken_as_ack, {Invariant::replicas_equal}, 50},
    {Fault::tie_kept_on_the_wrong_side, {Invariant::row_is_replay}, 500},
    {Fault::fold_skips_a_change, {Invariant::row_is_replay, Invariant::nothing_lost_by_compaction}, 50},
    {Fault::fold_reads_uncommitted,
     {Invariant::row_is_replay, Invariant::nothing_lost_by_compaction, Invariant::replicas_equal},
     500},
    {Fault::compaction_by_highest_seen, {Invariant::nothing_lost_by_compaction}, 50},
    {Fault::pull_by_highest_seen, {Invariant::comes_to_rest}, 50},
    {Fault::pull_version_after_state, {Invariant::replicas_equal}, 100},
    {Fault::expectation_ignored, {Invariant::expectation_holds}, 50},
    {Fault::expectation_of_the_committed, {Invariant::expectation_holds}, 500},
    {Fault::quarantined_compacted, {Invariant::nothing_lost_by_compaction}, 300},
    {Fault::quarantined_in_pull, {Invariant::left_out_is_not_given}, 3000},
    {Fault::retry_not_logged, {Invariant::replicas_equal}, 300},
    {Fault::past_epoch_not_admitted, {Invariant::no_error}, 1000},
    {Fault::state_discarded_at_restore, {Invariant::survives_restore}, 100},
    {Fault::horizon_forgotten, {Invariant::state_of_a_moment}, 100},
    {Fault::moment_by_clients_clock, {Invariant::state_of_a_moment}, 50},
    {Fault::temporary_key_forgotten, {Invariant::one_document_a_key}, 100},
    {Fault::temporary_key_not_locked, {Invariant::one_document_a_key}, 1000},
};

TEST(Planted, every_fault_has_its_test) {
  std::set<Fault> tested;
  for (const Planted& planted : kPlanted) tested.insert(planted.fault);
  EXPECT_EQ(tested.size(), kFaults.size());
}

INSTANTIATE_TEST_SUITE_P(Fault, Planting, ::testing::ValuesIn(kPlanted), [](const auto& planted) {
  return std::string(fault_name(planted.param.fault));
});

// ---- the simulator itself

TEST(Simulator, the_same_seed_gives_the_same_run) {
  std::vector<std::string> told[2];
  for (auto& lines : told) {
    RunOptions options;
    options.seed = 7;
    options.trace = [&lines](const std::string& line) { lines.push_back(line); };
    EXPECT_FALSE(run(options).violation.has_value());
  }
  EXPECT_GT(told[0].size(), 500u);
  EXPECT_EQ(told[0], told[1]);
}

TEST(Simulator, a_shrunk_run_still_violates_and_needs_every_event) {
  RunOptions options;
  options.fault = Fault::ack_before_commit;
  const RunResult result = run(options);
  ASSERT_TRUE(result.violation.has_value());
  const RunOptions shortest = shrink(options, result.violation->invariant);
  ASSERT_LT(shortest.only->size(), 40u);
  EXPECT_EQ(run(shortest).violation->invariant, result.violation->invariant);
  for (std::size_t i = 0; i < shortest.only->size(); ++i) {
    RunOptions without = shortest;
    without.only->erase(without.only->begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(run(without).violation.has_value()) << "event " << (*shortest.only)[i];
  }
}

// Whatever the actions are for must happen, or the invariants are not asked.
TEST(Simulator, runs_are_full_of_what_can_go_wrong) {
  std::set<std::string> happened;
  std::uint64_t changes = 0, refused = 0, compacted = 0, moments = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RunOptions options;
    options.seed = seed;
    std::string last;
    options.trace = [&](const std::string& line) {
      if (line.starts_with("  ")) {
        if (line.find("rolls back") != std::string::npos) happened.insert("rolls back");
        if (line.find(": the state") != std::string::npos) happened.insert("the state");
        if (line.find(", expecting") != std::string::npos) happened.insert("expecting");
        if (line.find("gives up") != std::string::npos) happened.insert("gives up");
      } else if (line.starts_with(" ")) {
        last = line.substr(1);
      } else if (!last.empty()) {
        happened.insert(last);  // the draw that ended the event before
      }
    };
    const RunResult result = run(options);
    changes += result.changes;
    refused += result.refused;
    compacted += result.compacted;
    moments += result.moments;
  }
  for (std::size_t i = 0; i < kActions; ++i) {
    EXPECT_TRUE(happened.contains(std::string(action_name(static_cast<Action>(i)))))
        << action_name(static_cast<Action>(i));
  }
  EXPECT_TRUE(happened.contains("rolls back"));
  EXPECT_TRUE(happened.contains("the state"));
  EXPECT_TRUE(happened.contains("expecting"));
  EXPECT_TRUE(happened.contains("gives up"));
  EXPECT_GT(moments, 1000u);
  EXPECT_GT(changes, 1500u);
  EXPECT_GT(refused, 50u);
  EXPECT_GT(compacted, 200u);
}

}  // namespace
}  // namespace converge::simulation

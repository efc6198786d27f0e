// Runs of many small states, laid out as one state: keystrokes of one author that go
// on from each other become one run, so that a thousand of them cost about as much to
// join as what they wrote.
#pragma once

#include <forward_list>
#include <string>
#include <unordered_map>

#include "core/container/seeded_hash.h"
#include "core/sequence/sequence.h"

namespace converge {

// Puts the runs in the order of their identifiers and joins those that go on from the
// one before (follows()). They may overlap, come twice, and say different things of a
// unit. `texts` owns what the joined ones view.
void join_runs(std::vector<LooseRun>& runs, std::forward_list<std::string>& texts);

// Gathers texts' states.
class RunGathering {
 public:
  // What it views must outlive the gathering.
  void add(const FlatSequence& state);

  // What was added, for Sequence::add(). Nothing may be added any more.
  const FlatSequence& gathered();

 private:
  ClientIndex client(ReplicaId replica);

  FlatSequence flat_;
  std::unordered_map<ReplicaId, ClientIndex, SeededHash> clients_;
  std::forward_list<std::string> texts_;
};

}  // namespace converge

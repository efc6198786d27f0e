// What everybody in a run shares: the time, the network, the ledger, and where
// to say that an invariant is broken.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "edit.h"
#include "fault.h"
#include "ledger.h"
#include "network.h"
#include "plan.h"

namespace converge::simulation {

struct Environment {
  Environment(const Plan& plan_, std::optional<Fault> fault_, std::uint64_t seed)
      : plan(plan_), fault(fault_), network(plan.datagrams), ledger(plan.documents, plan.fields),
        marks(plan.documents), replicas(derive(seed, 1)) {}

  const Plan plan;
  const std::optional<Fault> fault;
  std::uint64_t now_ms = 1'700'000'000'000;
  Network network;
  Ledger ledger;
  std::vector<Marks> marks;  // of each document
  Random replicas;           // for replicas alone
  std::optional<Violation> violation;  // the first one
  std::function<void(const std::string&)> trace;  // if the run is to be told

  bool planted(Fault one) const { return fault == one; }

  ReplicaId draw_replica() { return 1 + replicas.below(kReplicaLimit - 1); }

  void violated(Invariant invariant, std::string what) {
    if (!violation) violation = Violation{invariant, std::move(what)};
  }
  void violated(std::optional<Violation> found) {
    if (found && !violation) violation = std::move(found);
  }

  // Whether it went well; otherwise nobody expected that error.
  template <class T>
  bool expect(const Result<T>& result, const char* who) {
    if (result.ok()) return true;
    const Error& error = result.error();
    violated(Invariant::no_error, std::string(who) + ": " + error.message + " (" + error.detail + ")");
    return false;
  }

  template <class... Parts>
  void note(const Parts&... parts) {
    if (!trace) return;
    std::string line;
    ((line += text_of(parts)), ...);
    trace(line);
  }

 private:
  static std::string text_of(std::string_view text) { return std::string(text); }
  static std::string text_of(std::uint64_t number) { return std::to_string(number); }
};

}  // namespace converge::simulation

// What kind of run a seed stands for: how many take part, what they edit, what
// goes wrong and how often. Everything else is drawn event by event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/session/document_session.h"
#include "random.h"

namespace converge::simulation {

enum class Action : std::uint8_t {
  // clients
  edit,
  save,
  send,
  connect,
  disconnect,
  crash_client,
  lose_disk,
  adopt,
  // the network
  deliver,
  duplicate,
  drop,
  partition,
  // the server
  execute_push,
  commit,
  roll_back,
  begin_sql,
  edit_sql,
  serve_pull,
  fold,
  compact,
  repeat_stream,
  change_policy,
  switch_deferred,
  change_bound,
  retry_quarantined,
  drop_quarantined,
  crash_server,
  start_server,
  back_up,
  restore,
  // the simulator
  check,
};

inline constexpr std::size_t kActions = static_cast<std::size_t>(Action::check) + 1;

std::string_view action_name(Action action);

struct Plan {
  explicit Plan(std::uint64_t seed);

  // The action of an event.
  Action draw(Random& random) const;

  std::size_t document_of(std::size_t client) const { return client % (makers > 0 ? makers : documents); }

  std::size_t documents = 1;
  std::size_t clients = 3;         // client i edits document i % documents
  // So many documents are made by clients, the first ones, and are not there before. The
  // rest of `documents` is room for those that a server makes which should not.
  std::size_t makers = 0;
  std::uint32_t principals = 2;    // as principal i % principals + 1
  std::vector<session::FieldInfo> fields;
  std::vector<bool> deferred;      // at the start, for each field
  // Messages of a connection are lost, doubled and reordered; else they come in
  // order until the connection breaks, as over TCP.
  bool datagrams = false;
  bool saves_before_sending = false;  // else an unsaved tail may have been sent
  std::uint64_t clock_grain_ms = 1;   // of the clients' clocks
  bool clocks_ahead = false;          // some clients' clocks are minutes ahead at times
  std::size_t max_payload = 0;        // bytes of a change's deltas; more is refused
  std::uint64_t constraint = 0;       // one change in so many violates one; 0: none
  std::uint64_t reconciling = 0;      // percent of the clients' connections
  std::uint64_t on_terms = 0;         // percent of the clients' changes: once, or expecting
  std::uint64_t weights[kActions] = {};
};

}  // namespace converge::simulation

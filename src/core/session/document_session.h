// One client's view of one document: its journal of local changes, their
// numbers, what the server acknowledged or refused, and the states that follow.
// No I/O and no clock: the caller passes the time and carries the messages, so
// that the browser, the command line and the simulator run the same code.
//
// Two states are kept for each field: `confirmed` (what the server is known to
// hold) and `visible` (confirmed, and the journal on top). A refusal ends the
// replica on this document: visible is rolled back to confirmed, a new replica
// is taken, and the journal's later edits are made again where they still make
// sense.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/field.h"
#include "core/result.h"

namespace converge::session {

struct FieldDelta {
  std::string field;
  std::string delta;  // an encoded state (field.h)
};

// A change as it travels: the caller turns it into wire.Change and back.
struct Change {
  ReplicaId replica = 0;
  std::uint64_t seq = 0;
  std::uint64_t hlc = 0;
  std::vector<FieldDelta> fields;
};

// What the caller must tell the user after a refusal.
struct Refusal {
  std::uint64_t seq = 0;
  std::uint32_t code = 0;            // wire.Code
  std::string message;
  std::vector<FieldDelta> lost;      // the refused change's deltas
  std::size_t reapplied = 0;         // later changes made again under the new replica
};

// The definition is the session author's; this is the shape callers rely on.
//
//   DocumentSession(std::function<ReplicaId()> draw_replica)
//
// What the server says:
//   Result<void> on_fields(name, FieldType)…        the document's fields
//   Result<void> on_state(fields, log_version)      a whole state (Subscribed)
//   Result<void> on_changes(changes)                catch-up or live; what is known is skipped
//   Result<void> on_ack(replica, seq)
//   Result<Refusal> on_reject(replica, seq, code, message, expected_seq)
//                                                   (a gap is no refusal: resend from expected_seq)
//   void on_epoch(epoch)                            another epoch than before: offer again what the server forgot
//
// Local edits, each one change, or several between begin_change and commit_change:
//   begin_change(now_ms); text_insert(field, at, text); text_delete(field, at, n);
//   map_set(field, key, json); map_unset(field, key); set_add(field, element);
//   set_remove(field, element); Result<const Change*> commit_change();
//
// What to send:
//   std::vector<Change> unacknowledged(from_seq = 0) const
//   std::string log_version() const                 for Subscribe.since
//
// What the user sees (UTF-8, JSON, sorted elements):
//   text(field), map_json(field), set_elements(field), state(field)
//
// Keeping it across a restart: save() → bytes, load(bytes).

}  // namespace converge::session

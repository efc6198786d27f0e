// Between the session's structures and the wire's messages.
#pragma once

#include <vector>

#include "converge.pb.h"
#include "core/session/document_session.h"

namespace converge::cli {

// What a session is given: a random replica, and the time.
ReplicaId draw_replica();
std::uint64_t now_ms();

void write_change(const session::Change& change, wire::Change* out);

// Throws std::runtime_error when the payload is no wire.Payload.
session::Change read_change(const wire::Change& in);
std::vector<session::Change> read_changes(
    const google::protobuf::RepeatedPtrField<wire::Change>& in);
std::vector<session::FieldInfo> read_fields(const wire::PullResponse& in);
std::vector<session::FieldDelta> read_state(const wire::DocumentState& in);

}  // namespace converge::cli

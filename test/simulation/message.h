// What travels between a client and the server's front (the bridge): the wire's
// messages (proto/converge.proto) with the session's own types inside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/session/document_session.h"

namespace converge::simulation {

using session::Change;
using session::Code;
using session::FieldDelta;
using session::FieldInfo;

// wire.Code where the session needs no name for it.
inline constexpr Code kMalformed = static_cast<Code>(4);
inline constexpr Code kTooLarge = static_cast<Code>(5);
inline constexpr Code kClockAhead = static_cast<Code>(6);
inline constexpr Code kEquivocation = static_cast<Code>(7);

// Whether the verdict is a refusal that stands in the log.
inline bool takes_number(Code code) {
  return code == Code::denied || code == kMalformed || code == kTooLarge || code == kClockAhead ||
         code == kEquivocation || code == Code::expectation_failed || code == Code::violates_constraint;
}

// ---- to the server

struct Subscribe {
  std::uint32_t request = 0;
  std::string since;  // an encoded log_version
};

struct Push {
  std::vector<Change> changes;
};

// Makes the document that its principal calls `temporary_key`, unless it is there.
struct Create {
  std::uint64_t temporary_key = 0;
  Change change;
};

// ---- to the client

struct Welcome {
  std::uint64_t epoch = 0;
};

struct Subscribed {
  std::uint32_t request = 0;
  std::uint64_t epoch = 0;
  std::vector<FieldInfo> fields;
  std::optional<std::vector<FieldDelta>> state;  // otherwise: changes
  std::vector<Change> changes;
  std::string log_version;
};

struct Changes {
  std::vector<Change> changes;
};

struct Ack {
  ReplicaId replica = 0;
  std::uint64_t seq = 0;
};

struct Reject {
  ReplicaId replica = 0;
  std::uint64_t seq = 0;
  Code code = Code::ok;
  std::uint64_t expected_seq = 0;
};

// The document of that temporary key is there, with the change that was to make it.
struct Created {
  std::size_t document = 0;
  ReplicaId replica = 0;
  std::uint64_t seq = 0;
};

// The document is not given to this client (any more).
struct Problem {
  std::uint32_t request = 0;  // the Subscribe it answers, or 0
};

using Message = std::variant<Subscribe, Push, Create, Welcome, Subscribed, Changes, Ack, Reject, Created, Problem>;

// The type's name.
std::string_view message_name(const Message& message);

}  // namespace converge::simulation

// Server messages as the bytes that go on the wire.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "converge.pb.h"
#include "database.h"

namespace converge::bridge {

// One encoded ServerMessage. Shared, because a change is encoded once for all
// subscribers of its document.
using Frame = std::shared_ptr<const std::string>;

Frame encode(const wire::ServerMessage& message);

Frame problem_frame(wire::Code code, std::string_view message, std::uint32_t request, bool fatal);

// Subscribed with a PullResponse that is encoded already: converge.pull() made
// it, and nothing here needs to look inside.
Frame subscribed_frame(std::uint32_t request, std::uint32_t channel, std::string_view pull);

// PullResponse.log_version, without parsing the rest.
std::string pull_log_version(std::string_view pull);

// What a client is told when the database refused a statement under its
// identity.
wire::Code code_of(const DatabaseError& error);

}  // namespace converge::bridge

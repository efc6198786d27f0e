// Yjs's update of what somebody typed, from its deltas alone: most of what passes a server
// waits for units that only the document has, and says all that an update has to say.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace converge {

// The update v1 that says what the encoded states say, of which nothing is integrated: texts
// without marks and embeds, and deletions. Nothing where it takes a document to write it:
// another content, units that are said twice, a state that is malformed.
std::optional<std::string> write_pending_update(std::span<const std::string_view> states);

}  // namespace converge

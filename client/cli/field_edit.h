// One edit of one field, as the words of `converge edit` and the arrays of
// `converge shell` say it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "core/session/document_session.h"

namespace converge::cli {

// Whether `operation` is one: insert, delete, splice, set, unset, add, remove.
bool is_field_edit(const std::string& operation);

// Makes the edit within the session's open change. `arguments`, by operation:
// insert [at, text]; delete [at, count]; splice [at, count, text]; set [key,
// value]; unset [key]; add [element]; remove [element].
// Throws std::invalid_argument when they are not that.
Result<void> edit_field(session::DocumentSession& session, const std::string& field,
                        const std::string& operation, const nlohmann::ordered_json& arguments);

}  // namespace converge::cli

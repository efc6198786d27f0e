// A field's value as JSON: a text is a string, a map an object, a set an array.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "core/session/document_session.h"

namespace converge::cli {

// Throws std::runtime_error if there is no such field.
nlohmann::ordered_json field_value(const session::DocumentSession& session,
                                   const std::string& field);

nlohmann::ordered_json all_values(const session::DocumentSession& session);

}  // namespace converge::cli

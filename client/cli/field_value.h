// A field's value as JSON: a text is a string, a map an object, a set an array.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "core/session/document_session.h"

namespace converge::cli {

// Of other types (counters, registers, Yjs documents) the command line shows nothing.
bool is_shown(const session::DocumentSession& session, const std::string& field);

// Throws std::runtime_error if there is no such field, or its value is not shown.
nlohmann::ordered_json field_value(const session::DocumentSession& session,
                                   const std::string& field);

// Of the fields that are shown.
nlohmann::ordered_json all_values(const session::DocumentSession& session);

}  // namespace converge::cli

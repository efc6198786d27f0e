#include "field_edit.h"

#include <map>
#include <stdexcept>

namespace converge::cli {

using nlohmann::ordered_json;

namespace {

// How many arguments each operation takes.
const std::map<std::string, std::size_t> kArguments = {
    {"insert", 2}, {"delete", 2}, {"splice", 3}, {"set", 2},
    {"unset", 1},  {"add", 1},    {"remove", 1}};

std::uint64_t number(const ordered_json& argument, const char* name) {
  if (!argument.is_number_unsigned())
    throw std::invalid_argument(std::string(name) + " must be a whole number from 0");
  return argument.get<std::uint64_t>();
}

std::string text(const ordered_json& argument, const char* name) {
  if (!argument.is_string()) throw std::invalid_argument(std::string(name) + " must be a string");
  return argument.get<std::string>();
}

}  // namespace

bool is_field_edit(const std::string& operation) { return kArguments.contains(operation); }

Result<void> edit_field(session::DocumentSession& session, const std::string& field,
                        const std::string& operation, const ordered_json& arguments) {
  const auto known = kArguments.find(operation);
  if (known == kArguments.end())
    throw std::invalid_argument("there is no operation \"" + operation + "\"");
  if (arguments.size() != known->second)
    throw std::invalid_argument("\"" + operation + "\" takes " + std::to_string(known->second) +
                                " arguments, not " + std::to_string(arguments.size()));
  if (operation == "insert")
    return session.text_insert(field, number(arguments[0], "AT"), text(arguments[1], "TEXT"));
  if (operation == "delete")
    return session.text_delete(field, number(arguments[0], "AT"), number(arguments[1], "COUNT"));
  if (operation == "splice")
    return session.text_splice(field, number(arguments[0], "AT"), number(arguments[1], "COUNT"),
                               text(arguments[2], "TEXT"));
  if (operation == "set")
    return session.map_set(field, text(arguments[0], "KEY"), arguments[1].dump());
  if (operation == "unset") return session.map_unset(field, text(arguments[0], "KEY"));
  if (operation == "add") return session.set_add(field, text(arguments[0], "ELEMENT"));
  return session.set_remove(field, text(arguments[0], "ELEMENT"));
}

}  // namespace converge::cli

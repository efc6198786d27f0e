#include "field_value.h"

#include <stdexcept>

namespace converge::cli {

using nlohmann::ordered_json;

namespace {

bool is_shown(FieldType type) {
  return type == FieldType::crdt_text || type == FieldType::lww_map || type == FieldType::or_set;
}

}  // namespace

bool is_shown(const session::DocumentSession& session, const std::string& field) {
  for (const session::FieldInfo& info : session.fields())
    if (info.field == field) return is_shown(info.type);
  return false;
}

ordered_json field_value(const session::DocumentSession& session, const std::string& field) {
  for (const session::FieldInfo& info : session.fields()) {
    if (info.field != field) continue;
    if (!is_shown(info.type)) {
      throw std::runtime_error("field \"" + field + "\" is of type " + std::string(field_type_name(info.type)) +
                               ", which this client does not show");
    }
    switch (info.type) {
      case FieldType::crdt_text: return session.text(field).value();
      case FieldType::lww_map: return ordered_json::parse(session.map_json(field).value());
      default: return session.set_elements(field).value();
    }
  }
  throw std::runtime_error("the document has no field \"" + field + "\"");
}

ordered_json all_values(const session::DocumentSession& session) {
  ordered_json values = ordered_json::object();
  for (const session::FieldInfo& info : session.fields())
    if (is_shown(info.type)) values[info.field] = field_value(session, info.field);
  return values;
}

}  // namespace converge::cli

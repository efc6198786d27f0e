#include "field_value.h"

#include <stdexcept>

namespace converge::cli {

using nlohmann::ordered_json;

ordered_json field_value(const session::DocumentSession& session, const std::string& field) {
  for (const session::FieldInfo& info : session.fields()) {
    if (info.field != field) continue;
    switch (info.type) {
      case FieldType::crdt_text: return session.text(field).value();
      case FieldType::lww_map: return ordered_json::parse(session.map_json(field).value());
      case FieldType::or_set: return session.set_elements(field).value();
      default:
        throw std::runtime_error("field \"" + field + "\" is of type " +
                                 std::string(field_type_name(info.type)) +
                                 ", which this client does not show");
    }
  }
  throw std::runtime_error("the document has no field \"" + field + "\"");
}

ordered_json all_values(const session::DocumentSession& session) {
  ordered_json values = ordered_json::object();
  for (const session::FieldInfo& info : session.fields())
    values[info.field] = field_value(session, info.field);
  return values;
}

}  // namespace converge::cli

#include "core/session/live_field.h"

#include <type_traits>

namespace converge::session {

namespace {

template <class State>
constexpr FieldType type_of() {
  if constexpr (std::is_same_v<State, LwwMap>) return FieldType::lww_map;
  if constexpr (std::is_same_v<State, OrSet>) return FieldType::or_set;
  if constexpr (std::is_same_v<State, Text>) return FieldType::crdt_text;
}

}  // namespace

Result<LiveField> LiveField::create(FieldType type) {
  switch (type) {
    case FieldType::lww_map:
      return LiveField(LwwMap{});
    case FieldType::or_set:
      return LiveField(OrSet{});
    case FieldType::crdt_text:
      return LiveField(Text{});
    default:
      return Error{ErrorCode::invalid, "field type is not supported",
                   "type " + std::to_string(static_cast<unsigned>(type))};
  }
}

FieldType LiveField::type() const {
  return std::visit(
      [](const auto& state) { return type_of<std::remove_cvref_t<decltype(state)>>(); }, state_);
}

Result<void> LiveField::merge_encoded(std::string_view bytes) {
  return std::visit(
      [&](auto& state) -> Result<void> {
        if constexpr (requires { state.merge_encoded(bytes); }) {
          return state.merge_encoded(bytes);
        } else {
          auto other = std::remove_cvref_t<decltype(state)>::decode(bytes);
          if (!other) return other.error();
          return state.merge(*other);
        }
      },
      state_);
}

std::string LiveField::encode() const {
  return std::visit([](const auto& state) { return state.encode(); }, state_);
}

std::string LiveField::difference(const LiveField& older) const {
  return std::visit(
      [&](const auto& state) {
        return state.difference(*older.get<std::remove_cvref_t<decltype(state)>>()).encode();
      },
      state_);
}

}  // namespace converge::session

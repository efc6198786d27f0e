#include "core/session/live_field.h"

#include <type_traits>

namespace converge::session {

namespace {

template <class State>
constexpr FieldType type_of() {
  if constexpr (std::is_same_v<State, LwwMap>) return FieldType::lww_map;
  if constexpr (std::is_same_v<State, OrSet>) return FieldType::or_set;
  if constexpr (std::is_same_v<State, Text>) return FieldType::crdt_text;
  if constexpr (std::is_same_v<State, PnCounter>) return FieldType::pn_counter;
  if constexpr (std::is_same_v<State, GCounter>) return FieldType::g_counter;
  if constexpr (std::is_same_v<State, MvRegister>) return FieldType::mv_register;
  if constexpr (std::is_same_v<State, LwwSet>) return FieldType::lww_set;
  if constexpr (std::is_same_v<State, PassedByDocument>) return FieldType::ydoc;
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
    case FieldType::pn_counter:
      return LiveField(PnCounter{});
    case FieldType::g_counter:
      return LiveField(GCounter{});
    case FieldType::mv_register:
      return LiveField(MvRegister{});
    case FieldType::lww_set:
      return LiveField(LwwSet{});
    case FieldType::ydoc:
      return LiveField(PassedByDocument{});
  }
  return Error{ErrorCode::invalid, "unknown field type",
               "it has number " + std::to_string(static_cast<unsigned>(type))};
}

FieldType LiveField::type() const {
  return std::visit(
      [](const auto& state) { return type_of<std::remove_cvref_t<decltype(state)>>(); }, state_);
}

bool LiveField::contains(std::string_view element) const {
  if (const auto* set = get<OrSet>()) return set->contains(element);
  const auto* set = get<LwwSet>();
  return set != nullptr && set->contains(element);
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

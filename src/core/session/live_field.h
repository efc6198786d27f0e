// One field's value, decoded and kept: a value of one of the CRDT classes.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/field.h"
#include "core/lww_map/lww_map.h"
#include "core/or_set/or_set.h"
#include "core/result.h"
#include "core/sequence/text.h"

namespace converge::session {

class LiveField {
 public:
  // The empty value. Errors: invalid (a type that has no class here).
  static Result<LiveField> create(FieldType type);

  FieldType type() const;

  // Joins an encoded state into this one. Errors: those of decode and merge.
  Result<void> merge_encoded(std::string_view bytes);

  std::string encode() const;

  // What `older`, of the same type, lacks: encoded.
  std::string difference(const LiveField& older) const;

  // nullptr if the value is of another class.
  template <class State>
  State* get() {
    return std::get_if<State>(&state_);
  }
  template <class State>
  const State* get() const {
    return std::get_if<State>(&state_);
  }

 private:
  using State = std::variant<LwwMap, OrSet, Text>;

  explicit LiveField(State state) : state_(std::move(state)) {}

  State state_;
};

}  // namespace converge::session

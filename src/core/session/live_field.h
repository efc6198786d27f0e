// One field's value, decoded and kept: a value of one of the CRDT classes.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/field.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/result.h"
#include "core/sequence/text.h"

namespace converge::session {

// A Yjs document is edited by Yjs clients, not through a session: one passes by what
// comes for such a field, and always has it empty.
struct PassedByDocument {
  Result<void> merge_encoded(std::string_view) { return {}; }
  std::string encode() const { return empty_state(FieldType::ydoc); }
  PassedByDocument difference(const PassedByDocument&) const { return {}; }
};

class LiveField {
 public:
  // The empty value. Errors: invalid (an unknown type).
  static Result<LiveField> create(FieldType type);

  FieldType type() const;

  // Whether the value is a set, of either type, with this element.
  bool contains(std::string_view element) const;

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
  using State = std::variant<LwwMap, OrSet, Text, PnCounter, GCounter, MvRegister, LwwSet,
                             PassedByDocument>;

  explicit LiveField(State state) : state_(std::move(state)) {}

  State state_;
};

}  // namespace converge::session

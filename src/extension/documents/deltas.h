// Many deltas of one field, to be joined.
#pragma once

#include "extension/compat.h"

#include <string_view>

#include "core/field.h"

namespace converge {

struct Deltas {
  std::string_view* states = nullptr;  // in the context of the first add()
  int count = 0;
  int room = 0;

  void add(std::string_view delta);
  // Their join; there must be one at least. Leaves the join as the only one.
  std::string_view join(FieldType type);
};

}  // namespace converge

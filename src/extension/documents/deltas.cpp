#include "extension/documents/deltas.h"

#include "extension/documents/field_value.h"

extern "C" {
#include "utils/memutils.h"
}

namespace converge {

void Deltas::add(std::string_view delta) {
  if (count == room) {
    room = room == 0 ? 4 : room * 2;
    const Size size = sizeof(std::string_view) * static_cast<Size>(room);
    states = static_cast<std::string_view*>(states == nullptr ? palloc(size) : repalloc_huge(states, size));
  }
  states[count++] = delta;
}

std::string_view Deltas::join(FieldType type) {
  Assert(count > 0);
  if (count > 1) {
    states[0] = boundary::view(merge_all_states(type, states, count));
    count = 1;
  }
  return states[0];
}

}  // namespace converge

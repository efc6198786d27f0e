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
  while (count > 1) {
    int kept = 0;
    for (int i = 0; i < count; i += 2) {
      states[kept++] =
          i + 1 < count ? boundary::view(merge_states(type, states[i], states[i + 1])) : states[i];
    }
    count = kept;
  }
  return states[0];
}

}  // namespace converge

// Where a run goes between its origins: YATA's rule as Yjs applies it, the one
// place that decides the order of a document. For whatever holds runs in order:
//
//   Document::Gap           {place, offset}: behind `offset` units of the run at
//                           `place`; at the beginning where offset is 0
//   first(), next(place)    places, of which valid() tells whether there is a run
//   run(place)              that run's id, length, left and right
//   head(place)             whether another list of units begins there
//   replica(client)
//   reaches(gap, unit)      whether the unit stands behind the gap
#pragma once

#include <cstdint>

#include "core/long_work.h"
#include "core/replica.h"
#include "core/sequence/run.h"

namespace converge {

// `gap` is behind the left origin, and the right origin does not follow there. What
// stands between the origins is walked through run by run: within a run every unit
// has the one before as its left origin, so that the rule goes the same way for all
// of it.
template <class Document, class Run>
typename Document::Gap gap_between_origins(const Document& document, const Run& run,
                                           typename Document::Gap gap) {
  const auto start = gap;
  auto place = gap.place;
  std::uint32_t offset = 0;
  if (gap.offset == 0) {
    place = document.first();
  } else if (gap.offset < document.run(place).length) {
    offset = gap.offset;
  } else {
    place = document.next(place);
  }
  const ReplicaId replica = document.replica(run.id.client);
  for (std::uint32_t steps = 1; place.valid(); ++steps) {
    if (steps % 1024 == 0) long_work();
    const auto& other = document.run(place);
    if (other.id.plus(offset) == run.right || document.head(place)) break;
    std::uint32_t end = other.length;
    if (!run.right.none() && run.right.client == other.id.client &&
        run.right.clock - other.id.clock < other.length &&
        run.right.clock - other.id.clock > offset) {
      end = run.right.clock - other.id.clock;
    }
    const UnitId left = offset > 0 ? other.id.plus(offset - 1) : other.left;
    if (left == run.left) {
      if (document.replica(other.id.client) < replica) {
        gap = {place, end};
      } else if (other.right == run.right) {
        break;
      }
    } else if (!left.none() && document.reaches(start, left)) {
      // Its origin was passed. If that already stands left of us, so does it.
      if (!document.reaches(gap, left)) gap = {place, end};
    } else {
      break;
    }
    if (end < other.length) break;
    place = document.next(place);
    offset = 0;
  }
  return gap;
}

}  // namespace converge

// What PostgreSQL tells of changed relations. A session has ten places for those who listen,
// and PostgreSQL and other extensions need some: a further one ends the session. So the
// extension listens once, whoever of it wants to know.
#pragma once

#include "extension/compat.h"

namespace converge {

// Has `told` called with each relation that was changed, or with InvalidOid for any of them;
// it must not raise. Again for the same function it does nothing.
void watch_relations(void (*told)(Oid relation));

}  // namespace converge

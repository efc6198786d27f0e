// What the maintenance worker measures now and then: how much tenants use of what
// they have a limit on.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// Measures, in a transaction of its own, if it is time to. In how many milliseconds
// it is to be called again. Raises what reading and writing may. Ends in `context`.
long measure_some(MemoryContext context);

}  // namespace converge::worker

// Reads WAL for the decoder, as it is flushed.
#pragma once

#include "worker/background/postgres_headers.h"

namespace converge::worker {

// What the process does around reading.
struct WalSourceCallbacks {
  // Waits until there may be more WAL. False: give up reading. The latch was
  // reset before the flush position was found too low.
  bool (*wait)();
  // Called for each page, and returns at once. False: give up reading.
  bool (*poll)();
};

// The routines of a reader on this server's WAL; one set for the process.
XLogReaderRoutine* wal_source(const WalSourceCallbacks& callbacks);

}  // namespace converge::worker

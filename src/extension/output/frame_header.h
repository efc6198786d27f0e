// What a frame says of its transaction.
#pragma once

#include "postgres_headers.h"

namespace converge::output {

struct FrameHeader {
  XLogRecPtr commit_lsn;
  TransactionId xid;
  int64 commit_time;  // microseconds since 1970
  bool last;
};

}  // namespace converge::output

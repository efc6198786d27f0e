// A message to a bridge, for the parts of BridgeServer.
#pragma once

#include "proto/converge.pb-c.h"

namespace converge::worker {

struct WorkerReplyMessage {
  Converge__Wire__WorkerReply wire;
};

}  // namespace converge::worker

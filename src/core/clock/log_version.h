// The version of a document: the number of the last change of each replica that
// is known, all from 1 without a hole. What a client says to get what it lacks.
#pragma once

#include "core/clock/replica_counters.h"

namespace converge {

struct LogVersionKind {
  static constexpr std::string_view name = "log_version";
  static constexpr std::uint8_t tag = 0x91;
};

using LogVersion = ReplicaCounters<LogVersionKind>;

}  // namespace converge

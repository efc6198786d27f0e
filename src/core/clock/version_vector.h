// The version of one field: how many of each replica's edits it has, all from
// the first without a hole. It covers what is integrated, nothing that waits.
#pragma once

#include "core/clock/replica_counters.h"

namespace converge {

struct VersionVectorKind {
  static constexpr std::string_view name = "version_vector";
  static constexpr std::uint8_t tag = 0x81;
};

using VersionVector = ReplicaCounters<VersionVectorKind>;

}  // namespace converge

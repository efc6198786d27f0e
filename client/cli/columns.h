// The plain columns that a collection includes: what the server says they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "converge.pb.h"
#include "core/clock/log_version.h"

namespace converge::cli {

// The changes of one replica come in order, but some twice: after a reconnect
// with the pull and live. Those that are known already are passed over.
class Columns {
 public:
  // Before its changes are given to on_change(). Whether it altered a column.
  bool on_pull(const wire::PullResponse& pull);
  // Whether the change altered a column.
  bool on_change(const wire::Change& change);

  nlohmann::ordered_json values() const;

 private:
  struct Held {
    nlohmann::ordered_json value;
    std::uint64_t replica = 0;
    std::uint64_t hlc = 0;
  };
  std::map<std::string, Held> held_;
  LogVersion known_;
  std::uint64_t epoch_ = 0;
};

}  // namespace converge::cli

// The WebSocket close codes that the bridge sends (RFC 6455, 7.4.1; 1013 is
// registered with IANA).
#pragma once

#include <cstdint>

namespace converge::bridge {

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  invalid_text = 1007,
  policy_violation = 1008,
  too_big = 1009,
  try_again_later = 1013,
};

}  // namespace converge::bridge

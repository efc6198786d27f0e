// The WebSocket close codes that the bridge sends (RFC 6455, 7.4.1; 1013 is
// registered with IANA; 4000 and above are for applications).
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
  // For Yjs providers, which do not connect again after those of 4400 to 4499.
  bad_request = 4400,
  unauthorized = 4401,
  forbidden = 4403,
  not_found = 4404,
};

}  // namespace converge::bridge

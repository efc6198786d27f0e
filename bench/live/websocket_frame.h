// WebSocket frames (RFC 6455, 5.2) as the load generator and the reference
// server write and read them: whole messages of one frame, nothing optional.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bench {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct FrameView {
  Opcode opcode;
  bool final;
  std::string_view payload;  // into the bytes it was read from
  std::size_t size;          // of the whole frame
};

// The frame that `bytes` begins with, or nothing when it is not whole yet. A
// masked payload is unmasked in place.
std::optional<FrameView> read_frame(std::span<char> bytes);

void append_frame(std::string& out, Opcode opcode, std::string_view payload, bool masked);

}  // namespace bench

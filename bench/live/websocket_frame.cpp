#include "websocket_frame.h"

namespace bench {

namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kMasked = 0x80;
// Any will do: the mask hides messages from proxies, and there are none here.
constexpr char kMask[4] = {0x37, 0x5a, 0x11, 0x6e};

}  // namespace

std::optional<FrameView> read_frame(std::span<char> bytes) {
  auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  if (bytes.size() < 2) return {};
  std::size_t at = 2;
  std::uint64_t length = byte(1) & 0x7f;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  const bool masked = (byte(1) & kMasked) != 0;
  if (bytes.size() < at + extended + (masked ? 4 : 0)) return {};
  if (extended != 0) length = 0;
  for (std::size_t i = 0; i < extended; ++i) length = length << 8 | byte(at++);
  const char* mask = bytes.data() + at;
  if (masked) at += 4;
  if (bytes.size() - at < length) return {};
  char* payload = bytes.data() + at;
  if (masked)
    for (std::size_t i = 0; i < length; ++i) payload[i] ^= mask[i % 4];
  return FrameView{static_cast<Opcode>(byte(0) & 0x0f), (byte(0) & kFinal) != 0, {payload, length}, at + length};
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, bool masked) {
  const std::uint8_t mask_bit = masked ? kMasked : 0;
  out.push_back(static_cast<char>(kFinal | static_cast<std::uint8_t>(opcode)));
  const std::size_t size = payload.size();
  const int extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
  out.push_back(static_cast<char>(mask_bit | (extended == 0 ? size : extended == 2 ? 126 : 127)));
  for (int shift = 8 * (extended - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(size >> shift));
  if (!masked) {
    out += payload;
    return;
  }
  out.append(kMask, sizeof kMask);
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(payload[i] ^ kMask[i % 4]));
}

}  // namespace bench

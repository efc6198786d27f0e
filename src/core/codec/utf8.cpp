#include "core/codec/utf8.h"

#include <cstdint>
#include <cstring>

namespace converge {

namespace {

// Whether none of the eight bytes is zero or above 0x7f.
bool all_plain(std::uint64_t word) {
  constexpr std::uint64_t high = 0x8080808080808080u;
  constexpr std::uint64_t low = 0x0101010101010101u;
  return ((word | (word - low)) & high) == 0;
}

}  // namespace

std::size_t find_invalid_text(std::string_view bytes) {
  std::size_t at = 0;
  const std::size_t size = bytes.size();
  auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  auto continues = [&](std::size_t i) { return i < size && (byte(i) & 0xc0) == 0x80; };
  while (at < size) {
    if (size - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + at, 8);
      if (all_plain(word)) {
        at += 8;
        continue;
      }
    }
    const std::uint8_t lead = byte(at);
    if (lead == 0) return at;
    if (lead < 0x80) {
      at += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      if (!continues(at + 1)) return at;
      at += 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      if (!continues(at + 1) || !continues(at + 2)) return at;
      if (lead == 0xe0 && byte(at + 1) < 0xa0) return at;  // overlong
      if (lead == 0xed && byte(at + 1) > 0x9f) return at;  // a surrogate
      at += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      if (!continues(at + 1) || !continues(at + 2) || !continues(at + 3)) return at;
      if (lead == 0xf0 && byte(at + 1) < 0x90) return at;  // overlong
      if (lead == 0xf4 && byte(at + 1) > 0x8f) return at;  // above U+10FFFF
      at += 4;
    } else {
      return at;
    }
  }
  return kTextOk;
}

}  // namespace converge

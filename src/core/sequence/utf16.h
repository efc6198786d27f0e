// Measures UTF-8 in characters (code points) and in UTF-16 units. The text is
// known to be well-formed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace converge {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct TextSize {
  std::uint32_t bytes = 0;
  std::uint32_t chars = 0;
  std::uint32_t units = 0;
};

inline std::uint32_t utf8_bytes_of(char first) {
  auto byte = static_cast<std::uint8_t>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

// A character of four bytes is a surrogate pair, all others are one unit.
inline std::uint32_t units_of_bytes(std::uint32_t bytes) { return bytes == 4 ? 2 : 1; }

inline TextSize measure(std::string_view text) {
  TextSize size{static_cast<std::uint32_t>(text.size()), 0, 0};
  for (char c : text) {
    auto byte = static_cast<std::uint8_t>(c);
    size.chars += (byte & 0xc0) != 0x80;
    size.units += ((byte & 0xc0) != 0x80) + (byte >= 0xf0);
  }
  return size;
}

// The UTF-16 units of a long text, eight bytes at a time.
inline std::uint64_t count_units(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;  // the lowest bit of each byte
  std::uint64_t units = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t within = (word >> 7) & ~(word >> 6) & kOnes;  // 10xxxxxx
    const std::uint64_t pairs = (word >> 7) & (word >> 6) & (word >> 5) & (word >> 4) & kOnes;
    units += 8 - ((within * kOnes) >> 56) + ((pairs * kOnes) >> 56);
  }
  return units + measure(text.substr(at)).units;
}

// The bytes of the first `units` units of a long text, which has that many and
// between them no surrogate pair to cut.
inline std::size_t bytes_of_units(std::string_view text, std::uint64_t units) {
  constexpr std::size_t kStep = 64;
  std::size_t at = 0;
  while (units >= kStep && at + kStep <= text.size()) {
    const std::uint64_t step = count_units(text.substr(at, kStep));
    units -= step;
    at += kStep;
  }
  // What begins before `at` is counted whole.
  while (at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80) ++at;
  while (units > 0) {
    const std::uint32_t size = utf8_bytes_of(text[at]);
    at += size;
    units -= units_of_bytes(size);
  }
  return at;
}

// The size of the first `chars` characters of `text`, which has that many.
inline TextSize measure_chars(const char* text, std::uint32_t chars) {
  TextSize size{0, chars, 0};
  for (std::uint32_t i = 0; i < chars; ++i) {
    std::uint32_t bytes = utf8_bytes_of(text[size.bytes]);
    size.bytes += bytes;
    size.units += units_of_bytes(bytes);
  }
  return size;
}

// The size of the longest prefix of `text` of at most `units` units: one less
// than asked for where that would cut a surrogate pair.
inline TextSize measure_units(const char* text, std::uint32_t units) {
  TextSize size;
  while (size.units < units) {
    std::uint32_t bytes = utf8_bytes_of(text[size.bytes]);
    if (size.units + units_of_bytes(bytes) > units) break;
    size.bytes += bytes;
    size.units += units_of_bytes(bytes);
    ++size.chars;
  }
  return size;
}

}  // namespace converge

#include "core/session/text_splice.h"

#include <algorithm>

namespace converge::session {

namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// A UTF-16 unit for each character, and one more for those of four bytes.
std::uint64_t count_utf16(std::string_view utf8) {
  std::uint64_t units = 0;
  for (char byte : utf8) {
    units += !continues(byte);
    units += static_cast<unsigned char>(byte) >= 0xf0;
  }
  return units;
}

}  // namespace

std::uint64_t count_chars(std::string_view utf8) {
  std::uint64_t chars = 0;
  for (char byte : utf8) chars += !continues(byte);
  return chars;
}

std::optional<TextSplice> splice_between(std::string_view before, std::string_view after) {
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = static_cast<std::size_t>(
      std::mismatch(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(shorter),
                    after.begin())
          .first -
      before.begin());
  if (head == before.size() && head == after.size()) return std::nullopt;
  // Back to where a character begins, in both: what they share up to here is equal.
  while (head > 0 && ((head < before.size() && continues(before[head])) ||
                      (head < after.size() && continues(after[head])))) {
    --head;
  }
  std::size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  while (tail > 0 && continues(before[before.size() - tail])) --tail;
  const std::string_view deleted = before.substr(head, before.size() - tail - head);
  TextSplice splice;
  splice.at = count_chars(before.substr(0, head));
  splice.at_utf16 = count_utf16(before.substr(0, head));
  splice.deleted = count_chars(deleted);
  splice.deleted_utf16 = count_utf16(deleted);
  splice.inserted = after.substr(head, after.size() - tail - head);
  return splice;
}

}  // namespace converge::session

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

struct Character {
  Dot id;
  std::string_view utf8;
};

std::vector<Character> characters_of(const Text& text, std::string_view utf8) {
  std::vector<Character> characters;
  characters.reserve(text.char_length());
  for (const TextBlame& run : text.blame()) {
    std::uint64_t clock = run.clock;
    for (std::uint64_t i = 0; i < run.count; ++i) {
      std::size_t bytes = 1;
      while (bytes < utf8.size() && continues(utf8[bytes])) ++bytes;
      characters.push_back(Character{{run.replica, clock}, utf8.substr(0, bytes)});
      clock += count_utf16(utf8.substr(0, bytes));
      utf8.remove_prefix(bytes);
    }
  }
  return characters;
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

std::vector<TextSplice> splices_between(const Text& before, const Text& after) {
  const std::string old_text = before.text();
  const std::string new_text = after.text();
  std::vector<TextSplice> splices;
  auto whole = splice_between(old_text, new_text);
  if (!whole) return splices;
  if (whole->deleted == 0 || whole->inserted.empty()) {
    splices.push_back(std::move(*whole));
    return splices;
  }
  const std::vector<Character> olds = characters_of(before, old_text);
  const std::vector<Character> news = characters_of(after, new_text);
  std::vector<Dot> kept;
  kept.reserve(news.size());
  for (const Character& character : news) kept.push_back(character.id);
  std::sort(kept.begin(), kept.end());
  // Characters that both have stand in the same order in both.
  TextSplice splice;
  std::uint64_t at = 0;
  std::uint64_t at_utf16 = 0;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < olds.size() || j < news.size()) {
    const bool gone = i < olds.size() && !std::binary_search(kept.begin(), kept.end(), olds[i].id);
    const bool same = !gone && i < olds.size() && j < news.size() && olds[i].id == news[j].id;
    if (gone) {
      ++splice.deleted;
      splice.deleted_utf16 += count_utf16(olds[i++].utf8);
    } else if (!same) {
      splice.inserted += news[j++].utf8;
    }
    const bool ends = same || (i == olds.size() && j == news.size());
    if (ends && (splice.deleted > 0 || !splice.inserted.empty())) {
      splice.at = at;
      splice.at_utf16 = at_utf16;
      at += count_chars(splice.inserted);
      at_utf16 += count_utf16(splice.inserted);
      splices.push_back(std::move(splice));
      splice = TextSplice{};
    }
    if (same) {
      ++at;
      at_utf16 += count_utf16(news[j].utf8);
      ++i;
      ++j;
    }
  }
  return splices;
}

}  // namespace converge::session

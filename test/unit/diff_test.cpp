// diff_text beside the textbook: the changes make the wanted text, and no fewer
// characters could.
#include "core/sequence/diff.h"

#include <string>
#include <vector>

#include "core/sequence/utf16.h"
#include "property/history.h"

namespace converge {
namespace {

using property::Numbers;

// Few letters, so that there is much in common; of one to four bytes, two of them
// alike but for their first byte.
constexpr std::string_view kLetters[] = {"a", "b", "é", "語", "𝕏", "\xf1\x9d\x95\x8f"};

std::vector<std::string_view> letters_of(const Numbers& numbers, std::uint32_t variety) {
  std::vector<std::string_view> letters;
  for (std::uint32_t number : numbers) letters.push_back(kLetters[number % variety]);
  return letters;
}

std::string text_of(const std::vector<std::string_view>& letters) {
  std::string text;
  for (auto letter : letters) text += letter;
  return text;
}

std::size_t byte_of(std::string_view text, std::uint64_t at) {
  std::size_t byte = 0;
  while (at-- > 0) byte += utf8_bytes_of(text[byte]);
  return byte;
}

std::uint64_t count_of(std::string_view text) {
  std::uint64_t count = 0;
  for (std::size_t byte = 0; byte < text.size(); byte += utf8_bytes_of(text[byte])) ++count;
  return count;
}

std::string made(std::string text, const std::vector<TextChange>& changes) {
  for (const TextChange& change : changes) {
    const std::size_t at = byte_of(text, change.at);
    text.replace(at, byte_of(std::string_view(text).substr(at), change.erased), change.text);
  }
  return text;
}

std::uint64_t cost_of(const std::vector<TextChange>& changes) {
  std::uint64_t cost = 0;
  for (const TextChange& change : changes) cost += change.erased + count_of(change.text);
  return cost;
}

// What is not in the longest common subsequence, by the table.
std::uint64_t least_cost(const std::vector<std::string_view>& a,
                         const std::vector<std::string_view>& b) {
  std::vector<std::uint64_t> above(b.size() + 1), row(b.size() + 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = a[i] == b[j] ? above[j] + 1 : std::max(above[j + 1], row[j]);
    }
    std::swap(above, row);
  }
  return a.size() + b.size() - 2 * above[b.size()];
}

TEST(Diff, gives_the_fewest_characters_that_make_the_wanted_text) {
  CONVERGE_PROPERTY([](const Numbers& one, const Numbers& other, std::uint32_t variety) {
    const auto a = letters_of(one, 1 + variety % 6);
    const auto b = letters_of(other, 1 + variety / 6 % 6);
    const std::string current = text_of(a);
    const std::string wanted = text_of(b);
    const auto changes = diff_text(current, wanted);
    RC_ASSERT(made(current, changes) == wanted);
    RC_ASSERT(cost_of(changes) == least_cost(a, b));
    std::uint64_t end = 0;  // of the change before, and one that stays
    for (std::size_t i = 0; i < changes.size(); ++i) {
      RC_ASSERT(changes[i].erased > 0 || !changes[i].text.empty());
      RC_ASSERT(i == 0 || changes[i].at > end);
      end = changes[i].at + count_of(changes[i].text);
    }
  });
}

// One text edited here and there, as people do: the edits, and no more.
TEST(Diff, finds_a_few_edits_in_a_long_text) {
  CONVERGE_PROPERTY([](const Numbers& edits, std::uint32_t seed) {
    std::vector<std::string_view> a;
    for (std::uint32_t i = 0; i < 400; ++i) a.push_back(kLetters[property::mix(i, seed) % 6]);
    auto b = a;
    for (std::uint32_t edit : edits) {
      const auto at = b.begin() + static_cast<std::ptrdiff_t>(edit / 4 % b.size());
      if (edit % 4 == 0) {
        b.erase(at);
      } else {
        b.insert(at, kLetters[edit % 6]);
      }
    }
    const std::string current = text_of(a);
    const std::string wanted = text_of(b);
    const auto changes = diff_text(current, wanted);
    RC_ASSERT(made(current, changes) == wanted);
    RC_ASSERT(cost_of(changes) == least_cost(a, b));
  });
}

// Beyond its bound the search is not minimal any more, but it is right, and near.
TEST(Diff, of_texts_that_differ_in_very_many_places_ends) {
  std::string current, wanted;
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    current += static_cast<char>('a' + property::mix(i, 1) % 20);
    wanted += static_cast<char>('a' + property::mix(i, 2) % 20);
  }
  const auto changes = diff_text(current, wanted);
  EXPECT_EQ(made(current, changes), wanted);
  EXPECT_LT(cost_of(changes), 110'000u);
}

}  // namespace
}  // namespace converge

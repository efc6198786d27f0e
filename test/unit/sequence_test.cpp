#include <gtest/gtest.h>

#include <string>

#include "core/sequence/run_codec.h"
#include "core/sequence/text.h"

namespace converge {
namespace {

constexpr ReplicaId kAnna = 11;
constexpr ReplicaId kBert = 22;

Text text_of(ReplicaId replica, std::string_view utf8) {
  Text text;
  EXPECT_TRUE(text.insert(replica, 0, utf8).ok());
  return text;
}

Text merged(Text a, const Text& b) {
  EXPECT_TRUE(a.merge(b).ok());
  return a;
}

TEST(Text, the_empty_state_is_one_byte) {
  EXPECT_EQ(Text().encode(), "\x31");
  EXPECT_TRUE(Text::decode("\x31").value().empty());
  EXPECT_EQ(Text::text_of_encoded("\x31").value(), "");
}

TEST(Text, edits_count_characters) {
  Text text = text_of(kAnna, "aé漢😀z");
  EXPECT_EQ(text.char_length(), 5u);
  EXPECT_EQ(text.utf16_length(), 6u);
  ASSERT_TRUE(text.insert(kAnna, 4, "-").ok());
  EXPECT_EQ(text.text(), "aé漢😀-z");
  ASSERT_TRUE(text.erase(1, 3).ok());
  EXPECT_EQ(text.text(), "a-z");
  ASSERT_TRUE(text.splice(kBert, 1, 1, "=>").ok());
  EXPECT_EQ(text.text(), "a=>z");
  EXPECT_EQ(text.substr(1, 2).value(), "=>");
}

TEST(Text, positions_convert_between_characters_and_utf16_units) {
  const Text text = text_of(kAnna, "a😀b😀");
  EXPECT_EQ(text.utf16_of_char(2).value(), 3u);
  EXPECT_EQ(text.char_of_utf16(3).value(), 2u);
  EXPECT_EQ(text.char_of_utf16(2).value(), 1u) << "inside a pair counts as before it";
  EXPECT_EQ(text.char_of_utf16(6).value(), 4u);
  EXPECT_EQ(text.char_of_utf16(7).error().code, ErrorCode::out_of_range);
}

TEST(Text, what_is_wrong_with_an_edit_is_named_and_changes_nothing) {
  Text text = text_of(kAnna, "abc");
  const std::string before = text.encode();
  EXPECT_EQ(text.insert(kAnna, 4, "x").error().message, "text position 4 is out of range");
  EXPECT_EQ(text.erase(2, 2).error().detail, "the text has 3 characters");
  EXPECT_EQ(text.insert(kAnna, 0, "\xff").error().code, ErrorCode::malformed);
  EXPECT_EQ(text.insert(kAnna, 0, std::string_view("\0", 1)).error().code, ErrorCode::malformed);
  EXPECT_EQ(text.insert(kReplicaLimit, 0, "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(text.encode(), before);
}

TEST(Text, concurrent_insertions_at_one_place_stay_whole) {
  const Text base = text_of(kAnna, "()");
  Text a = base;
  Text b = base;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(a.insert(kAnna, 1 + i, "a").ok());
    ASSERT_TRUE(b.insert(kBert, 1 + i, "b").ok());
  }
  EXPECT_EQ(merged(a, b).text(), "(aaabbb)");
  EXPECT_EQ(merged(a, b).encode(), merged(b, a).encode());
}

TEST(Text, half_a_surrogate_pair_becomes_a_replacement_character) {
  // Bert's insertion, as one made by UTF-16 units, stands inside the pair.
  Text text = text_of(kAnna, "😀");
  std::string delta;
  Text other = text_of(kAnna, "xy");  // the same units, to name the place between
  ASSERT_TRUE(other.insert(kBert, 1, "|", &delta).ok());
  ASSERT_TRUE(text.merge_encoded(delta).ok());
  EXPECT_EQ(text.text(), "\uFFFD|\uFFFD");
  EXPECT_EQ(text.utf16_length(), 3u);
}

TEST(Text, a_delta_waits_for_what_it_depends_on) {
  Text text;
  std::string first, second, erase;
  ASSERT_TRUE(text.insert(kAnna, 0, "ab", &first).ok());
  ASSERT_TRUE(text.insert(kBert, 1, "-", &second).ok());
  ASSERT_TRUE(text.erase(0, 1, &erase).ok());
  Text late;
  ASSERT_TRUE(late.merge_encoded(erase).ok());
  ASSERT_TRUE(late.merge_encoded(second).ok());
  EXPECT_EQ(late.text(), "");
  EXPECT_TRUE(late.has_pending());
  EXPECT_TRUE(late.version().empty());
  EXPECT_EQ(Text::decode(late.encode()).value().encode(), late.encode());
  ASSERT_TRUE(late.merge_encoded(first).ok());
  EXPECT_EQ(late.encode(), text.encode());
  EXPECT_EQ(late.text(), "-b");
}

TEST(Text, what_waits_has_a_bound_in_bytes_that_its_cuts_do_not_change) {
  const std::string much(kMaxPendingBytes / 8 * 5, 'x');
  const std::string some(kMaxPendingBytes / 8 * 2, 'y');
  Text text;
  std::string first, most, cut, rest, too_much;
  ASSERT_TRUE(text.insert(kAnna, 0, "a", &first).ok());
  ASSERT_TRUE(text.insert(kAnna, 1, much, &most).ok());
  for (std::uint64_t at : {100, 5000, 60000}) {
    std::string one;
    ASSERT_TRUE(text.erase(at, 10, &one).ok());
    cut = cut.empty() ? one : merge(FieldType::crdt_text, cut, one).value();
  }
  ASSERT_TRUE(text.insert(kBert, 200, some, &rest).ok());
  ASSERT_TRUE(text.insert(kAnna, 1, some, &too_much).ok());

  Text late;
  ASSERT_TRUE(late.merge_encoded(most).ok());
  ASSERT_TRUE(late.merge_encoded(cut).ok());
  ASSERT_TRUE(late.merge_encoded(rest).ok());
  Text full = late;
  EXPECT_EQ(full.merge_encoded(too_much).error().code, ErrorCode::too_large);
  // Nothing waits any more, and so there is room.
  ASSERT_TRUE(late.merge_encoded(first).ok());
  EXPECT_FALSE(late.has_pending());
  ASSERT_TRUE(late.merge_encoded(too_much).ok());
  EXPECT_EQ(late.encode(), text.encode());
}

TEST(Text, a_replica_whose_edits_are_pending_cannot_edit) {
  Text text;
  std::string first, second;
  ASSERT_TRUE(text.insert(kAnna, 0, "a", &first).ok());
  ASSERT_TRUE(text.insert(kAnna, 1, "b", &second).ok());
  Text other;
  ASSERT_TRUE(other.merge_encoded(second).ok());
  EXPECT_EQ(other.insert(kAnna, 0, "x").error().code, ErrorCode::invalid);
  EXPECT_TRUE(other.insert(kBert, 0, "x").ok());
}

TEST(Text, deleted_text_is_not_kept) {
  Text text = text_of(kAnna, "a secret word");
  ASSERT_TRUE(text.erase(2, 7).ok());
  EXPECT_EQ(text.encode().find("secret"), std::string::npos);
  EXPECT_EQ(text.text(), "a word");
}

TEST(Text, assign_leaves_what_is_equal_alone) {
  Text text = text_of(kAnna, "the quick brown fox");
  const Text before = text;
  Text typed = before;
  ASSERT_TRUE(typed.insert(kBert, 19, " jumps").ok());
  std::string delta;
  ASSERT_TRUE(text.assign(kAnna, "the slow brown fox", &delta).ok());
  EXPECT_EQ(merged(text, typed).text(), "the slow brown fox jumps");
  EXPECT_LT(delta.size(), 60u);
  ASSERT_TRUE(text.assign(kAnna, "the slow brown fox", &delta).ok());
  EXPECT_EQ(delta, "\x31");
}

TEST(Text, assign_of_a_wholly_different_long_text_ends) {
  std::string before, after;
  for (unsigned i = 0; i < 300'000; ++i) {
    before += static_cast<char>('a' + i * i % 23);
    after += static_cast<char>('A' + i * i % 25);
  }
  Text text = text_of(kAnna, before);
  ASSERT_TRUE(text.assign(kAnna, after).ok());
  EXPECT_EQ(text.text(), after);
}

TEST(Text, a_three_way_merge_keeps_both_sides) {
  const Text base = text_of(kAnna, "one two three");
  Text now = base;
  ASSERT_TRUE(now.splice(kAnna, 0, 3, "1").ok());
  std::string delta;
  ASSERT_TRUE(now.assign_since(base, kBert, "one two 3", &delta).ok());
  EXPECT_EQ(now.text(), "1 two 3");
  EXPECT_EQ(now.assign_since(now, kBert, "2", &delta).ok(), true);
  EXPECT_EQ(base.encode(), text_of(kAnna, "one two three").encode());
  Text older = base;
  EXPECT_EQ(older.assign_since(now, 33, "x").error().code, ErrorCode::invalid);
}

TEST(Text, anchors_stay_while_others_edit) {
  using Side = TextAnchor::Side;
  Text text = text_of(kAnna, "a😀c");
  const TextAnchor before = text.anchor(1, Side::before).value();
  const TextAnchor after = text.anchor(2, Side::after).value();
  ASSERT_TRUE(text.insert(kBert, 1, "<").ok());
  ASSERT_TRUE(text.insert(kBert, 3, ">").ok());
  EXPECT_EQ(text.text(), "a<😀>c");
  EXPECT_EQ(text.position(before).value(), 2u);
  EXPECT_EQ(text.position(after).value(), 3u);
  ASSERT_TRUE(text.erase(1, 2).ok());
  EXPECT_EQ(text.position(before).value(), 1u);
  EXPECT_EQ(text.position(after).value(), 1u);
  EXPECT_EQ(TextAnchor::decode(after.encode()).value(), after);
  EXPECT_EQ(text.position(text.anchor(3, Side::before).value()).value(), 3u) << "the end";
  EXPECT_EQ(Text().position(after).error().code, ErrorCode::invalid);
  EXPECT_EQ(TextAnchor::decode("\x05").error().code, ErrorCode::malformed);
}

TEST(Text, blame_names_who_wrote_what) {
  Text text = text_of(kAnna, "hello world");
  ASSERT_TRUE(text.insert(kBert, 5, ", dear").ok());
  const auto blame = text.blame();
  ASSERT_EQ(blame.size(), 3u);
  EXPECT_EQ(blame[0].count, 5u);
  EXPECT_EQ(blame[1].replica, kBert);
  EXPECT_EQ(blame[1].at, 5u);
  EXPECT_EQ(blame[2].at, 11u);
  EXPECT_EQ(blame[2].clock, 5u);
}

TEST(Text, every_truncation_is_malformed) {
  Text text = text_of(kAnna, "some text 😀");
  std::string pending;
  ASSERT_TRUE(text.insert(kBert, 4, "!").ok());
  ASSERT_TRUE(text.erase(1, 2).ok());
  Text ahead = text;
  ASSERT_TRUE(ahead.insert(33, 1, "x").ok());
  ASSERT_TRUE(ahead.insert(33, 1, "y", &pending).ok());
  ASSERT_TRUE(text.merge_encoded(pending).ok());
  const std::string bytes = text.encode();
  ASSERT_TRUE(Text::validate(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (size == 1) continue;  // the empty text
    EXPECT_FALSE(Text::decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_EQ(Text::decode(bytes + "x").error().code, ErrorCode::malformed);
  EXPECT_EQ(Text::decode("\x11").error().code, ErrorCode::wrong_type);
}

TEST(Text, runs_and_text_must_be_equally_long_in_units) {
  Text text;
  ASSERT_TRUE(text.insert(kAnna, 0, "abcd").ok());
  std::string bytes = text.encode();
  // Four bytes as well, but two units.
  bytes.replace(bytes.find("abcd"), 4, "\xc3\xa9\xc3\xa9");
  EXPECT_EQ(Text::decode(bytes).error().code, ErrorCode::malformed);
}

TEST(Text, a_state_in_the_wrong_order_does_not_validate) {
  // One unit of each replica, neither with an origin: 11 stands before 22.
  const PlainRun anna{{0, 0}, 1, kNoId, kNoId, false};
  const PlainRun bert{{1, 0}, 1, kNoId, kNoId, false};
  std::string right = "\x31\x01\x02" "ab" "\x02\x0b\x0b";
  std::string wrong = right;
  append_runs(right, {anna, bert}, 2);
  append_runs(wrong, {bert, anna}, 2);
  EXPECT_EQ(right, merged(text_of(kAnna, "a"), text_of(kBert, "b")).encode());
  EXPECT_TRUE(Text::validate(right).ok());
  EXPECT_TRUE(Text::decode(wrong).ok());
  EXPECT_EQ(Text::validate(wrong).error().detail,
            "its runs do not stand in the order that their origins give");
}

// Single edits are validated without integrating them: to the same end.
TEST(Text, an_edit_validates_if_it_is_what_integrating_it_gives) {
  Text text = text_of(kAnna, "some text");
  std::vector<std::string> edits(6);
  ASSERT_TRUE(text_of(kAnna, "").insert(kAnna, 0, "x", &edits[0]).ok());
  ASSERT_TRUE(text.insert(kAnna, 4, "!", &edits[1]).ok());
  ASSERT_TRUE(text.insert(kBert, 2, "é😀\xEF\xBF\xBD", &edits[2]).ok());
  ASSERT_TRUE(text.erase(1, 1, &edits[3]).ok());
  ASSERT_TRUE(text.erase(1, 7, &edits[4]).ok());
  ASSERT_TRUE(text.insert(33, 0, "two", &edits[5]).ok());
  for (const std::string& edit : edits) {
    EXPECT_TRUE(Text::validate(edit).ok());
    for (std::size_t at = 0; at < edit.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string other = edit;
        other[at] = static_cast<char>(byte);
        const Result<Text> read = Text::decode(other);
        Text alone;
        const bool is_state = read.ok() && alone.merge_encoded(other).ok() && alone.encode() == other;
        EXPECT_EQ(Text::validate(other).ok(), is_state) << at << ' ' << byte;
      }
    }
  }
}

// The encoder sorts the starts of chains by their clocks, a digit at a time.
TEST(Text, of_many_chains_is_encoded_whatever_their_clocks) {
  for (std::size_t before : {0, 5'000, 5'000'000}) {
    Text text;
    if (before > 0) { ASSERT_TRUE(text.insert(kAnna, 0, std::string(before, 'a')).ok()); }
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(text.insert(kAnna, 0, "x").ok());
    const std::string bytes = text.encode();
    EXPECT_TRUE(Text::validate(bytes).ok()) << before;
    EXPECT_EQ(Text::decode(bytes).value().encode(), bytes);
    EXPECT_EQ(Text::decode(bytes).value().text(), text.text());
  }
}

TEST(Text, a_long_text_of_one_insertion_is_one_run) {
  std::string long_text;
  for (int i = 0; i < 5000; ++i) long_text += "語a😀";
  Text text = text_of(kAnna, long_text);
  EXPECT_EQ(text.text(), long_text);
  EXPECT_EQ(text.char_length(), 15'000u);
  EXPECT_LT(text.encode().size(), long_text.size() + 24);
  EXPECT_EQ(text.substr(7'500, 3).value(), "語a😀");
  const Text back = Text::decode(text.encode()).value();
  EXPECT_EQ(back.text(), long_text);
  EXPECT_EQ(back.utf16_of_char(15'000).value(), 20'000u);
}

}  // namespace
}  // namespace converge

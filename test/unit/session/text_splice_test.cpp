// How changes of a text are told, and carried from one text to another.
#include <gtest/gtest.h>

#include "core/session/text_alignment.h"
#include "core/session/text_splice.h"

namespace converge::session {
namespace {

TEST(TextSplice, several_are_told_by_identifiers) {
  Text before;
  ASSERT_TRUE(before.insert(1, 0, "a😀aac").ok());
  Text after = before;
  ASSERT_TRUE(after.insert(2, 5, "!").ok());
  ASSERT_TRUE(after.splice(2, 2, 1, "a").ok());
  ASSERT_TRUE(after.erase(0, 1).ok());
  const std::vector<TextSplice> splices = splices_between(before, after);
  ASSERT_EQ(splices.size(), 3u);
  EXPECT_EQ(splices[0], (TextSplice{0, 1, 0, 1, ""}));
  EXPECT_EQ(splices[1], (TextSplice{1, 1, 2, 1, "a"}));
  EXPECT_EQ(splices[2], (TextSplice{4, 0, 5, 0, "!"}));
  EXPECT_TRUE(splices_between(after, after).empty());
}

TEST(TextSplice, is_cut_at_characters) {
  auto splice = splice_between("aéb", "aèb");  // they share the first byte
  ASSERT_TRUE(splice.has_value());
  EXPECT_EQ(splice->at, 1u);
  EXPECT_EQ(splice->deleted, 1u);
  EXPECT_EQ(splice->inserted, "è");
  splice = splice_between("x😀y", "x😁😀y");
  EXPECT_EQ(splice->at, 1u);
  EXPECT_EQ(splice->deleted, 0u);
  EXPECT_EQ(splice->inserted, "😁");
  splice = splice_between("😀y", "y");
  EXPECT_EQ(splice->deleted, 1u);
  EXPECT_EQ(splice->deleted_utf16, 2u);
  splice = splice_between("😀aa", "😀aaa");
  EXPECT_EQ(splice->at, 3u);
  EXPECT_EQ(splice->at_utf16, 4u);
  EXPECT_FALSE(splice_between("é", "é").has_value());
  splice = splice_between("\xc3\xa9", "\xe8\xaa\xa9");  // they share the last byte
  EXPECT_EQ(splice->inserted, "\xe8\xaa\xa9");
  EXPECT_EQ(splice->deleted, 1u);
}

TEST(TextAlignment, carries_deletions_as_far_as_their_text_is_there) {
  TextAlignment alignment(6);                        // abcdef | abcdef
  alignment.lose(TextSplice{2, 0, 0, 0, "XY"});      // abXYcdef | abcdef
  alignment.lose(TextSplice{5, 1, 0, 0, ""});        // abXYcef | abcdef
  auto steps = alignment.carry(TextSplice{1, 5, 0, 0, "-"});  // a-f | …
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].at, 1u);
  EXPECT_EQ(steps[0].deleted, 2u);  // b, c
  EXPECT_EQ(steps[1].at, 2u);
  EXPECT_EQ(steps[1].deleted, 1u);  // e, behind the d that stays
  EXPECT_EQ(steps[2].at, 1u);
  EXPECT_TRUE(steps[2].inserts);
}

}  // namespace
}  // namespace converge::session

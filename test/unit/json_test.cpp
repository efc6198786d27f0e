#include "core/json/json.h"

#include <gtest/gtest.h>

#include "core/codec/utf8.h"

namespace converge {
namespace {

using namespace std::literals;

TEST(Json, takes_what_jsonb_takes) {
  for (auto text : {"null"sv, "true"sv, "0"sv, "-1.5e400"sv, "123456789012345678901234567890"sv, "1e131071"sv,
                    R"("\ud83d\ude00 \u00e9 é")"sv, R"([1, {"a": [], "b": {}}, "x"])"sv, " 1 "sv}) {
    EXPECT_TRUE(validate_json(text).ok()) << text;
  }
}

TEST(Json, white_space_is_four_characters) {
  for (char c : {' ', '\t', '\n', '\r'}) {
    const std::string space(1, c);
    EXPECT_TRUE(validate_json(space + "[" + space + "1" + space + "]" + space).ok()) << int{c};
  }
  for (char c : {'\v', '\f', '\b', '\x7f', '\xa0'}) {
    EXPECT_FALSE(validate_json(std::string(1, c) + "1").ok()) << int{c};
  }
}

TEST(Json, an_escape_has_four_hexadecimal_digits) {
  for (char c : {'0', '9', 'a', 'f', 'A', 'F'}) {
    EXPECT_TRUE(validate_json("\"\\u1" + std::string(3, c) + "\"").ok()) << c;
  }
  for (char c : {'/', ':', '`', 'g', '@', 'G'}) {
    EXPECT_FALSE(validate_json("\"\\u1" + std::string(3, c) + "\"").ok()) << c;
  }
}

TEST(Json, refuses_what_jsonb_refuses) {
  for (auto text : {""sv, "  "sv, "nul"sv, "01"sv, "1."sv, "+1"sv, "NaN"sv, "1 2"sv, "[1,]"sv,
                    "{\"a\"}"sv, "{\"a\":1,}"sv, "{a:1}"sv, "\"a"sv, "\"\\x\""sv, "\"\\u00\""sv,
                    "\"\n\""sv, "'a'"sv, "// 1"sv, "\"\\u0000\""sv, "\"\0\""sv, "\"\\ud800\""sv,
                    "\"\\udc00\""sv, "\"\\ud800\\ud800\""sv, "\"\xed\xa0\x80\""sv, "\"\xff\""sv,
                    "\"\xc0\x80\""sv, "{\"\\u0000\":1}"sv, "\"\\ude00\\ud83d\""sv, "1e131072"sv, "1e-16384"sv,
                    "[1}"sv, "{\"a\":[}"sv, "]"sv, "-"sv, "1e"sv, "tru"sv, "\"\\u12g4\""sv,
                    "1e99999999999999999999"sv, "{,}"sv, "[1 2]"sv, "\"\\"sv, "\"\\ud83d\\u"sv}) {
    auto done = validate_json(text);
    EXPECT_FALSE(done.ok()) << text;
    if (!done.ok()) {
      EXPECT_EQ(done.error().message, "invalid JSON");
    }
  }
}

TEST(Json, bounds_the_nesting) {
  auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(validate_json(nested(kMaxJsonDepth)).ok());
  EXPECT_EQ(validate_json(nested(kMaxJsonDepth + 1)).error().code, ErrorCode::too_large);
  EXPECT_FALSE(validate_json(std::string(1000000, '[')).ok());
}

TEST(Json, a_written_string_is_valid_again) {
  std::string out;
  append_json_string(out, "a\"b\\c\n\t\r\x01 é\x7f");
  EXPECT_EQ(out, R"("a\"b\\c\n\t\r\u0001 é)"s + "\x7f\"");
  EXPECT_TRUE(validate_json(out).ok());
}

TEST(Utf8, finds_the_first_wrong_byte) {
  EXPECT_EQ(find_invalid_text("plain and plain and é ü 語 😀"), kTextOk);
  EXPECT_EQ(find_invalid_text("abcdefgh\0abc"sv), 8u);
  EXPECT_EQ(find_invalid_text("abc\x80"sv), 3u);
  EXPECT_EQ(find_invalid_text("\xc1\xbf"sv), 0u);
  EXPECT_EQ(find_invalid_text("\xe0\x9f\xbf"sv), 0u);
  EXPECT_EQ(find_invalid_text("a\xed\xa0\x80"sv), 1u);
  EXPECT_EQ(find_invalid_text("\xf0\x8f\xbf\xbf"sv), 0u);
  EXPECT_EQ(find_invalid_text("\xf4\x90\x80\x80"sv), 0u);
  EXPECT_EQ(find_invalid_text("\xf4\x8f\xbf\xbf"sv), kTextOk);
  EXPECT_EQ(find_invalid_text("\xf5\x80\x80\x80"sv), 0u);
  EXPECT_EQ(find_invalid_text("ab\xe2\x82"sv), 2u);
  // What stands behind the end does not count.
  EXPECT_EQ(find_invalid_text("ab\xe2\x82\xac"sv.substr(0, 4)), 2u);
  EXPECT_EQ(find_invalid_text("ab\xc3\xa9"sv.substr(0, 3)), 2u);
}

}  // namespace
}  // namespace converge

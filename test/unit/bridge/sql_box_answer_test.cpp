// What the server says to a statement of the SQL box, whatever it says and in whatever pieces.
#include "sql_box_answer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "core/json/json.h"

namespace converge::bridge {
namespace {

std::string number(std::size_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> 8 * bytes & 0xff);
  return out;
}

std::string message(char type, const std::string& body) { return type + number(body.size() + 4, 4) + body; }

std::string columns(const std::vector<std::string>& names) {
  std::string body = number(names.size(), 2);
  for (const std::string& name : names) body += name + std::string(1 + 18, '\0');
  return message('T', body);
}

std::string row(const std::vector<std::optional<std::string>>& values) {
  std::string body = number(values.size(), 2);
  for (const auto& value : values) body += value ? number(value->size(), 4) + *value : number(0xffffffff, 4);
  return message('D', body);
}

std::string done(const std::string& tag) { return message('C', tag + std::string(1, '\0')); }

// Hands the bytes over in pieces; none, if something in them is no answer.
std::optional<SqlAnswer> answer_to(const std::string& bytes, std::size_t piece = SIZE_MAX) {
  ServerMessages messages;
  SqlAnswer answer;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    messages.append(std::string_view(bytes).substr(at, piece));
    while (const auto next = messages.next())
      if (!answer.take(*next)) return {};
  }
  if (messages.too_long()) return {};
  return answer;
}

TEST(SqlBoxAnswer, RowsAreTheSameInWhateverPiecesTheyCome) {
  const std::string bytes = columns({"a", "b\"c"}) + row({"1", std::nullopt}) + message('N', "SWARNING") + row({"", "\n"}) + done("SELECT 2");
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    const auto answer = answer_to(bytes, piece);
    ASSERT_TRUE(answer && answer->complete());
    EXPECT_EQ(answer->to_json("SELECT"),
              R"({"columns":["a","b\"c"],"rows":[["1",null],["","\n"]],"command":"SELECT 2","more":false})");
    EXPECT_EQ(answer->first_value(), "1");
  }
}

TEST(SqlBoxAnswer, AHundredRowsAreKept) {
  std::string bytes = columns({"a"});
  for (std::size_t i = 0; i < kSqlBoxRows + 1; ++i) bytes += row({std::to_string(i)});
  const auto answer = answer_to(bytes + message('s', ""));
  ASSERT_TRUE(answer && answer->complete());
  const std::string json = answer->to_json("SELECT");
  EXPECT_NE(json.find(R"(["99"]],"command":"SELECT","more":true})"), std::string::npos) << json;
}

TEST(SqlBoxAnswer, AnErrorSaysAllThatTheServerSaid) {
  const auto answer = answer_to(message('E', std::string("SERROR\0C42703\0Mno such \"a\"\0Dwhy\0Hwhat to do\0P8\0Xother\0", 55) + std::string(1, '\0')));
  ASSERT_TRUE(answer && answer->error());
  EXPECT_EQ(to_json(*answer->error()),
            R"({"error":{"message":"no such \"a\"","sqlstate":"42703","detail":"why","hint":"what to do","position":8}})");
}

TEST(SqlBoxAnswer, WhatIsNoUtf8IsReplaced) {
  const auto answer = answer_to(columns({"a"}) + row({"caf\xe9!\xff"}) + done("SELECT 1"));
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->to_json("").find("caf\xef\xbf\xbd!\xef\xbf\xbd"), std::string::npos);
}

TEST(SqlBoxAnswer, ALongMessageIsTooLongBeforeItCame) {
  ServerMessages messages;
  messages.append("D" + number(1 << 30, 4));
  EXPECT_FALSE(messages.next());
  EXPECT_TRUE(messages.too_long());
  ServerMessages many;  // short ones, that are too many
  const std::string notice = message('N', std::string(1000, 'x'));
  for (int i = 0; i < 300; ++i) {
    many.append(notice);
    while (many.next()) {
    }
  }
  EXPECT_TRUE(many.too_long());
}

TEST(SqlBoxAnswer, WhatAnAnswerHasNoPlaceForIsRefused) {
  for (const char type : {'G', 'H', 'W', 'I'}) EXPECT_FALSE(answer_to(message(type, std::string(3, '\0'))));
  EXPECT_FALSE(answer_to(message('D', number(1, 2) + number(5, 4) + "abc")));
  EXPECT_FALSE(answer_to(message('T', number(3, 2) + "a")));
  EXPECT_FALSE(answer_to(message('C', "no end")));
  EXPECT_FALSE(answer_to("D" + number(3, 4)));  // shorter than its own length
}

TEST(SqlBoxAnswer, WhateverTheServerSaysGivesJson) {
  rc::check([] {
    const auto type = *rc::gen::element('T', 'D', 'C', 'E', 's', 'N', 'Z');
    const auto body = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    SqlAnswer answer;
    if (!answer.take({type, body})) return;
    RC_ASSERT(validate_json(answer.to_json("SELECT")).ok());
    if (answer.error()) RC_ASSERT(validate_json(to_json(*answer.error())).ok());
  });
}

}  // namespace
}  // namespace converge::bridge

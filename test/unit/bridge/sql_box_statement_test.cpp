// Which statements the SQL box runs: told by the word that PostgreSQL tells them by.
#include "sql_box_statement.h"

#include <gtest/gtest.h>

namespace converge::bridge {
namespace {

TEST(SqlBoxStatement, ItsFirstWordStandsBehindBlanksCommentsAndParentheses) {
  for (const char* statement : {"SELECT 1", "select(1)", " \t\r\n\f\vSelect", "((SELECT 1))", ";;SELECT", "-- a\nSELECT", "-- a\rSELECT",
                                "/* DO */SELECT", "/* /* */ */ SELECT", "/**/--\n/***/SELECT", "SELECT'a'", "SELECT--", "SELECT/**/"})
    EXPECT_EQ(first_word(statement), "SELECT") << statement;
  EXPECT_EQ(first_word("-- SELECT\nDO"), "DO");
  EXPECT_EQ(first_word("/* SELECT /* */ SELECT */ lock"), "LOCK");
  EXPECT_EQ(first_word("/* */ SELECT */"), "SELECT");
}

TEST(SqlBoxStatement, AWordIsTheWholeIdentifier) {
  EXPECT_EQ(first_word("selected"), "SELECTED");
  EXPECT_EQ(first_word("select_1$"), "SELECT_1$");
  EXPECT_EQ(first_word("select\xc3\xa9"), "SELECT\xc3\xa9");
  EXPECT_FALSE(is_run_by_sql_box(first_word("selectée 1")));
}

TEST(SqlBoxStatement, WhereThereIsNoWordNoneIsFound) {
  for (const char* statement : {"", " ", ";", "--", "-- SELECT", "/*", "/* SELECT", "/* /* */ SELECT", "\"SELECT\"", "'SELECT'",
                                "1", "\\d", "_select", "- -\nSELECT", "/ * SELECT", "\xef\xbb\xbfSELECT", "\xc2\xa0SELECT", "$$SELECT$$"})
    EXPECT_EQ(first_word(statement), "") << statement;
}

TEST(SqlBoxStatement, TheBoxRunsWhatItSaysThatItRuns) {
  for (const char* word : {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE", "WITH", "EXPLAIN", "SHOW"}) {
    EXPECT_TRUE(is_run_by_sql_box(word));
    EXPECT_NE(kSqlBoxRuns.find(word), std::string_view::npos);
  }
  for (const char* word : {"", "DO", "CALL", "LOCK", "COPY", "LISTEN", "NOTIFY", "BEGIN", "COMMIT", "PREPARE", "SET", "CREATE", "select"})
    EXPECT_FALSE(is_run_by_sql_box(word)) << word;
}

}  // namespace
}  // namespace converge::bridge

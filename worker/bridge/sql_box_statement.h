// What the SQL box runs: statements that read and write rows, told by their first word.
//
// PostgreSQL tells a statement's kind by that word too, so what is let through here is what it
// seems. What is not would outlast the statement, hold up others, or catch the timeout that is
// to end it: LOCK, DO, CALL, COPY, LISTEN, PREPARE TRANSACTION.
#pragma once

#include <string>
#include <string_view>

namespace converge::bridge {

inline constexpr std::string_view kSqlBoxRuns =
    "SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE, WITH, EXPLAIN and SHOW";

// The first word in upper case, behind blanks, comments, semicolons and opening parentheses;
// empty if something else is there.
std::string first_word(std::string_view statement);

// Whether the box runs statements that begin with this word.
bool is_run_by_sql_box(std::string_view word);

}  // namespace converge::bridge

#include "sql_box_statement.h"

#include <algorithm>
#include <array>

namespace converge::bridge {

namespace {

constexpr std::array<std::string_view, 10> kWords = {"SELECT", "INSERT", "UPDATE", "DELETE",  "MERGE",
                                                     "VALUES", "TABLE",  "WITH",   "EXPLAIN", "SHOW"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether `c` goes on with an identifier, as PostgreSQL reads it.
bool goes_on(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80) != 0; }

// The end of the comment that begins at `at`, where none does `at` itself. Comments
// between /* and */ nest.
std::size_t end_of_comment(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) == "--") return std::min(text.find_first_of("\r\n", at), text.size());
  if (text.substr(at, 2) != "/*") return at;
  std::size_t depth = 0;
  while (at < text.size()) {
    const std::string_view two = text.substr(at, 2);
    if (two == "/*") {
      ++depth;
      at += 2;
    } else if (two == "*/") {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return at;
}

}  // namespace

std::string first_word(std::string_view statement) {
  std::size_t at = 0;
  for (;;) {
    at = std::min(statement.find_first_not_of(" \t\n\r\f\v;(", at), statement.size());
    const std::size_t end = end_of_comment(statement, at);
    if (end == at) break;
    at = end;
  }
  std::string word;
  if (at < statement.size() && !is_letter(statement[at])) return word;
  for (; at < statement.size() && goes_on(statement[at]); ++at) {
    const char c = statement[at];
    word += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return word;
}

bool is_run_by_sql_box(std::string_view word) { return std::find(kWords.begin(), kWords.end(), word) != kWords.end(); }

}  // namespace converge::bridge

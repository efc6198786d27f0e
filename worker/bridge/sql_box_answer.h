// What PostgreSQL answers to a statement of the SQL box, read from its messages and written
// as JSON, without I/O.
//
// The messages are read here and not by libpq, which takes in any row as a whole: one value
// may have a gigabyte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace converge::bridge {

// Rows of an answer, and bytes of all that the server says to a statement.
inline constexpr std::size_t kSqlBoxRows = 100;
inline constexpr std::size_t kSqlBoxAnswerBytes = std::size_t{256} << 10;

// What the server, or the bridge in its manner, says is wrong.
struct SqlError {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  // of the character in the statement, from 1; 0: none
};

// {"error": {"message", "sqlstate", "detail", "hint", "position"}}, what is empty left out.
std::string to_json(const SqlError& error);

// Cuts bytes into the server's messages (PostgreSQL's frontend/backend protocol, version 3).
class ServerMessages {
 public:
  struct Message {
    char type;
    std::string_view body;  // until the next call
  };

  void append(std::string_view bytes);
  // None: more bytes are needed.
  std::optional<Message> next();

  // Whether more has come than an answer may have, or a message says that it will.
  bool too_long() const { return too_long_; }

 private:
  std::string bytes_;
  std::size_t read_ = 0;
  std::size_t total_ = 0;
  bool too_long_ = false;
};

class SqlAnswer {
 public:
  // Takes a message to the statement; others than those of an answer are passed over.
  // False: it is malformed, or one that an answer has no place for.
  bool take(const ServerMessages::Message& message);

  const std::optional<SqlError>& error() const { return error_; }
  // Whether the statement has run to its end, or to the last row that is wanted.
  bool complete() const { return complete_; }
  // The first value of the first row; null: there is no row.
  const std::optional<std::string>& first_value() const { return first_value_; }

  // {"columns": […], "rows": [[…], …], "command": "UPDATE 1", "more": false}: values are texts,
  // as the types write them, or null. Without columns the statement gives no rows. Of a
  // statement that was stopped because there are more rows, `word` is the command.
  std::string to_json(std::string_view word) const;

 private:
  bool take_columns(std::string_view body);
  bool take_row(std::string_view body);
  bool take_error(std::string_view body);

  std::string columns_;  // JSON texts, separated by commas
  std::string rows_;     // JSON arrays, the same
  std::size_t row_count_ = 0;
  bool has_rows_ = false;
  std::optional<std::string> first_value_;
  std::string command_;
  bool complete_ = false;
  std::optional<SqlError> error_;
};

}  // namespace converge::bridge

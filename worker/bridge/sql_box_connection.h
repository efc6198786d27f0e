// A connection to the database for one statement of the SQL box.
//
// libpq opens it; the statement itself goes in messages that are written and read here. The
// protocol can stop a statement after some rows, which libpq has no word for, and what the
// server answers is counted before it is kept (sql_box_answer.h).
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "database.h"
#include "sql_box_answer.h"

namespace converge::bridge {

// The longest that a statement runs, and that it waits for a lock.
inline constexpr std::chrono::seconds kSqlBoxStatementTimeout{5};
inline constexpr std::chrono::seconds kSqlBoxLockTimeout{2};

// The role of the connection may what nobody's who comes by HTTP should.
class SqlBoxRoleError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class SqlBoxConnection : private DatabaseConnection {
 public:
  // `config`: with the box's connection string and statement timeout.
  using DatabaseConnection::DatabaseConnection;

  // Connects, sets the bounds and looks at the role. Throws DatabaseError and SqlBoxRoleError.
  awaitable<void> open();

  struct Outcome {
    SqlAnswer answer;       // with the error, if there is one: then nothing was changed
    bool authenticated = false;
    bool narrowed = false;  // the token allows less than policies do: the statement was not run
    bool too_long = false;  // so was the answer: the statement was undone
  };
  // Runs one statement under the token, in a transaction of its own. Throws DatabaseError
  // where the connection is lost: whether the statement was committed is unknown if `asked_to_commit()`.
  awaitable<Outcome> run(std::string_view token, std::string_view statement);

  bool asked_to_commit() const { return asked_to_commit_; }

 private:
  awaitable<void> send(std::string_view messages);
  // Reads what is said to a statement, until it is done or was refused. False: too long.
  awaitable<bool> read_answer(SqlAnswer& answer);
  // Reads until the server waits for the next transaction.
  awaitable<bool> read_end(SqlAnswer& answer);
  // Some bytes into messages_.
  awaitable<void> receive();

  ServerMessages messages_;
  bool asked_to_commit_ = false;
};

}  // namespace converge::bridge

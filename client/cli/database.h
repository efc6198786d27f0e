// One connection to PostgreSQL, used by the commands that work on tables. Everything
// waits. Errors leave as exceptions.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

// The server's refusal, with its detail and hint.
class DatabaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// No connection, or it was lost.
class DatabaseUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Database {
 public:
  // A parameter: bytea as its bytes, anything else as text.
  struct Value {
    std::string_view bytes;
    bool binary = false;
  };

  class Rows {
   public:
    explicit Rows(PGresult* result) : result_(result, &PQclear) {}
    int count() const { return PQntuples(result_.get()); }
    // Of an INSERT, UPDATE or DELETE.
    int changed() const;
    bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
    // As bytes: bytea and text are what they are.
    std::string_view bytes(int row, int column) const;
    bool is_true(int row, int column) const;

   private:
    friend class Database;
    std::unique_ptr<PGresult, decltype(&PQclear)> result_;
  };

  // `conninfo` as libpq has it; what it leaves out comes from the environment.
  explicit Database(const std::string& conninfo);

  // A statement as a transaction of its own, or in the one that has begun.
  Rows run(const std::string& statement, const std::vector<Value>& values = {});
  // The rows one by one, without holding them all; `take` must not use the connection.
  void for_each(const std::string& statement, const std::function<void(const Rows&)>& take);
  // What `work` runs is one transaction; rolled back if it throws.
  void transaction(const std::function<void()>& work);

  // For use in a statement, in quotes.
  std::string identifier(std::string_view name) const;

 private:
  [[noreturn]] void fail(const PGresult* result) const;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace converge::cli

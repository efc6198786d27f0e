// PostgreSQL through libpq's non-blocking interface, as Asio coroutines.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "async.h"
#include "config.h"

namespace converge::bridge {

// The server's refusal, or the loss of the connection.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(std::string message, std::string sqlstate, std::size_t statement, bool unavailable)
      : std::runtime_error(std::move(message)), sqlstate(std::move(sqlstate)), statement(statement), unavailable(unavailable) {}

  std::string sqlstate;   // empty when the server said nothing
  std::size_t statement;  // which of the statements failed
  // The connection is gone, or the server is going or out of resources: what
  // was asked may or may not have happened, and may be asked again.
  bool unavailable;
};

DatabaseError error_of(const PGresult* result, std::size_t statement);

// A statement that is prepared once for each connection. The text must live
// as long as the process.
struct Query {
  const char* name;
  const char* text;
};

// Parameters are passed as bytes: `binary` for bytea, text otherwise.
struct Parameter {
  std::string_view value;
  bool binary = false;
};

struct Statement {
  const Query* query;
  std::vector<Parameter> parameters;
};

// The answer to one statement. Values come in binary format: bytea and text are
// their bytes, integers are big endian.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, &PQclear) {}
  int count() const { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::string_view bytes(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  std::int64_t integer(int row, int column) const;  // of a bigint

 private:
  std::shared_ptr<PGresult> result_;
};

// A connection and how to wait for it, whatever it is used for. One coroutine at
// a time may use it.
class LibpqConnection {
 public:
  LibpqConnection(asio::io_context& io, const Config& config);
  ~LibpqConnection();
  LibpqConnection(const LibpqConnection&) = delete;
  LibpqConnection& operator=(const LibpqConnection&) = delete;

  bool connected() const { return connection_ != nullptr && PQstatus(connection_) == CONNECTION_OK; }
  // Also while a coroutine waits, which then fails.
  void close();

 protected:
  // `replication`: that keyword of the connection string, or null.
  awaitable<void> open(const char* replication);  // throws DatabaseError
  awaitable<void> wait_readable();
  awaitable<void> flush();
  [[noreturn]] void fail_lost(std::size_t statement);
  // Cuts the connection unless it is called off by then.
  void limit(std::chrono::milliseconds time);
  void unlimit() { deadline_ = kNoDeadline; }

  asio::io_context& io_;
  const Config& config_;
  PGconn* connection_ = nullptr;
  asio::posix::stream_descriptor socket_;

 private:
  static constexpr auto kNoDeadline = std::chrono::steady_clock::time_point::max();

  void watch_socket();
  void forget_socket();
  void look_at_deadline();

  // Deadlines come and go with every statement: the timer is set again only when it
  // has expired, or would be late.
  std::chrono::steady_clock::time_point deadline_ = kNoDeadline;
  asio::steady_timer deadline_timer_;
  bool timing_ = false;
};

// For statements.
class DatabaseConnection : public LibpqConnection {
 public:
  using LibpqConnection::LibpqConnection;

  awaitable<void> connect();  // throws DatabaseError

  // Runs the statements as one transaction in one round trip, and returns when
  // it is committed. Throws DatabaseError; the transaction is rolled back then,
  // or, when the connection is lost, its fate unknown.
  awaitable<std::vector<Rows>> run(std::span<const Statement> statements);

 private:
  // Any statements, as a pipeline; or one that is prepared, with less ado.
  awaitable<std::vector<Rows>> exchange(std::span<const Statement> statements);
  awaitable<std::vector<Rows>> ask(const Statement& statement);
  void send(const Statement& statement);
  // The end of an exchange: throws the failure, if there is one.
  void finish(const std::unique_ptr<DatabaseError>& failure);

  std::set<const Query*> prepared_;
};

// A fixed number of connections, opened when first needed and again after a
// loss. Users wait in line; the line is bounded by the callers, of which each
// connection of a client has a bounded number.
class DatabasePool {
 public:
  DatabasePool(asio::io_context& io, const Config& config, std::size_t size);

  // As DatabaseConnection::run(), for statements that may be run again: a
  // connection that turns out to be lost is opened anew once.
  awaitable<std::vector<Rows>> run(std::span<const Statement> statements);

  // Whether a statement run now would neither wait for a connection nor for its opening.
  bool has_idle() const { return !free_.empty() && free_.back()->connected(); }
  // Whether the last attempt to use the database succeeded.
  bool healthy() const { return healthy_; }
  void close();

 private:
  class Lease;

  asio::io_context& io_;
  std::vector<std::unique_ptr<DatabaseConnection>> all_;
  std::vector<DatabaseConnection*> free_;
  Signal freed_;
  bool healthy_ = false;
};

}  // namespace converge::bridge

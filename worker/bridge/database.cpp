#include "database.h"

#include <endian.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "log.h"

namespace converge::bridge {

namespace {

constexpr std::chrono::seconds kConnectTimeout{10};
// The server ends a statement at its statement_timeout; this much later the
// connection itself is given up.
constexpr std::chrono::seconds kNetworkSlack{5};

std::string without_newline(const char* text) {
  std::string message = text != nullptr ? text : "";
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  return message;
}

void notice_to_log(void*, const PGresult* notice) {
  const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  log(Severity::debug, "notice from the database: ", text != nullptr ? text : "");
}

// Whether the server's error means "not now" and not "no".
bool means_unavailable(std::string_view sqlstate) {
  std::string_view kind = sqlstate.substr(0, 2);
  return sqlstate.empty() || kind == "08" || kind == "53" || kind == "57" || kind == "58" || kind == "40" ||
         sqlstate == "55P03" || sqlstate == "25006" || sqlstate == "XX000";
}

}  // namespace

DatabaseError error_of(const PGresult* result, std::size_t statement) {
  auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  std::string detail = field(PG_DIAG_MESSAGE_DETAIL);
  std::string state = field(PG_DIAG_SQLSTATE);
  if (message.empty()) message = without_newline(PQresultErrorMessage(result));
  if (!detail.empty()) message += " (" + detail + ")";
  bool unavailable = means_unavailable(state);
  return DatabaseError(std::move(message), std::move(state), statement, unavailable);
}

std::int64_t Rows::integer(int row, int column) const {
  std::string_view value = bytes(row, column);
  std::uint64_t number = 0;
  if (value.size() != sizeof number) return 0;
  std::memcpy(&number, value.data(), sizeof number);
  return static_cast<std::int64_t>(be64toh(number));
}

LibpqConnection::LibpqConnection(asio::io_context& io, const Config& config)
    : io_(io), config_(config), socket_(io), deadline_timer_(io) {}

LibpqConnection::~LibpqConnection() { close(); }

void LibpqConnection::watch_socket() {
  int descriptor = PQsocket(connection_);
  if (socket_.is_open() && socket_.native_handle() == descriptor) return;
  forget_socket();
  if (descriptor >= 0) socket_.assign(descriptor);
}

// libpq owns the descriptor and closes it.
void LibpqConnection::forget_socket() {
  if (socket_.is_open()) socket_.release();
}

void LibpqConnection::close() {
  forget_socket();
  unlimit();
  deadline_timer_.cancel();
  timing_ = false;
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

void LibpqConnection::limit(std::chrono::milliseconds time) {
  deadline_ = std::chrono::steady_clock::now() + time;
  if (!timing_ || deadline_timer_.expiry() > deadline_) look_at_deadline();
}

void LibpqConnection::look_at_deadline() {
  timing_ = true;
  deadline_timer_.expires_at(deadline_);
  deadline_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    timing_ = false;
    if (deadline_ == kNoDeadline) return;
    if (std::chrono::steady_clock::now() < deadline_) return look_at_deadline();
    // Ends the wait by closing the socket under it.
    if (socket_.is_open()) ::shutdown(socket_.native_handle(), SHUT_RDWR);
  });
}

void LibpqConnection::fail_lost(std::size_t statement) {
  std::string message = connection_ != nullptr ? without_newline(PQerrorMessage(connection_)) : "not connected";
  if (message.empty()) message = "the database does not answer";
  close();
  throw DatabaseError(std::move(message), "", statement, true);
}

awaitable<void> LibpqConnection::wait_readable() {
  boost::system::error_code error;
  co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, asio::redirect_error(asio::use_awaitable, error));
  // An error here shows again when libpq reads.
}

awaitable<void> LibpqConnection::open(const char* replication) {
  close();
  // Later keywords win over those in dbname; what the user sets in the
  // connection string for the fallback name wins over ours.
  const std::array<const char*, 8> keywords = {"dbname", "fallback_application_name", "client_encoding", "tcp_user_timeout",
                                               "keepalives_idle", replication != nullptr ? "replication" : nullptr, nullptr, nullptr};
  const std::array<const char*, 8> values = {config_.database.c_str(), "converge-bridge", "UTF8", "20000", "30",
                                             replication, nullptr, nullptr};
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 1);
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) fail_lost(0);
  PQsetNoticeReceiver(connection_, notice_to_log, nullptr);

  limit(kConnectTimeout);
  PostgresPollingStatusType turn = PGRES_POLLING_WRITING;
  while (turn != PGRES_POLLING_OK) {
    if (turn == PGRES_POLLING_FAILED) fail_lost(0);
    watch_socket();
    boost::system::error_code error;
    auto what = turn == PGRES_POLLING_READING ? asio::posix::descriptor_base::wait_read
                                              : asio::posix::descriptor_base::wait_write;
    co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
    // libpq may close this socket and open another in the next poll.
    forget_socket();
    turn = PQconnectPoll(connection_);
  }
  unlimit();
  watch_socket();
  if (PQsetnonblocking(connection_, 1) != 0) fail_lost(0);
}

awaitable<void> DatabaseConnection::connect() {
  prepared_.clear();
  co_await open(nullptr);
  std::string timeout = std::to_string(config_.statement_timeout.count());
  static constexpr Query kSettings = {
      "converge_settings",
      "SELECT set_config('statement_timeout', $1, false), set_config('default_transaction_isolation', "
      "'read committed', false), set_config('default_transaction_read_only', 'off', false)"};
  const Statement settings[] = {{&kSettings, {{timeout}}}};
  co_await run(settings);
}

// Sends all that is queued, and takes in what the server says meanwhile so that
// neither side waits for the other.
awaitable<void> LibpqConnection::flush() {
  for (;;) {
    int left = PQflush(connection_);
    if (left == 0) co_return;
    if (left < 0) fail_lost(0);
    boost::system::error_code error;
    co_await socket_.async_wait(asio::posix::descriptor_base::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    if (PQconsumeInput(connection_) == 0) fail_lost(0);
  }
}

awaitable<std::vector<Rows>> DatabaseConnection::run(std::span<const Statement> statements) {
  if (!connected()) fail_lost(0);
  limit(config_.statement_timeout + kNetworkSlack);
  if (statements.size() == 1 && prepared_.count(statements[0].query) != 0) return ask(statements[0]);
  return exchange(statements);
}

void DatabaseConnection::send(const Statement& statement) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  std::vector<std::string> copies;  // text parameters need a final zero
  copies.reserve(statement.parameters.size());
  for (const Parameter& parameter : statement.parameters) {
    if (parameter.binary) {
      values.push_back(parameter.value.empty() ? "" : parameter.value.data());
    } else {
      values.push_back(copies.emplace_back(parameter.value).c_str());
    }
    lengths.push_back(static_cast<int>(parameter.value.size()));
    formats.push_back(parameter.binary ? 1 : 0);
  }
  if (PQsendQueryPrepared(connection_, statement.query->name, static_cast<int>(values.size()), values.data(),
                          lengths.data(), formats.data(), 1) == 0)
    fail_lost(0);
}

void DatabaseConnection::finish(const std::unique_ptr<DatabaseError>& failure) {
  unlimit();
  if (!failure) return;
  // Something inside the server has gone: a type of the extension, say, which was
  // dropped and created again, and which a prepared statement still names.
  if (failure->sqlstate == "XX000") close();
  // A statement that could not be prepared leaves its name unknown to the
  // server: the message of the first failure, its preparation, is the one.
  throw DatabaseError(*failure);
}

awaitable<std::vector<Rows>> DatabaseConnection::ask(const Statement& statement) {
  send(statement);
  co_await flush();
  std::vector<Rows> answers;
  std::unique_ptr<DatabaseError> failure;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      co_await wait_readable();
      if (PQconsumeInput(connection_) == 0) fail_lost(0);
    }
    PGresult* result = PQgetResult(connection_);
    if (PQstatus(connection_) != CONNECTION_OK) {
      PQclear(result);
      fail_lost(0);
    }
    if (result == nullptr) break;
    Rows rows(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      answers.push_back(std::move(rows));
    } else if (!failure) {
      failure = std::make_unique<DatabaseError>(error_of(result, 0));
    }
  }
  finish(failure);
  co_return answers;
}

awaitable<std::vector<Rows>> DatabaseConnection::exchange(std::span<const Statement> statements) {
  if (PQenterPipelineMode(connection_) == 0) fail_lost(0);

  // Statements to prepare go in a transaction of their own, in the same round
  // trip, so that a failure of the work does not undo the bookkeeping.
  std::vector<const Query*> preparing;
  for (const Statement& statement : statements)
    if (prepared_.count(statement.query) == 0) preparing.push_back(statement.query);
  for (const Query* query : preparing)
    if (PQsendPrepare(connection_, query->name, query->text, 0, nullptr) == 0) fail_lost(0);
  if (!preparing.empty() && PQpipelineSync(connection_) == 0) fail_lost(0);

  for (const Statement& statement : statements) send(statement);
  if (PQpipelineSync(connection_) == 0) fail_lost(0);
  co_await flush();

  std::size_t phase = preparing.empty() ? 1 : 0;  // 0: preparing, 1: the work
  std::size_t index = 0;
  std::vector<Rows> answers;
  std::unique_ptr<DatabaseError> failure;
  bool done = false;
  while (!done) {
    while (PQisBusy(connection_) != 0) {
      co_await wait_readable();
      if (PQconsumeInput(connection_) == 0) fail_lost(index);
    }
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) {  // the end of one statement
      if (PQstatus(connection_) != CONNECTION_OK) fail_lost(index);
      ++index;
      continue;
    }
    Rows rows(result);
    switch (PQresultStatus(result)) {
      case PGRES_PIPELINE_SYNC:
        done = phase == 1;
        phase = 1;
        index = 0;
        break;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        if (phase == 1) {
          answers.push_back(std::move(rows));
        } else {
          prepared_.insert(preparing[index]);
        }
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (!failure) failure = std::make_unique<DatabaseError>(error_of(result, phase == 1 ? index : 0));
    }
    if (PQstatus(connection_) != CONNECTION_OK) fail_lost(index);
  }
  if (PQexitPipelineMode(connection_) == 0) fail_lost(index);
  finish(failure);
  co_return answers;
}

// ------------------------------------------------------------------ the pool

// Gives the connection back whatever happens.
class DatabasePool::Lease {
 public:
  Lease(DatabasePool& pool, DatabaseConnection* connection) : pool_(pool), connection_(connection) {}
  ~Lease() {
    pool_.free_.push_back(connection_);
    pool_.freed_.notify_one();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  DatabaseConnection* operator->() { return connection_; }

 private:
  DatabasePool& pool_;
  DatabaseConnection* connection_;
};

DatabasePool::DatabasePool(asio::io_context& io, const Config& config, std::size_t size) : io_(io), freed_(io) {
  for (std::size_t i = 0; i < size; ++i) {
    all_.push_back(std::make_unique<DatabaseConnection>(io, config));
    free_.push_back(all_.back().get());
  }
}

awaitable<std::vector<Rows>> DatabasePool::run(std::span<const Statement> statements) {
  while (free_.empty()) co_await freed_.wait();
  // The one used last is the one most likely open.
  DatabaseConnection* connection = free_.back();
  free_.pop_back();
  Lease lease(*this, connection);

  bool was_open = lease->connected();
  for (;;) {
    bool again = false;
    try {
      if (!lease->connected()) co_await lease->connect();
      auto rows = co_await lease->run(statements);
      healthy_ = true;
      co_return rows;
    } catch (const DatabaseError& error) {
      again = error.unavailable && was_open && !lease->connected();
      if (error.unavailable && !lease->connected()) {
        if (healthy_) log(Severity::warning, "lost a database connection: ", error.what());
        healthy_ = false;
      }
      if (!again) throw;
    }
    was_open = false;
  }
}

void DatabasePool::close() {
  for (auto& connection : all_) connection->close();
}

}  // namespace converge::bridge

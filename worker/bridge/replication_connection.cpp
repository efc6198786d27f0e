#include "replication_connection.h"

#include <endian.h>

#include <chrono>
#include <cstring>

namespace converge::bridge {

namespace {

// Between 1970 and 2000, where PostgreSQL's clock begins.
constexpr std::int64_t kEpochSeconds = 946684800;

std::uint64_t number_at(const char* bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return be64toh(number);
}

void append_number(std::string& out, std::uint64_t number) {
  number = htobe64(number);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

ReplicationConnection::~ReplicationConnection() { PQfreemem(buffer_); }

awaitable<void> ReplicationConnection::connect() { co_await open("database"); }

awaitable<Rows> ReplicationConnection::run(const std::string& command) {
  if (!connected() || PQsendQuery(connection_, command.c_str()) == 0) fail_lost(0);
  co_await flush();
  Rows rows(nullptr);
  std::unique_ptr<DatabaseError> failure;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      co_await wait_readable();
      if (!connected() || PQconsumeInput(connection_) == 0) fail_lost(0);
    }
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) break;
    rows = Rows(result);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_BOTH) break;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !failure)
      failure = std::make_unique<DatabaseError>(error_of(result, 0));
    if (PQstatus(connection_) != CONNECTION_OK) break;
  }
  if (failure) throw DatabaseError(*failure);
  if (!connected()) fail_lost(0);
  co_return rows;
}

awaitable<void> ReplicationConnection::start(const std::string& slot) {
  co_await run("START_REPLICATION SLOT \"" + slot + "\" LOGICAL 0/0 (access 'on')");
}

std::optional<ReplicationConnection::Message> ReplicationConnection::next() {
  PQfreemem(buffer_);
  buffer_ = nullptr;
  for (;;) {
    if (!connected()) fail_lost(0);
    int length = PQgetCopyData(connection_, &buffer_, 1);
    if (length == 0) {
      if (PQconsumeInput(connection_) == 0) fail_lost(0);
      length = PQgetCopyData(connection_, &buffer_, 1);
      if (length == 0) return {};
    }
    if (length < 0) {
      // The end of the stream: with an error, or because the server goes.
      std::unique_ptr<PGresult, decltype(&PQclear)> result(length == -1 ? PQgetResult(connection_) : nullptr, PQclear);
      if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) throw DatabaseError(error_of(result.get(), 0));
      fail_lost(0);
    }
    auto size = static_cast<std::size_t>(length);
    // Kinds of message: 'w' with start, end, time and data; 'k' with end, time and a byte.
    if (buffer_[0] == 'w' && size >= 25)
      return Message{false, false, number_at(buffer_ + 1), {buffer_ + 25, size - 25}};
    if (buffer_[0] == 'k' && size >= 18) return Message{true, buffer_[17] != 0, number_at(buffer_ + 1), {}};
    PQfreemem(buffer_);  // of a later version
    buffer_ = nullptr;
  }
}

awaitable<void> ReplicationConnection::wait() { co_await wait_readable(); }

void ReplicationConnection::confirm(Lsn position) {
  if (!connected()) return;
  std::string message = "r";
  for (int i = 0; i < 3; ++i) append_number(message, position);  // written, flushed, applied
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                 std::chrono::system_clock::now().time_since_epoch()) - std::chrono::seconds(kEpochSeconds);
  append_number(message, static_cast<std::uint64_t>(now.count()));
  message += '\0';  // no answer wanted
  // What does not go out at once goes with the next one.
  PQputCopyData(connection_, message.data(), static_cast<int>(message.size()));
  PQflush(connection_);
}

}  // namespace converge::bridge

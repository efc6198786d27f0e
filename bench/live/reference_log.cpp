#include "reference_log.h"

#include <endian.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace bench {

namespace {

constexpr Oid kInt4 = 23;
constexpr Oid kBytea = 17;

constexpr const char* kTable =
    "DROP PUBLICATION IF EXISTS reference; DROP TABLE IF EXISTS update_log;"
    "CREATE TABLE update_log (position bigserial, document int NOT NULL, message bytea NOT NULL,"
    " PRIMARY KEY (document, position));"
    "CREATE PUBLICATION reference FOR TABLE update_log WITH (publish = 'insert')";

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// The server is lost: there is nothing to measure any more.
[[noreturn]] void die(PGconn* connection) {
  std::fprintf(stderr, "bench-live-reference: %s", PQerrorMessage(connection));
  std::exit(1);
}

PGconn* connect(const std::string& conninfo) {
  PGconn* connection = PQconnectdb(conninfo.c_str());
  if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
  return connection;
}

void run(PGconn* connection, const char* statement, ExecStatusType wanted) {
  PGresult* result = PQexec(connection, statement);
  const bool ok = PQresultStatus(result) == wanted;
  PQclear(result);
  if (!ok) fail(PQerrorMessage(connection));
}

template <class Number>
void put(std::string& out, Number number) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

template <class Number>
Number get(const char* bytes) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[i]));
  return number;
}

// The binary form of an array of one dimension, up to its elements.
std::string array_head(Oid element, std::size_t size) {
  std::string out;
  put<std::uint32_t>(out, 1);
  put<std::uint32_t>(out, 0);
  put<std::uint32_t>(out, element);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(size));
  put<std::uint32_t>(out, 1);
  return out;
}

ReferenceMessage message_of(std::string_view bytes, std::uint64_t position) {
  ReferenceMessage message;
  if (!ReferenceMessage::read(bytes, message)) fail("a message of another size in the log");
  message.position = position;
  return message;
}

}  // namespace

ReferenceLog::ReferenceLog(boost::asio::io_context& io, const std::string& conninfo, Listener listener)
    : io_(io),
      listener_(std::move(listener)),
      writer_(connect(conninfo)),
      reader_(connect(conninfo)),
      stream_(connect(conninfo + " replication=database")),
      writer_socket_(io, PQsocket(writer_)),
      stream_socket_(io, PQsocket(stream_)),
      confirm_timer_(io) {
  run(writer_, kTable, PGRES_COMMAND_OK);
  PGresult* prepared = PQprepare(writer_, "append",
                                 "INSERT INTO update_log (document, message) SELECT * FROM unnest($1::int[], $2::bytea[])",
                                 0, nullptr);
  if (PQresultStatus(prepared) != PGRES_COMMAND_OK) fail(PQerrorMessage(writer_));
  PQclear(prepared);
  run(stream_, "CREATE_REPLICATION_SLOT bench_reference TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT", PGRES_TUPLES_OK);
  run(stream_,
      "START_REPLICATION SLOT bench_reference LOGICAL 0/0 (proto_version '1', publication_names 'reference', "
      "binary 'true')",
      PGRES_COPY_BOTH);
  wait_for_stream();
  confirm();
}

ReferenceLog::~ReferenceLog() {
  writer_socket_.release();
  stream_socket_.release();
  PQfinish(writer_);
  PQfinish(reader_);
  PQfinish(stream_);
}

// What comes in this turn of the loop goes into one statement.
void ReferenceLog::append(const ReferenceMessage& message) {
  waiting_.push_back(message);
  if (waiting_.size() == 1 && inserting_.empty()) boost::asio::post(io_, [this] { insert(); });
}

void ReferenceLog::insert() {
  if (waiting_.empty() || !inserting_.empty()) return;
  inserting_.swap(waiting_);
  std::string documents = array_head(kInt4, inserting_.size());
  std::string messages = array_head(kBytea, inserting_.size());
  for (const ReferenceMessage& message : inserting_) {
    put<std::uint32_t>(documents, sizeof message.document);
    put<std::uint32_t>(documents, message.document);
    put<std::uint32_t>(messages, sizeof message);
    messages += message.bytes();
  }
  const char* values[] = {documents.data(), messages.data()};
  const int lengths[] = {static_cast<int>(documents.size()), static_cast<int>(messages.size())};
  const int formats[] = {1, 1};
  if (PQsendQueryPrepared(writer_, "append", 2, values, lengths, formats, 1) == 0) die(writer_);
  wait_for_commit();
}

void ReferenceLog::wait_for_commit() {
  writer_socket_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](boost::system::error_code) {
    if (PQconsumeInput(writer_) == 0) die(writer_);
    while (PQisBusy(writer_) == 0) {
      PGresult* result = PQgetResult(writer_);
      if (result == nullptr) {
        Messages committed;
        committed.swap(inserting_);
        listener_.committed(committed);
        return insert();
      }
      if (PQresultStatus(result) != PGRES_COMMAND_OK) die(writer_);
      PQclear(result);
    }
    wait_for_commit();
  });
}

void ReferenceLog::wait_for_stream() {
  stream_socket_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](boost::system::error_code) {
    take_stream();
    wait_for_stream();
  });
}

void ReferenceLog::take_stream() {
  if (PQconsumeInput(stream_) == 0) die(stream_);
  Messages decoded;
  char* data = nullptr;
  int size;
  while ((size = PQgetCopyData(stream_, &data, 1)) > 0) {
    // XLogData: 'w', two positions and a time; then pgoutput's message.
    constexpr int kHead = 1 + 3 * 8;
    if (data[0] == 'w' && size > kHead) {
      received_lsn_ = get<std::uint64_t>(data + 1);
      // Insert: 'I', the relation, 'N', the number of columns; each column 'b',
      // its length and itself.
      if (data[kHead] == 'I') {
        const char* at = data + kHead + 1 + 4 + 1 + 2;
        const char* column[3];
        std::uint32_t length[3];
        for (int i = 0; i < 3; ++i) {
          length[i] = get<std::uint32_t>(at + 1);
          column[i] = at + 5;
          at += 5 + length[i];
        }
        decoded.push_back(message_of({column[2], length[2]}, get<std::uint64_t>(column[0])));
      }
    }
    PQfreemem(data);
  }
  if (size < 0) die(stream_);
  if (!decoded.empty()) listener_.decoded(decoded);
}

// Lets the server forget the WAL that was read.
void ReferenceLog::confirm() {
  std::string status = "r";
  for (int i = 0; i < 3; ++i) put<std::uint64_t>(status, received_lsn_);
  put<std::uint64_t>(status, 0);
  status.push_back(0);
  if (PQputCopyData(stream_, status.data(), static_cast<int>(status.size())) != 1 || PQflush(stream_) != 0) die(stream_);
  confirm_timer_.expires_after(std::chrono::seconds(1));
  confirm_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) confirm();
  });
}

ReferenceLog::Messages ReferenceLog::since(std::uint32_t document, std::uint64_t position) {
  std::string number;
  std::string from;
  put(number, document);
  put(from, position);
  const char* values[] = {number.data(), from.data()};
  const int lengths[] = {static_cast<int>(number.size()), static_cast<int>(from.size())};
  const int formats[] = {1, 1};
  PGresult* result = PQexecParams(reader_,
                                  "SELECT message, position FROM update_log "
                                  "WHERE document = $1::int AND position > $2::bigint ORDER BY position",
                                  2, nullptr, values, lengths, formats, 1);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) die(reader_);
  Messages messages;
  for (int row = 0; row < PQntuples(result); ++row)
    messages.push_back(message_of({PQgetvalue(result, row, 0), static_cast<std::size_t>(PQgetlength(result, row, 0))},
                                  get<std::uint64_t>(PQgetvalue(result, row, 1))));
  PQclear(result);
  return messages;
}

}  // namespace bench

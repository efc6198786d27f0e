#include "database.h"

#include <cstdlib>

namespace converge::cli {

namespace {

std::string without_end(std::string message) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return message;
}

}  // namespace

int Database::Rows::changed() const { return std::atoi(PQcmdTuples(result_.get())); }

std::string_view Database::Rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

bool Database::Rows::is_true(int row, int column) const {
  return !is_null(row, column) && bytes(row, column) == std::string_view("\1", 1);
}

Database::Database(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str()), &PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw DatabaseUnavailable(without_end(PQerrorMessage(connection_.get())));
  }
  run("SET client_encoding = 'UTF8'");
  run("SET application_name = 'converge'");
}

void Database::fail(const PGresult* result) const {
  const char* primary = result != nullptr ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  if (primary == nullptr || PQstatus(connection_.get()) != CONNECTION_OK) {
    throw DatabaseUnavailable(without_end(PQerrorMessage(connection_.get())));
  }
  std::string message = primary;
  for (const int field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    if (const char* more = PQresultErrorField(result, field)) message.append("; ").append(more);
  }
  throw DatabaseError(message);
}

Database::Rows Database::run(const std::string& statement, const std::vector<Value>& values) {
  std::vector<const char*> at;
  std::vector<int> lengths;
  std::vector<int> formats;
  std::vector<std::string> texts;  // which libpq wants to end with a zero byte
  texts.reserve(values.size());
  for (const Value& value : values) {
    at.push_back(value.binary ? value.bytes.data() : texts.emplace_back(value.bytes).c_str());
    lengths.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(value.binary);
  }
  Rows rows(PQexecParams(connection_.get(), statement.c_str(), static_cast<int>(values.size()), nullptr,
                         at.data(), lengths.data(), formats.data(), 1));
  const PGresult* result = rows.result_.get();
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
  return rows;
}

void Database::for_each(const std::string& statement, const std::function<void(const Rows&)>& take) {
  if (!PQsendQueryParams(connection_.get(), statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) ||
      !PQsetSingleRowMode(connection_.get())) {
    fail(nullptr);
  }
  while (PGresult* next = PQgetResult(connection_.get())) {
    const Rows row(next);
    const ExecStatusType status = PQresultStatus(next);
    if (status == PGRES_SINGLE_TUPLE) {
      take(row);
    } else if (status != PGRES_TUPLES_OK) {
      fail(next);
    }
  }
}

void Database::transaction(const std::function<void()>& work) {
  run("BEGIN");
  try {
    work();
  } catch (...) {
    Rows(PQexec(connection_.get(), "ROLLBACK"));
    throw;
  }
  run("COMMIT");
}

std::string Database::identifier(std::string_view name) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()), &PQfreemem);
  if (quoted == nullptr) throw std::invalid_argument(without_end(PQerrorMessage(connection_.get())));
  return quoted.get();
}

}  // namespace converge::cli

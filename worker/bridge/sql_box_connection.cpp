#include "sql_box_connection.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace converge::bridge {

namespace {

// The server ends the statement; so much later the connection is given up.
constexpr std::chrono::seconds kSlack{5};
constexpr std::size_t kReadBytes = 16 << 10;

// client_connection_check_interval has a backend end itself when the bridge has gone.
constexpr Query kBounds = {"converge_box_bounds",
                           "SELECT set_config('lock_timeout', $1, false), "
                           "set_config('client_connection_check_interval', '1s', false)"};

// What the role may do that would reach beyond the statement, its rows and its policies: as
// one text, or null. Of the functions, those that end others' statements, that take locks which
// have nothing to do with rows, and that leave behind what no policy guards.
constexpr Query kProblems = {
    "converge_box_problems",
    "SELECT nullif(concat_ws('; ', "
    "(SELECT 'it is a superuser, or has BYPASSRLS, CREATEROLE, CREATEDB or REPLICATION' FROM pg_roles WHERE rolname = "
    "session_user AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)), "
    "(SELECT 'it is no member of converge_client' WHERE NOT pg_has_role('converge_client', 'USAGE')), "
    "(SELECT 'it is a member of ' || string_agg(quote_ident(rolname), ', ') FROM pg_roles "
    "WHERE rolname NOT IN (session_user, 'converge_client') AND pg_has_role(oid, 'MEMBER')), "
    "(SELECT 'track_activities is on, so that everybody of the box sees the others'' statements' "
    "WHERE current_setting('track_activities')::boolean), "
    "(SELECT 'it may create in schema ' || string_agg(quote_ident(nspname), ', ') FROM pg_namespace "
    "WHERE has_schema_privilege(oid, 'CREATE') AND nspname !~ '^pg_temp_'), "
    "(SELECT 'it may create schemas' WHERE has_database_privilege(current_database(), 'CREATE')), "
    "(SELECT 'it may call ' || string_agg(DISTINCT proname, ', ') FROM pg_proc "
    "WHERE (proname IN ('pg_cancel_backend', 'pg_terminate_backend', 'pg_notify', 'pg_logical_emit_message', "
    "'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import') OR proname LIKE 'pg\\_%advisory%') "
    "AND pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege(oid, 'EXECUTE'))), '')"};

// Of the protocol's messages those that are used here, version 3.

void put_32(std::string& out, std::size_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

void put_16(std::string& out, unsigned number) {
  out += static_cast<char>(number >> 8 & 0xff);
  out += static_cast<char>(number & 0xff);
}

void put_message(std::string& out, char type, std::string_view body) {
  out += type;
  put_32(out, body.size() + 4);
  out += body;
}

// Parse and Bind, both without a name; `parameter` in binary, if there is one.
void put_statement(std::string& out, std::string_view statement, const std::string_view* parameter) {
  std::string parse(1, '\0');
  parse.append(statement) += '\0';
  put_16(parse, 0);  // types are the server's to find
  put_message(out, 'P', parse);
  std::string bind(2, '\0');
  put_16(bind, 1);
  put_16(bind, 1);  // parameters are binary
  put_16(bind, parameter != nullptr ? 1 : 0);
  if (parameter != nullptr) {
    put_32(bind, parameter->size());
    bind += *parameter;
  }
  put_16(bind, 0);  // results are text
  put_message(out, 'B', bind);
}

void put_execute(std::string& out, std::size_t rows) {
  std::string execute(1, '\0');
  put_32(execute, rows);
  put_message(out, 'E', execute);
  put_message(out, 'H', "");  // Flush: what was answered is sent
}

}  // namespace

awaitable<void> SqlBoxConnection::open() {
  co_await connect();
  if (PQgssEncInUse(connection_) != 0)
    throw SqlBoxRoleError("its connection is encrypted by GSSAPI, which the box does not speak: set gssencmode=disable");
  const std::string lock_timeout = std::to_string(std::chrono::milliseconds(kSqlBoxLockTimeout).count());
  std::vector<Statement> statements;
  statements.push_back({&kBounds, {{lock_timeout}}});
  statements.push_back({&kProblems, {}});
  const auto answer = co_await DatabaseConnection::run(statements);
  const Rows& problems = answer.at(1);
  if (!problems.is_null(0, 0)) throw SqlBoxRoleError(std::string(problems.bytes(0, 0)));
}

// No transaction block is begun: statements up to a Sync are one transaction, which a COMMIT
// ends for good and no PREPARE TRANSACTION can keep.
awaitable<SqlBoxConnection::Outcome> SqlBoxConnection::run(std::string_view token, std::string_view statement) {
  limit(kSqlBoxStatementTimeout + kSlack);
  Outcome outcome;
  std::string out;
  put_statement(out, "SELECT current_setting('converge.permissions') FROM converge.authenticate($1::converge.secret::text)",
                &token);
  put_execute(out, 0);
  co_await send(out);
  SqlAnswer identity;
  if (!co_await read_answer(identity) || identity.error()) {
    outcome.answer = std::move(identity);
    outcome.too_long = !outcome.answer.error();
    close();
    co_return outcome;
  }
  outcome.authenticated = true;
  outcome.narrowed = identity.first_value().value_or("") != "";
  if (outcome.narrowed) {
    close();
    co_return outcome;
  }

  out.clear();
  put_statement(out, statement, nullptr);
  put_message(out, 'D', std::string_view("P\0", 2));  // the columns
  // A row more than is given tells that there are more. What changes rows runs to its end
  // whatever is asked for.
  put_execute(out, kSqlBoxRows + 1);
  co_await send(out);
  // Nothing is committed before all that is told has come.
  outcome.too_long = !co_await read_answer(outcome.answer);
  if (!outcome.too_long && !outcome.answer.error()) {
    out.clear();
    put_message(out, 'S', "");
    asked_to_commit_ = true;
    co_await send(out);
    while (!co_await read_end(outcome.answer)) {
    }
  }
  close();
  co_return outcome;
}

awaitable<bool> SqlBoxConnection::read_answer(SqlAnswer& answer) {
  while (!answer.complete() && !answer.error()) {
    if (const auto message = messages_.next()) {
      if (!answer.take(*message)) fail_lost(0);
    } else if (messages_.too_long()) {
      co_return false;
    } else {
      co_await receive();
    }
  }
  co_return true;
}

// What is refused at the end of the transaction, by a deferred constraint, comes here.
awaitable<bool> SqlBoxConnection::read_end(SqlAnswer& answer) {
  while (const auto message = messages_.next()) {
    if (message->type == 'Z') co_return true;
    if (message->type == 'E' && !answer.take(*message)) fail_lost(0);
  }
  if (messages_.too_long()) fail_lost(0);
  co_await receive();
  co_return false;
}

awaitable<void> SqlBoxConnection::send(std::string_view messages) {
  auto* tls = static_cast<SSL*>(PQsslStruct(connection_, "OpenSSL"));
  while (!messages.empty()) {
    ssize_t sent = 0;
    bool wait_to_read = false;
    if (tls != nullptr) {
      sent = SSL_write(tls, messages.data(), static_cast<int>(messages.size()));
      const int why = sent > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, static_cast<int>(sent));
      if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) fail_lost(0);
      wait_to_read = why == SSL_ERROR_WANT_READ;
    } else {
      sent = ::send(PQsocket(connection_), messages.data(), messages.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) fail_lost(0);
    }
    if (sent > 0) {
      messages.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    boost::system::error_code error;
    co_await socket_.async_wait(
        wait_to_read ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write,
        asio::redirect_error(asio::use_awaitable, error));
    if (error) fail_lost(0);
  }
}

awaitable<void> SqlBoxConnection::receive() {
  auto* tls = static_cast<SSL*>(PQsslStruct(connection_, "OpenSSL"));
  std::array<char, kReadBytes> bytes;
  for (;;) {
    ssize_t got = 0;
    if (tls != nullptr) {
      got = SSL_read(tls, bytes.data(), static_cast<int>(bytes.size()));
      const int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, static_cast<int>(got));
      if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) fail_lost(0);
    } else {
      got = ::recv(PQsocket(connection_), bytes.data(), bytes.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) fail_lost(0);
    }
    if (got > 0) {
      messages_.append({bytes.data(), static_cast<std::size_t>(got)});
      co_return;
    }
    co_await wait_readable();
  }
}

}  // namespace converge::bridge

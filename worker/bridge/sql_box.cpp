#include "sql_box.h"

#include <boost/beast/http.hpp>

#include <algorithm>
#include <utility>

#include "core/codec/utf8.h"
#include "http.h"
#include "log.h"
#include "sql_box_answer.h"
#include "sql_box_connection.h"
#include "sql_box_statement.h"
#include "worker.h"

// GCC 12 takes Asio's allocation of a coroutine's frame into the coroutine, its deallocation
// not, and then finds that the two do not match.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace converge::bridge {

namespace {

namespace http = boost::beast::http;
using http::status;

constexpr std::string_view kAuthorization = "Bearer ";

Config box_config(const Config& config) {
  Config box = config;
  box.database = config.sql_box;
  box.statement_timeout = kSqlBoxStatementTimeout;
  return box;
}

HttpResponse respond_json(const HttpRequest& head, SqlBox::Answer answer) {
  const auto code = static_cast<status>(answer.status);
  HttpResponse response = respond(head, code, "application/json", std::move(answer.json) + "\n");
  response.set(http::field::cache_control, "no-store");
  if (code == status::unauthorized) response.set(http::field::www_authenticate, "Bearer");
  if (code == status::too_many_requests) response.set(http::field::retry_after, "1");
  return response;
}

SqlBox::Answer refuse(status code, const SqlError& error) { return {static_cast<unsigned>(code), to_json(error)}; }

SqlBox::Answer refuse(status code, std::string_view message, std::string_view hint = {}) {
  SqlError error;
  error.message = message;
  error.hint = hint;
  return refuse(code, error);
}

// 408 would say the same of a timeout, but browsers send a request again that was answered so.
status status_of(std::string_view sqlstate) {
  const std::string_view kind = sqlstate.substr(0, 2);
  if (sqlstate == "42501") return status::forbidden;
  if (sqlstate == "57014") return status::gateway_timeout;
  if (sqlstate == "55P03" || kind == "40") return status::conflict;
  if (sqlstate == "53400") return status::bad_request;  // temp_file_limit, which is its own
  if (kind == "08" || kind == "53" || kind == "57" || kind == "58") return status::service_unavailable;
  return status::bad_request;
}

SqlError too_long() {
  SqlError error;
  error.sqlstate = "54000";
  error.message = "the answer is longer than " + std::to_string(kSqlBoxAnswerBytes >> 10) + " kB";
  error.detail = "The statement was undone.";
  error.hint = "Ask for fewer rows, or for parts of long values.";
  return error;
}

// The token of the one header that has it; empty: there is none.
std::string token_of(const HttpRequest& head) {
  if (head.count(http::field::authorization) != 1) return {};
  const auto value = head[http::field::authorization];
  const std::string_view text(value.data(), value.size());
  const bool bearer = text.size() > kAuthorization.size() &&
                      std::equal(kAuthorization.begin(), kAuthorization.end(), text.begin(),
                                 [](char a, char b) { return tolower(a) == tolower(static_cast<unsigned char>(b)); });
  return bearer ? std::string(text.substr(kAuthorization.size())) : std::string();
}

}  // namespace

// ---------------------------------------------------------------- the places

std::unique_ptr<SqlBoxPlaces::Place> SqlBoxPlaces::enter(const std::string& tenant, const std::string& principal,
                                                         std::string& why) {
  std::string name = tenant + '\0' + principal;  // neither holds a NUL
  std::lock_guard lock(mutex_);
  if (running_.count(name) != 0) {
    why = "a statement of the principal is still running";
    return nullptr;
  }
  if (running_.size() >= kSqlBoxStatements) {
    why = std::to_string(kSqlBoxStatements) + " statements are running, which is the limit";
    return nullptr;
  }
  running_.insert(name);
  return std::make_unique<Place>(*this, std::move(name));
}

void SqlBoxPlaces::leave(const std::string& principal) {
  std::lock_guard lock(mutex_);
  running_.erase(principal);
}

// ------------------------------------------------------------------- the box

SqlBox::SqlBox(asio::io_context& io, const Config& config, Access& access, RateLimiter& rates, Metrics& metrics,
               SqlBoxPlaces& places)
    : io_(io), config_(box_config(config)), access_(access), rates_(rates), metrics_(metrics), places_(places) {}

awaitable<SqlBox::Answer> SqlBox::answer(const Request& request) {
  const auto running = running_;
  Identity identity;
  SqlError error;
  bool unavailable = false;
  try {
    identity = co_await access_.identify(request.token);
  } catch (const DatabaseError& problem) {
    unavailable = problem.unavailable;
    error.sqlstate = problem.sqlstate;
    error.message = problem.what();
  }
  if (unavailable) {
    log(Severity::warning, "the SQL box cannot verify a token: ", error.message);
    co_return refuse(status::service_unavailable, "the database cannot be reached");
  }
  if (!error.message.empty()) {
    metrics_.rejections(wire::CODE_UNAUTHENTICATED).Increment();
    co_return refuse(status::unauthorized, error);
  }
  if (!rates_.take_request(identity.rates, identity.tenant, identity.principal, std::chrono::steady_clock::now())) {
    metrics_.rejections(wire::CODE_LIMIT).Increment();
    co_return refuse(status::too_many_requests, kTooMuch);
  }
  std::string why;
  const auto place = places_.enter(identity.tenant, identity.principal, why);
  if (!place) {
    metrics_.rejections(wire::CODE_LIMIT).Increment();
    co_return refuse(status::too_many_requests, why);
  }
  co_return co_await run(request, identity);
}

awaitable<SqlBox::Answer> SqlBox::run(const Request& request, const Identity& identity) {
  const std::string word = first_word(request.statement);
  if (!is_run_by_sql_box(word)) {
    SqlError error;
    error.sqlstate = "0A000";
    error.message = word.empty() ? "there is no statement" : "the SQL box does not run " + word;
    error.hint = "It runs " + std::string(kSqlBoxRuns) + ".";
    co_return refuse(status::bad_request, error);
  }
  log(Severity::debug, "the SQL box runs ", word, " of ", identity.principal, " of ", identity.tenant);
  SqlBoxConnection connection(io_, config_);
  SqlBoxConnection::Outcome outcome;
  std::string failure;
  try {
    co_await connection.open();
    outcome = co_await connection.run(*request.token, request.statement);
  } catch (const SqlBoxRoleError& error) {
    log(Severity::error, "the SQL box runs nothing, because of its role: ", error.what());
    failure = "the box's role may too much: the bridge's log says what";
  } catch (const DatabaseError& error) {
    log(Severity::warning, "the SQL box has lost its connection: ", error.what());
    failure = connection.asked_to_commit() ? "the database was lost: whether the statement was committed is not known"
                                           : "the database cannot be reached";
  }
  if (!failure.empty()) co_return refuse(status::service_unavailable, failure);
  if (const auto& error = outcome.answer.error())
    co_return refuse(outcome.authenticated ? status_of(error->sqlstate) : status::unauthorized, *error);
  if (outcome.narrowed) {
    co_return refuse(status::forbidden, "the token's permissions allow less than policies do",
                     "Policies need not heed the claim \"permissions\": the box takes tokens without it.");
  }
  if (outcome.too_long) co_return refuse(status::bad_request, too_long());
  co_return Answer{static_cast<unsigned>(status::ok), outcome.answer.to_json(word)};
}

// -------------------------------------------------------------- one request

namespace {

class SqlRequest final : public Protocol {
 public:
  SqlRequest(Connection& connection, SqlBox& box, HttpRequest head, std::optional<std::uint64_t> length)
      : connection_(connection), box_(box), call_(std::make_shared<Call>()), since_(connection.last_life()) {
    call_->head = std::move(head);
    call_->request.token = std::make_shared<const std::string>(token_of(call_->head));
    begin(length);
  }

  std::size_t on_bytes(std::span<char> bytes) override {
    if (call_->answered) {
      connection_.become(make_http(connection_));
      return 0;
    }
    std::string& statement = call_->request.statement;
    const std::size_t taken = std::min(bytes.size(), length_ - statement.size());
    statement.append(bytes.data(), taken);
    if (statement.size() == length_) run();
    return taken;
  }

  // The next request is looked at when the client has taken the answer to this one.
  bool wants_bytes() const override {
    return !call_->running && !(call_->answered && (call_->last || connection_.queued_bytes() != 0));
  }

  void on_drained() override {
    if (!call_->answered) return;
    since_ = std::chrono::steady_clock::now();
    call_->answering = {};
    if (call_->last) return connection_.finish();
    connection_.resume();  // which may end this object
  }

  void on_tick(Connection::Time now) override {
    if (call_->running) return;
    const auto since = std::max(since_, call_->answered_at);
    if (now - since >= connection_.worker().config().handshake_timeout + call_->answering)
      connection_.abort(connection_.queued_bytes() != 0 ? "it takes the answer too slowly" : "no request in time");
  }

  void on_ended(const std::string&) override {}

 private:
  // Outlives a connection that ends meanwhile: the statement goes on.
  struct Call {
    HttpRequest head;
    SqlBox::Request request;
    bool running = false;
    bool answered = false;
    bool last = false;  // no other request follows
    Connection::Time answered_at;
    std::chrono::seconds answering{0};  // what that may take, beside the time for a request
  };

  void begin(std::optional<std::uint64_t> length) {
    if (connection_.worker().draining()) return end(status::service_unavailable, "shutting down");
    if (call_->request.token->empty())
      return end(status::unauthorized, "a token is needed", "Send the header \"Authorization: Bearer TOKEN\".");
    if (call_->request.token->size() > kLongestToken) return end(status::unauthorized, kTokenTooLong);
    if (!length) return end(status::length_required, "the length of the statement is needed");
    if (*length > kLongestSql) {
      return end(status::payload_too_large,
                 "the statement is longer than " + std::to_string(kLongestSql >> 10) + " kB");
    }
    length_ = static_cast<std::size_t>(*length);
    if (boost::beast::iequals(call_->head[http::field::expect], "100-continue"))
      connection_.send(std::make_shared<const std::string>("HTTP/1.1 100 Continue\r\n\r\n"));
    if (length_ == 0) end(status::bad_request, "there is no statement");
  }

  // Before the body was read: the connection ends with the answer.
  void end(status code, std::string_view message, std::string_view hint = {}) {
    call_->head.keep_alive(false);
    connection_.send(bytes_of(respond_json(call_->head, refuse(code, message, hint))));
    connection_.finish();
  }

  void run() {
    if (const std::size_t wrong = find_invalid_text(call_->request.statement); wrong != kTextOk) {
      return end(status::bad_request,
                 "the statement is no UTF-8, or holds U+0000, at byte " + std::to_string(wrong));
    }
    call_->running = true;
    start(box_.io(), [&box = box_, call = call_, connection = connection_.shared_from_this()]() -> awaitable<void> {
      const HttpResponse response = respond_json(call->head, co_await box.answer(call->request));
      connection->send(bytes_of(response));
      call->request = {};
      call->running = false;
      call->answered = true;
      call->last = !response.keep_alive();
      call->answered_at = std::chrono::steady_clock::now();
      call->answering = std::chrono::seconds(connection->queued_bytes() / kSlowestReader);
    });
  }

  Connection& connection_;
  SqlBox& box_;
  const std::shared_ptr<Call> call_;
  Connection::Time since_;  // the request began, or its answer was taken
  std::size_t length_ = 0;
};

}  // namespace

std::unique_ptr<Protocol> make_sql_request(Connection& connection, SqlBox& box, HttpRequest head,
                                           std::optional<std::uint64_t> length) {
  return std::make_unique<SqlRequest>(connection, box, std::move(head), length);
}

}  // namespace converge::bridge

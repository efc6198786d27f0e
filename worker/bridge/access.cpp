#include "access.h"

#include <algorithm>

#include "core/clock/log_version.h"

namespace converge::bridge {

namespace {

constexpr Query kAuthenticate = {"converge_authenticate", "SELECT converge.authenticate($1::converge.secret::text)"};
constexpr Query kIdentify = {"converge_identify", "SELECT * FROM converge.identify($1::converge.secret::text)"};
constexpr Query kSubscribe = {"converge_subscribe",
                              "SELECT document::bigint, tenant::text, ticket::bytea "
                              "FROM converge.subscribe($1, $2)"};
// A parameter of a type of the extension's own would outlive the extension in the
// prepared statement, and be unknown when it is created again.
constexpr Query kPull = {"converge_pull", "SELECT converge.pull($1, $2, $3::bytea::converge.log_version)"};
constexpr Query kYjsPull = {"converge_yjs_pull", "SELECT converge.yjs_pull($1, $2, $3, $4, $5)"};
constexpr Query kMayWrite = {"converge_may_write", "SELECT converge.may_write($1, $2, $3)::integer::bigint"};
constexpr Query kCheckAccess = {"converge_check_access", "SELECT converge.check_access($1::converge.secret::bytea)"};

// Beyond what a clock's reading can be added to.
constexpr std::chrono::milliseconds kLongestLifetime = std::chrono::hours(24 * 365);

Statement with_token(const Query& query, std::string_view token) {
  Statement statement{&query, {}};
  statement.parameters.push_back({token, true});  // so that no log shows it
  return statement;
}

Statement authenticate(std::string_view token) { return with_token(kAuthenticate, token); }

Identity identity_in(const Rows& row) {
  Identity identity;
  identity.tenant = row.bytes(0, 0);
  identity.principal = row.bytes(0, 1);
  identity.epoch = static_cast<std::uint64_t>(row.integer(0, 2));
  identity.token_lifetime = std::clamp(std::chrono::milliseconds(row.integer(0, 3)), {}, kLongestLifetime);
  identity.rates = {row.integer(0, 4), row.integer(0, 5), row.integer(0, 6), row.integer(0, 7)};
  return identity;
}

Statement ask_ticket(const wire::DocumentRef& document) {
  Statement statement{&kSubscribe, {}};
  statement.parameters.push_back({document.collection()});
  statement.parameters.push_back({document.key()});
  return statement;
}

Statement ask_pull(const wire::DocumentRef& document, std::string_view since) {
  static const std::string nothing = LogVersion().encode();
  Statement statement{&kPull, {}};
  statement.parameters.push_back({document.collection()});
  statement.parameters.push_back({document.key()});
  statement.parameters.push_back({since.empty() ? std::string_view(nothing) : since, true});
  return statement;
}

Statement ask_to_write(const wire::DocumentRef& document, std::string_view field) {
  Statement statement{&kMayWrite, {}};
  statement.parameters.push_back({document.collection()});
  statement.parameters.push_back({document.key()});
  statement.parameters.push_back({field});
  return statement;
}

MayWrite may_write_in(const Rows& row) {
  if (row.count() == 0 || row.is_null(0, 0)) return MayWrite::unknown;
  return row.integer(0, 0) != 0 ? MayWrite::yes : MayWrite::no;
}

Ticket ticket_in(const Rows& row, const wire::DocumentRef& document) {
  if (row.count() == 0 || row.is_null(0, 0)) {
    throw DatabaseError("no document \"" + document.collection() + "/" + document.key() + "\"", "P0002", 1, false);
  }
  Ticket ticket;
  ticket.document = static_cast<std::uint64_t>(row.integer(0, 0));
  ticket.tenant = row.bytes(0, 1);
  ticket.bytes = row.bytes(0, 2);
  return ticket;
}

}  // namespace

awaitable<std::vector<Rows>> Access::run_identified(std::string_view token, std::span<const Statement> statements,
                                                    Identity* identity) {
  try {
    auto answer = co_await database_.run(statements);
    *identity = identity_in(answer.at(0));
    known_tokens_.remember(token, {identity->tenant, identity->principal, identity->rates},
                           std::chrono::steady_clock::now() + identity->token_lifetime);
    co_return answer;
  } catch (const DatabaseError& error) {
    if (error.statement == 0 && !error.unavailable) known_tokens_.forget(token);
    throw;
  }
}

awaitable<Identity> Access::identify(Token token) {
  const Statement statements[] = {with_token(kIdentify, *token)};
  Identity identity;
  co_await run_identified(*token, statements, &identity);
  co_return identity;
}

awaitable<Access::Opened> Access::open(Token token, const wire::DocumentRef& document, std::string_view written) {
  std::vector<Statement> statements = {with_token(kIdentify, *token), ask_ticket(document)};
  if (!written.empty()) statements.push_back(ask_to_write(document, written));
  Opened opened;
  auto answer = co_await run_identified(*token, statements, &opened.identity);
  opened.ticket = ticket_in(answer.at(1), document);
  if (!written.empty()) opened.may_write = may_write_in(answer.at(2));
  co_return opened;
}

awaitable<Access::Renewed> Access::renew(Token token, const wire::DocumentRef& document, std::string_view written) {
  const Statement statements[] = {with_token(kIdentify, *token), ask_to_write(document, written)};
  Renewed renewed;
  auto answer = co_await run_identified(*token, statements, &renewed.identity);
  renewed.may_write = may_write_in(answer.at(1));
  co_return renewed;
}

awaitable<Access::Returned> Access::identify_and_pull(Token token, const wire::DocumentRef& document,
                                                      std::string_view since) {
  const Statement statements[] = {with_token(kIdentify, *token), ask_pull(document, since)};
  Returned returned;
  auto answer = co_await run_identified(*token, statements, &returned.identity);
  returned.pull = answer.at(1).bytes(0, 0);
  co_return returned;
}

awaitable<Ticket> Access::subscribe(Token token, const wire::DocumentRef& document) {
  std::vector<Statement> statements;
  statements.push_back(authenticate(*token));
  statements.push_back(ask_ticket(document));
  auto answer = co_await database_.run(statements);
  co_return ticket_in(answer.at(1), document);
}

awaitable<wire::AccessResponse> Access::check(const wire::AccessRequest& request) {
  const std::string bytes = request.SerializeAsString();
  std::vector<Statement> statements;
  statements.push_back({&kCheckAccess, {}});
  statements.back().parameters.push_back({bytes, true});
  auto answer = co_await database_.run(statements);
  const std::string_view encoded = answer.at(0).bytes(0, 0);
  wire::AccessResponse response;
  if (!response.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())) ||
      response.answers_size() != request.questions_size()) {
    throw DatabaseError("converge.check_access() gave no AccessResponse", "", 0, true);
  }
  co_return response;
}

awaitable<std::string> Access::pull(Token token, const wire::DocumentRef& document,
                                    std::string_view since) {
  std::vector<Statement> statements;
  statements.push_back(authenticate(*token));
  statements.push_back(ask_pull(document, since));
  auto answer = co_await database_.run(statements);
  co_return std::string(answer.at(1).bytes(0, 0));
}

awaitable<std::string> Access::yjs_pull(Token token, const wire::DocumentRef& document,
                                        std::string_view field, std::string_view state_vector,
                                        std::size_t state_up_to) {
  const std::string up_to = std::to_string(state_up_to);
  std::vector<Statement> statements;
  statements.push_back(authenticate(*token));
  statements.push_back({&kYjsPull, {}});
  statements.back().parameters.push_back({document.collection()});
  statements.back().parameters.push_back({document.key()});
  statements.back().parameters.push_back({field});
  statements.back().parameters.push_back({state_vector, true});
  statements.back().parameters.push_back({up_to});
  auto answer = co_await database_.run(statements);
  co_return std::string(answer.at(1).bytes(0, 0));
}

}  // namespace converge::bridge

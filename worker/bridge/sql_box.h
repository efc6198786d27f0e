// The SQL box: runs statements of whoever has a token, at /sql, as the demo's page asks for.
// There is one only where --sql-box says how to connect.
//
//   POST /sql
//   Authorization: Bearer TOKEN
//
//   UPDATE note SET body = converge.insert(body, 0, 'Hello') WHERE id = 'welcome'
//
// A statement is one transaction under the token's identity, on a connection of its own whose
// role may nothing but what every client may. docs/reference/bridge.md has the answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "access.h"
#include "connection.h"
#include "http_response.h"
#include "metrics.h"
#include "rate_limiter.h"

namespace converge::bridge {

inline constexpr std::string_view kSqlPath = "/sql";
inline constexpr std::size_t kLongestSql = std::size_t{64} << 10;
inline constexpr std::size_t kSqlBoxStatements = 4;  // that run at the same time, for the process

// Which principals have a statement running. Shared by all workers.
class SqlBoxPlaces {
 public:
  // A place that is given back when it is destroyed.
  class Place {
   public:
    Place(SqlBoxPlaces& places, std::string principal) : places_(places), principal_(std::move(principal)) {}
    ~Place() { places_.leave(principal_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    SqlBoxPlaces& places_;
    const std::string principal_;
  };

  // Null where there is none: `why` says so.
  std::unique_ptr<Place> enter(const std::string& tenant, const std::string& principal, std::string& why);

 private:
  void leave(const std::string& principal);

  std::mutex mutex_;
  std::set<std::string> running_;
};

// A worker's part of it.
class SqlBox {
 public:
  SqlBox(asio::io_context& io, const Config& config, Access& access, RateLimiter& rates, Metrics& metrics,
         SqlBoxPlaces& places);

  struct Request {
    Token token;
    std::string statement;
  };
  struct Answer {
    unsigned status;  // of HTTP
    std::string json;
  };
  // Never throws. The request has to stay until then.
  awaitable<Answer> answer(const Request& request);

  asio::io_context& io() { return io_; }
  // Whether nothing is running.
  bool idle() const { return running_.use_count() == 1; }

 private:
  awaitable<Answer> run(const Request& request, const Identity& identity);

  asio::io_context& io_;
  const Config config_;  // the bridge's, with the box's connection string and timeout
  Access& access_;
  RateLimiter& rates_;
  Metrics& metrics_;
  SqlBoxPlaces& places_;
  const std::shared_ptr<char> running_ = std::make_shared<char>();  // held by every statement
};

// What a connection speaks from the header of a POST to /sql until that is answered.
// `length`: of the body; none, if the client does not say.
std::unique_ptr<Protocol> make_sql_request(Connection& connection, SqlBox& box, HttpRequest head,
                                           std::optional<std::uint64_t> length);

}  // namespace converge::bridge

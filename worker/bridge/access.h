// What the bridge asks of the database for a client. Every call presents the
// client's token, which the database verifies, and runs under the identity it
// gives: the bridge decides nothing. Errors are thrown as DatabaseError.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "converge.pb.h"
#include "database.h"
#include "known_tokens.h"

namespace converge::bridge {

struct Identity {
  std::string tenant;
  std::string principal;
  std::uint64_t epoch = 0;  // of the server
  std::chrono::milliseconds token_lifetime{0};  // until the token ends
  Rates rates;
};

// A document that the client may read, and the proof of it for the worker.
struct Ticket {
  std::uint64_t document = 0;
  std::string tenant;
  std::string bytes;
};

// Whether push() would let the client change a field.
enum class MayWrite { no, yes, unknown };

// A client's token, held for as long as something is asked under it: the client may
// renew it meanwhile.
using Token = std::shared_ptr<const std::string>;

inline constexpr std::size_t kLongestToken = 16 << 10;
inline constexpr std::string_view kTokenTooLong = "the token is longer than 16 kB";

class Access {
 public:
  explicit Access(DatabasePool& database) : database_(database) {}

  awaitable<Identity> identify(Token token);

  // Several in one question each, identify() and subscribe(), or identify() and pull(). Where
  // it is the token that is refused, the error is of statement 0. `written`: a field of which
  // converge.may_write() is asked as well; empty: of none.
  struct Opened {
    Identity identity;
    Ticket ticket;
    MayWrite may_write = MayWrite::unknown;
  };
  struct Returned {
    Identity identity;
    std::string pull;
  };
  struct Renewed {
    Identity identity;
    MayWrite may_write = MayWrite::unknown;
  };
  awaitable<Opened> open(Token token, const wire::DocumentRef& document, std::string_view written);
  awaitable<Renewed> renew(Token token, const wire::DocumentRef& document, std::string_view written);
  awaitable<Returned> identify_and_pull(Token token, const wire::DocumentRef& document,
                                        std::string_view since);

  // Whom the token's requests are charged to, if these functions have found out lately:
  // null where they have not. It may have been revoked since.
  const KnownTokens::Holder* known_holder(std::string_view token) const {
    return known_tokens_.find(token, std::chrono::steady_clock::now());
  }

  // Whether a question asked now is not waiting for others.
  bool answers_at_once() const { return database_.has_idle(); }

  // converge.subscribe(). A document that does not exist or is not visible to
  // the client is an error with SQLSTATE P0002.
  awaitable<Ticket> subscribe(Token token, const wire::DocumentRef& document);

  // converge.check_access(): what many clients may read, by the tokens in it.
  awaitable<wire::AccessResponse> check(const wire::AccessRequest& request);

  // converge.pull(): an encoded PullResponse. `since` is an encoded log_version,
  // or empty for nothing.
  awaitable<std::string> pull(Token token, const wire::DocumentRef& document, std::string_view since);

  // converge.yjs_pull(): an encoded PullResponse with what a Yjs client of this
  // state vector lacks; or the field itself, if it has up to `state_up_to` bytes.
  awaitable<std::string> yjs_pull(Token token, const wire::DocumentRef& document, std::string_view field,
                                  std::string_view state_vector, std::size_t state_up_to = 0);

 private:
  // What begins with converge.identify(); remembers whose the token is.
  awaitable<std::vector<Rows>> run_identified(std::string_view token, std::span<const Statement> statements,
                                              Identity* identity);

  DatabasePool& database_;
  KnownTokens known_tokens_;
};

}  // namespace converge::bridge

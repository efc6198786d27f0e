// One live client of one document: a session (src/core/session) and the
// connection that carries its messages, made again whenever it is lost.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "columns.h"
#include "connection.h"
#include "core/session/document_session.h"
#include "options.h"

namespace converge::cli {

class DocumentClient {
 public:
  // What the caller may want to hear; all may be empty.
  struct Events {
    // After a pull, and after each live change. `change` is null for a pull.
    std::function<void(const session::Update&, const wire::Change* change)> updated;
    std::function<void(const session::Refusal&)> refused;
    std::function<void(const std::string& why)> disconnected;
    std::function<void(const std::string& what)> noticed;  // wire.Notice
    // What others show at the document, whoever is new first and complete. Null
    // when the connection was lost, and with it the sight of them.
    std::function<void(const wire::Presences*)> presences;
  };

  // A change as it came from the server.
  struct Received {
    ReplicaId replica;
    std::uint64_t seq;
    std::string principal;
  };

  DocumentClient(boost::asio::io_context& io, Options options, DocumentName name,
                 Events events = {});

  // What run() does when the first connection cannot be made.
  enum class FirstConnection { must_succeed, may_come_later };

  // Connects, subscribes, and keeps doing so until stop(). Throws
  // boost::system::system_error if the first connection cannot be made and has
  // to be, and std::runtime_error if the bridge refuses the client or the
  // document.
  boost::asio::awaitable<void> run(FirstConnection first = FirstConnection::must_succeed);
  void stop();

  // Cuts the line and stays away; comes back.
  void set_online(bool online);

  session::DocumentSession& session() { return session_; }
  const Columns& columns() const { return columns_; }

  // Makes one change, on these terms: `edit` calls the session's edit methods. Sends
  // it when there is a connection. Returns its number, 0 if it changed nothing.
  // Throws std::runtime_error with the session's message.
  std::uint64_t change(
      const std::function<Result<void>(session::DocumentSession&)>& edit, session::Terms terms = {});

  // Shows JSON to the others, again on each connection, until stop(). Empty:
  // nothing any more.
  void show(std::string state, std::string field);

  bool caught_up() const { return caught_up_; }
  bool settled() const { return caught_up_ && session_.pending() == 0; }
  const std::vector<Received>& received() const { return received_; }
  const std::vector<session::Refusal>& refusals() const { return refusals_; }
  // From commit_change() to the acknowledgement, in milliseconds.
  const std::vector<double>& ack_latencies_ms() const { return ack_latencies_ms_; }
  std::uint64_t bytes_sent() const;

  // Resumes when `condition` holds, which is tried after everything that
  // happens here; false after `limit`. Throws what ended run().
  boost::asio::awaitable<bool> wait_until(std::function<bool()> condition,
                                          std::chrono::milliseconds limit);

 private:
  using Clock = std::chrono::steady_clock;

  boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  void subscribe();
  wire::ClientMessage subscribe_request();
  bool is_to_reconcile() const;
  void flush_later();
  void flush();
  void on_pull(const wire::Subscribed& subscribed);
  void on_changes(const wire::Changes& changes);
  void on_ack(ReplicaId replica, std::uint64_t seq);
  void on_reject(const wire::Reject& reject);
  void on_presences(const wire::Presences& presences);
  void send_presence();
  boost::asio::awaitable<void> repeat_presence();
  void note_acknowledged();
  void on_epoch(std::uint64_t epoch);
  void note_refusal(const session::Refusal& refusal);
  void plan_renewal(std::chrono::milliseconds token_lifetime);
  void renew_in(std::chrono::milliseconds pause);
  void changed();

  boost::asio::io_context& io_;
  Options options_;
  DocumentName name_;
  Events events_;
  session::DocumentSession session_;
  Columns columns_;
  std::shared_ptr<Connection> connection_;
  boost::asio::steady_timer pause_;    // between attempts to connect, and while offline
  boost::asio::steady_timer changed_;  // cancelled to wake wait_until()
  boost::asio::steady_timer resend_;
  boost::asio::steady_timer buffer_;   // until what was changed is sent
  bool buffering_ = false;
  boost::asio::steady_timer renewal_;  // of the token
  std::string token_;                  // that was presented last
  boost::asio::steady_timer repeat_;   // of the presence
  bool online_ = true;
  bool stopped_ = false;
  bool subscribing_ = false;
  bool caught_up_ = false;
  std::uint32_t channel_ = 0;
  std::uint64_t peer_ = 0;                    // this connection's number in presence
  std::chrono::milliseconds presence_ms_{0};  // how long one lasts
  wire::SetPresence shown_;
  bool repeating_ = false;
  std::uint32_t last_request_ = 0;
  ReplicaId sent_replica_ = 0;
  std::uint64_t sent_seq_ = 0;  // of sent_replica_, on this connection
  std::deque<Clock::time_point> committed_at_;  // of the journal's changes
  std::vector<double> ack_latencies_ms_;
  std::vector<Received> received_;
  std::vector<session::Refusal> refusals_;
  std::uint64_t bytes_sent_before_ = 0;  // on connections that are gone
  std::optional<std::string> failure_;   // what ended run()
};

}  // namespace converge::cli

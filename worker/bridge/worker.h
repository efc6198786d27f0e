// One worker of the bridge: a thread with its own listening socket, database
// connections, link to PostgreSQL's background worker, documents and clients.
// Workers share nothing but the bounds on connections, rates and the SQL box; the kernel spreads the
// clients over them.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>

#include "close_delays.h"
#include "connection.h"
#include "change_source.h"
#include "metrics.h"
#include "conversation.h"
#include "gather_window.h"
#include "hub.h"
#include "presence_relay.h"
#include "pusher.h"
#include "sql_box.h"
#include "static_files.h"
#include "tls.h"

namespace converge::bridge {

// Whose coroutines may be ended while what they use is still there.
class WorkerIo : public asio::io_context {
 public:
  WorkerIo() : asio::io_context(1) {}
  using asio::execution_context::shutdown;
};

class Worker {
 public:
  // `index` is its number, from 0, among the process's workers.
  Worker(const Config& config, Connections& connections, RateLimiter& rates, Metrics& metrics, const Tls& tls,
         PresenceRelay& relay, SqlBoxPlaces& sql_box_places, unsigned index);
  // Ends the coroutines that wait still first: what they hold they give back to other members.
  ~Worker() { io_.shutdown(); }

  // Binds the listening socket and returns the port. Throws
  // boost::system::system_error.
  std::uint16_t listen(const std::string& address, std::uint16_t port);

  void run();             // until drained
  // One of a process's workers looks after the figures of its database.
  void sample() { samples_ = true; }
  void request_drain();   // from any thread: end orderly

  // ---- for connections of this worker

  const Config& config() const { return config_; }
  asio::io_context& io() { return io_; }
  Services services() { return {io_, config_, access_, hub_, pusher_, rates_, metrics_, close_delays_}; }
  Metrics& metrics() { return metrics_; }
  StaticFiles& files() { return files_; }
  SqlBox* sql_box() { return sql_box_ ? &*sql_box_ : nullptr; }  // null: there is none
  bool ready() const { return !draining_ && database_.healthy() && source_->attached(); }
  bool draining() const { return draining_; }
  // Where a connection's bytes are read to, one connection at a time.
  std::span<char> read_buffer() { return read_buffer_; }
  // Has the connection write what was queued at the turn's end (gather_window.h), so
  // that all of it goes out in one call.
  void flush_later(std::shared_ptr<Connection> connection);
  // Keeps the connection until it is removed.
  void add(std::shared_ptr<Connection> connection);
  void remove(Connection& connection);
  void add(Conversation& conversation);
  void remove(Conversation& conversation);

 private:
  awaitable<void> accept();
  awaitable<void> recheck();
  awaitable<void> tick();
  awaitable<void> drain();
  void write_due();

  const Config& config_;
  Connections& connections_;
  RateLimiter& rates_;
  WorkerIo io_;
  DatabasePool database_;
  Access access_;
  GatherWindow gather_window_;
  std::unique_ptr<ChangeSource> source_;
  Hub hub_;
  Pusher pusher_;
  StaticFiles files_;
  Metrics& metrics_;
  CloseDelays close_delays_;
  std::optional<SqlBox> sql_box_;
  const Tls& tls_;
  asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type> acceptor_;
  std::vector<char> read_buffer_;
  std::deque<std::shared_ptr<Connection>> to_flush_;
  std::size_t due_ = 0;   // of these, the first: their turn is over
  bool writing_ = false;  // write_due() is posted
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connected_;
  // Each with the time of its next check, and in the order of these.
  std::unordered_map<Conversation*, Connection::Time> conversations_;
  std::set<std::pair<Connection::Time, Conversation*>> checks_;
  std::minstd_rand random_;
  bool draining_ = false;
  bool samples_ = false;
};

}  // namespace converge::bridge
